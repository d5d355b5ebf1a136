/* late_key: linked into a node of its own, in which the key process takes its time over an epoch: what comes along with that epoch, a recall of
   its blocks for one, is there long before anybody knows whether they are sealed to this node. */
#include "crypto/epoch.h"

#include <time.h>

/* What the linker makes of calls of epoch_open, and the function itself (ld, --wrap). */
enum err __real_epoch_open(uint8_t secret[static EPOCH_SECRET_BYTES], struct bytes body, const struct epoch_author *author,
                           const struct epoch_reader *reader, const uint8_t prekey_secret[static PREKEY_SECRET_BYTES]);
enum err __wrap_epoch_open(uint8_t secret[static EPOCH_SECRET_BYTES], struct bytes body, const struct epoch_author *author,
                           const struct epoch_reader *reader, const uint8_t prekey_secret[static PREKEY_SECRET_BYTES]);

enum err __wrap_epoch_open(uint8_t secret[static EPOCH_SECRET_BYTES], struct bytes body, const struct epoch_author *author,
                           const struct epoch_reader *reader, const uint8_t prekey_secret[static PREKEY_SECRET_BYTES]) {
    const struct timespec late = {.tv_sec = 1};
    nanosleep(&late, NULL);
    return __real_epoch_open(secret, body, author, reader, prekey_secret);
}
