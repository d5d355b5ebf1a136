/* adding: a node of this agency while it is being made: by `comity node add`, or from a backup by `comity restore`. */
#ifndef NODE_ADDING_H
#define NODE_ADDING_H

#include "crypto/keyfile.h"
#include "crypto/random.h"
#include "node/cmd/command.h"
#include "node/process/config.h"
#include "node/identity/passphrase.h"
#include "node/identity/request.h"
#include "node/identity/trust_files.h"

struct adding {
    struct card_file card; /* of the own agency, as it is known where the chain is extended */
    struct request request;
    struct config config;
    struct passphrase passphrase; /* of the new key file */
    struct keyfile *keys;         /* guarded, as `random` */
    struct random *random;
    struct agency_node node;
};

/* Draws the keys, drafts the certificate, and prepares the first entry. `store_key`: kept from the node that this one replaces, or
   null. */
enum outcome adding_draft(const struct invocation *invocation, struct adding *adding, const uint8_t *store_key) MUST_USE;

/* Writes keys, card, the pins of the directory `from` (may be null) and the configuration into invocation->dir: the last one last,
   since a directory without one holds no node. */
enum outcome adding_write(const struct invocation *invocation, struct adding *adding, const char *from) MUST_USE;

void adding_free(struct adding *adding);

#endif
