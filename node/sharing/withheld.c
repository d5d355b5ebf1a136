#include "node/sharing/withheld.h"

#include <stdio.h>
#include <string.h>

static void name_of(char out[static STORE_META_KEY_BYTES_MAX + 1], uint64_t block) {
    snprintf(out, STORE_META_KEY_BYTES_MAX + 1, "secret/withheld/%016llx", (unsigned long long)block);
}

bool withheld_copy(struct bytes word) { return word.size > 0 && word.data[0] == WITHHELD_COPY; }

bool withheld_lets(struct bytes word, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    bool named = false;
    if (word.size == 0) return true;
    for (size_t at = 1; at + AGENCY_ID_BYTES <= word.size && !named; at += AGENCY_ID_BYTES)
        named = memcmp(word.data + at, agency_id, AGENCY_ID_BYTES) == 0;
    return (word.data[0] == WITHHELD_FROM && !named) || (word.data[0] == WITHHELD_BUT_TO && named);
}

void withheld_keep(struct store_batch *batch, uint64_t block, struct bytes word) {
    char name[STORE_META_KEY_BYTES_MAX + 1];
    if (word.size == 0) return;
    name_of(name, block);
    store_batch_meta(batch, name, word);
}

void withheld_of(struct store *store, uint64_t block, struct buf *out) {
    char name[STORE_META_KEY_BYTES_MAX + 1];
    name_of(name, block);
    buf_clear(out);
    enum err err = store_meta(store, name, out);
    if (err == OK || err == ERR_NOT_FOUND) return;
    buf_clear(out);
    buf_put_u8(out, WITHHELD_BUT_TO);
}
