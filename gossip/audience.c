#include "gossip/audience.h"

#include "crypto/hash.h"

#include <stdlib.h>
#include <string.h>

void audience_free(struct audience *audience) {
    free(audience->readers);
    *audience = (struct audience){0};
}

static enum err reader_add(struct audience *audience, const struct agency *agency, const struct agency_node *node,
                           const struct prekey *prekey) {
    for (size_t i = 0; i < audience->count; i++)
        if (memcmp(audience->readers[i].node_id, node->id, NODE_ID_BYTES) == 0) return OK;
    if (audience->count >= EPOCH_SLOTS_MAX) return ERR_LIMIT;
    if (audience->count == audience->capacity) {
        size_t capacity = audience->capacity ? 2 * audience->capacity : 8;
        struct epoch_reader *grown = realloc(audience->readers, capacity * sizeof *grown);
        if (!grown) return ERR_MEMORY;
        audience->readers = grown, audience->capacity = capacity;
    }
    struct epoch_reader *reader = &audience->readers[audience->count++];
    *reader = (struct epoch_reader){.prekey_id = prekey->id};
    memcpy(reader->agency_id, agency->id, AGENCY_ID_BYTES);
    memcpy(reader->node_id, node->id, NODE_ID_BYTES);
    memcpy(reader->prekey_public, prekey->public_key, PREKEY_PUBLIC_BYTES);
    return OK;
}

enum err audience_add(struct audience *audience, const struct gossip *gossip, size_t agency_index, uint64_t now_ms) {
    const struct agency *agency = gossip_agency(gossip, agency_index);
    bool any = false, expired = false;
    if (gossip_agency_split(gossip, agency_index)) return ERR_SPLIT;
    for (size_t i = 0; i < agency->node_count; i++) {
        const struct agency_node *node = &agency->nodes[i];
        const struct prekey *prekey = gossip_prekey(gossip, node->id);
        if (node->revoked) continue;
        if (agency_index != 0 && now_ms >= node->not_after_ms) {
            expired = true;
            continue;
        }
        if (!prekey || !prekey_sealable(prekey, now_ms)) continue;
        enum err err = reader_add(audience, agency, node, prekey);
        if (err != OK) return err;
        any = true;
    }
    /* What this node publishes it has anyway: its own prekey may be old when nobody could tell it yet where its log ends. */
    if (any || agency_index == 0) return OK;
    return expired ? ERR_EXPIRED : ERR_NO_PREKEY;
}

static int reader_compare(const void *a, const void *b) {
    return memcmp(((const struct epoch_reader *)a)->node_id, ((const struct epoch_reader *)b)->node_id, NODE_ID_BYTES);
}

void audience_seal(struct audience *audience) {
    uint8_t ids[EPOCH_SLOTS_MAX * NODE_ID_BYTES];
    if (audience->count > 1) qsort(audience->readers, audience->count, sizeof *audience->readers, reader_compare);
    for (size_t i = 0; i < audience->count; i++) memcpy(ids + i * NODE_ID_BYTES, audience->readers[i].node_id, NODE_ID_BYTES);
    hash_of(audience->key, "comity-audience", bytes_of(ids, audience->count * NODE_ID_BYTES), bytes_of(NULL, 0));
}

bool audience_covered(const struct audience *audience, struct bytes node_ids) {
    for (size_t i = 0; i < audience->count; i++) {
        size_t at = 0;
        while (at + NODE_ID_BYTES <= node_ids.size && memcmp(node_ids.data + at, audience->readers[i].node_id, NODE_ID_BYTES) != 0)
            at += NODE_ID_BYTES;
        if (at + NODE_ID_BYTES > node_ids.size) return false;
    }
    return true;
}
