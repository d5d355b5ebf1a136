/* signer: the key that signs a record of the own agency's chain: DIR/ops.key, DIR/root.key, or a file that --key names. */
#ifndef NODE_SIGNER_H
#define NODE_SIGNER_H

#include "crypto/keyfile.h"
#include "node/cmd/command.h"
#include "node/process/dir.h"
#include "node/identity/passphrase.h"
#include "node/identity/request.h"

struct signer {
    struct keyfile *keys;         /* guarded */
    struct passphrase passphrase; /* that opened it; a file sealed anew gets it again */
    char path[DIR_PATH_MAX];
    const uint8_t *seed; /* within keys: the one that is entitled to sign this record */
};

/* Opens the first key file that may sign this request; says so when there is none. Release with signer_close, also after a failure. */
enum outcome signer_open(struct signer *out, const struct invocation *invocation, const struct request *request) MUST_USE;
/* Opens one file of this kind, for whatever use. */
enum outcome signer_open_file(struct signer *out, const struct invocation *invocation, const char *path,
                              enum keyfile_kind kind) MUST_USE;
/* FILE.next beside an opened FILE is what follows it (`comity root rotate`, `offer`). Once the chain has its key in force it takes
   FILE's place, on disk and in *signer; before, nothing happens. *waiting, if given, gets a waiting one: guarded memory of the
   caller's, kind 0 when there is none. ERR_EXISTS: what waits there follows another key. */
enum err signer_settle(struct signer *signer, const struct agency *agency, struct keyfile *waiting) MUST_USE;
/* Seals a key file under the signer's passphrase as PATH + suffix, in one step. */
enum err signer_write(const struct signer *signer, const char *path, const char *suffix, const struct keyfile *keys) MUST_USE;
void signer_close(struct signer *signer);
/* Is there a file that might sign, without opening any? */
bool signer_near(const struct invocation *invocation, bool root_record);

#endif
