#include "gossip/card.h"

#include "crypto/hash.h"
#include "gossip/armour.h"

#include <string.h>

#define CARD_MAGIC       "CMTYCARD"
#define CARD_MAGIC_BYTES 8
#define CARD_VERSION     1
#define CARD_ARMOUR      "CARD"

enum err card_write(struct buf *out, struct bytes chain, struct bytes prekeys) {
    size_t start = out->size;
    uint8_t sum[HASH_BYTES];
    buf_put_raw(out, CARD_MAGIC, CARD_MAGIC_BYTES);
    buf_put_u8(out, CARD_VERSION);
    buf_put_u32(out, (uint32_t)chain.size);
    buf_put(out, chain);
    buf_put_u32(out, (uint32_t)prekeys.size);
    buf_put(out, prekeys);
    if (buf_result(out) != OK) return buf_result(out);
    hash_of(sum, "comity-card", bytes_of(out->data + start, out->size - start), bytes_of(NULL, 0));
    buf_put_raw(out, sum, sizeof sum);
    return buf_result(out);
}

/* One PREKEY entry of each node at most, each signed by a node that the chain holds valid. */
static enum err prekeys_read(struct card *out, struct bytes prekeys) {
    out->prekeys = prekeys;
    while (prekeys.size > 0) {
        if (out->prekey_count == AGENCY_NODES_MAX) return ERR_LIMIT;
        struct entry *entry = &out->prekey_entries[out->prekey_count];
        enum err err = entry_parse(entry, prekeys);
        if (err != OK) return err;
        const struct agency_node *node = agency_node_find(&out->agency, entry->node_id);
        if (entry->type != ENTRY_PREKEY || memcmp(entry->agency_id, out->agency.id, AGENCY_ID_BYTES) != 0) return ERR_FORMAT;
        if (!node || node->revoked) return ERR_UNKNOWN_AUTHOR;
        for (size_t i = 0; i < out->prekey_count; i++)
            if (memcmp(out->prekey_entries[i].node_id, entry->node_id, NODE_ID_BYTES) == 0) return ERR_FORMAT;
        err = entry_verify(entry, node->sign_public);
        if (err != OK) return err;
        out->prekey_count++;
        prekeys = bytes_of(prekeys.data + entry->size, prekeys.size - entry->size);
    }
    return OK;
}

enum err card_read(struct card *out, struct bytes bytes) {
    uint8_t sum[HASH_BYTES];
    struct cursor cursor = cursor_of(bytes);
    if (bytes.size > CARD_BYTES_MAX) return ERR_TOO_BIG;
    struct bytes magic = cursor_take(&cursor, CARD_MAGIC_BYTES);
    if (cursor.failed || memcmp(magic.data, CARD_MAGIC, CARD_MAGIC_BYTES) != 0) return ERR_FORMAT;
    if (cursor_u8(&cursor) != CARD_VERSION) return cursor.failed ? ERR_TRUNCATED : ERR_VERSION;
    out->chain = cursor_take(&cursor, cursor_u32(&cursor));
    struct bytes prekeys = cursor_take(&cursor, cursor_u32(&cursor));
    struct bytes said = cursor_take(&cursor, HASH_BYTES);
    if (cursor.failed) return ERR_TRUNCATED;
    if (!cursor_done(&cursor)) return ERR_FORMAT;
    hash_of(sum, "comity-card", bytes_of(bytes.data, bytes.size - HASH_BYTES), bytes_of(NULL, 0));
    if (memcmp(sum, said.data, HASH_BYTES) != 0) return ERR_HASH;
    enum err err = agency_parse(&out->agency, out->chain, NULL);
    if (err != OK) return err;
    out->prekey_count = 0;
    return prekeys_read(out, prekeys);
}

enum err card_armour(struct buf *out, struct bytes binary) { return armour_write(out, CARD_ARMOUR, binary); }

enum err card_dearmour(struct buf *binary, struct bytes text) {
    if (text.size >= CARD_MAGIC_BYTES && memcmp(text.data, CARD_MAGIC, CARD_MAGIC_BYTES) == 0) {
        if (text.size > CARD_BYTES_MAX) return ERR_TOO_BIG;
        buf_put(binary, text);
        return buf_result(binary);
    }
    return text.size > 2 * CARD_BYTES_MAX ? ERR_TOO_BIG : armour_read(binary, CARD_ARMOUR, text);
}
