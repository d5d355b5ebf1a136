/* place: what `init` and `node add` share: the endpoints on the command line, an empty directory, sealed key files. */
#ifndef NODE_PLACE_H
#define NODE_PLACE_H

#include "crypto/keyfile.h"
#include "node/cmd/command.h"
#include "node/process/config.h"

/* Defaults, the agency's name, and --listen and --advertise, each checked. */
enum outcome place_config(const struct invocation *invocation, const char *agency, struct config *config) MUST_USE;

/* Makes the directory, or sees that it is empty. */
enum outcome place_empty(const struct invocation *invocation) MUST_USE;

/* Seals a key file and writes it. ERR_EXISTS when NAME is there. */
enum err place_key_write(const char *dir, const char *name, const struct keyfile *keyfile, struct bytes passphrase,
                         struct random *random) MUST_USE;

#endif
