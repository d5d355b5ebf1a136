/* fuzz_epoch: the body of an EPOCH entry, checked as by everybody and opened as by one reader; and the same with the checks' fixed
   bytes set right, so that the slots are reached. */
#include "crypto/epoch.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_body(struct bytes body) {
    static const struct epoch_author author = {{1}, {2}};
    static const uint8_t prekey_secret[PREKEY_SECRET_BYTES] = {4};
    struct epoch_reader reader = {.agency_id = {3}, .prekey_id = 1};
    uint8_t secret[EPOCH_SECRET_BYTES];
    prekey_public_of_secret(reader.prekey_public, prekey_secret);
    enum err checked = epoch_check(body), opened = epoch_open(secret, body, &author, &reader, prekey_secret);
    assert(checked == OK || opened == checked);
    assert(opened == OK || sodium_is_zero(secret, sizeof secret));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t body_bytes = EPOCH_HEAD_BYTES + EPOCH_SLOTS_MIN * EPOCH_SLOT_BYTES;
    if (sodium_init() < 0) return 0;
    open_body(bytes_of(data, size));
    uint8_t *body = calloc(1, body_bytes);
    assert(body != NULL);
    if (size > 0) memcpy(body, data, size < body_bytes ? size : body_bytes);
    memcpy(body, "\1\1\4\0", 4);
    for (uint8_t i = 0; i < EPOCH_SLOTS_MIN; i++) body[EPOCH_HEAD_BYTES + i * EPOCH_SLOT_BYTES] = i;
    assert(epoch_check(bytes_of(body, body_bytes)) == OK);
    open_body(bytes_of(body, body_bytes));
    free(body);
    return 0;
}
