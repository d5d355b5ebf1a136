#include "node/engine/engine_core.h"

#include <stdio.h>
#include <string.h>

/* Was this object published before, to all whom this publication addresses? */

/* Was that block sealed to everyone whom this publication addresses? */
static bool covered(struct engine *engine, uint64_t block_seq, const struct audience *audience) {
    struct publisher *publisher = &engine->publisher;
    struct entry entry;
    struct block_body body;
    char name[64];
    bool verified;
    if (publisher->epoch_cache_seq != block_seq) {
        buf_clear(&engine->scratch_entry);
        if (store_entry(engine->store, engine->node_id, block_seq, &engine->scratch_entry, &verified) != OK) return false;
        if (entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) != OK || block_body_read(&body, entry.body) != OK)
            return false;
        publisher->epoch_cache_seq = block_seq;
        publisher->epoch_cache_epoch = body.epoch_seq;
    }
    snprintf(name, sizeof name, "secret/audience/%016llx", (unsigned long long)publisher->epoch_cache_epoch);
    buf_clear(&engine->scratch_entry);
    if (store_meta(engine->store, name, &engine->scratch_entry) != OK) return false;
    return audience_covered(audience, bytes_of_buf(&engine->scratch_entry));
}

/* At the value of a key that tells a moment? No string of JSON has an unescaped quote in it, so this is a key. */
static size_t moment_key(struct bytes text, size_t at) {
    static const char *const keys[] = {"\"modified\":\"", "\"timestamp\":\""};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t size = strlen(keys[i]);
        if (text.size - at >= size && memcmp(text.data + at, keys[i], size) == 0) return size;
    }
    return 0;
}

/* Do both texts, made by this program of another format, say the same, but for when it was said? */
static bool same_but_moments(struct bytes a, struct bytes b) {
    size_t at = 0, other = 0;
    while (at < a.size && other < b.size && a.data[at] == b.data[other]) {
        size_t key = a.data[at] == '"' ? moment_key(a, at) : 0;
        at++, other++;
        if (key == 0 || moment_key(b, other - 1) != key) continue;
        at += key - 1, other += key - 1;
        while (at < a.size && a.data[at] != '"') at++;
        while (other < b.size && b.data[other] != '"') other++;
    }
    return at == a.size && other == b.size;
}

/* Both have the same id, label and marks. */
static bool same_version(const struct item *held, const struct item *item, unsigned flags) {
    if (flags & CONTROL_ITEM_GENERATED) return true;
    if (flags & CONTROL_ITEM_CONVERTED) return same_but_moments(held->text, item->text);
    return held->modified_ms == item->modified_ms && (item->modified_ms != 0 || bytes_equal(held->text, item->text));
}

bool publisher_known(struct engine *engine, const struct publication *publication, const struct item *item, unsigned flags) {
    static struct item held;
    uint64_t cursors[64];
    size_t count = store_find_id(engine->store, item->id, cursors, 64);
    if (store_find_result(engine->store) != OK)
        engine_event(engine, LOG_STORE_DAMAGED, NULL, "the index cannot be read: an object may be published twice");
    for (size_t i = count; i-- > 0;) {
        struct page_head head;
        struct bytes encoded;
        if (store_item(engine->store, cursors[i], &head, &held, &encoded) != OK) continue;
        if (memcmp(head.node_id, engine->node_id, NODE_ID_BYTES) != 0 || !bytes_equal(held.id, item->id)) continue;
        if (held.tlp != item->tlp || !bytes_equal(held.marks, item->marks) || !same_version(&held, item, flags)) continue;
        if (covered(engine, head.seq, &publication->audience)) return true;
    }
    return false;
}
