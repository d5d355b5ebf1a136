#include "gossip/permit.h"

#include "gossip/pack.h"

#include <string.h>

#define PERMIT_VERSION 1
#define ASK_FIELDS     8
#define GRANT_FIELDS   7
#define DENIAL_FIELDS  5

/* Ids of objects end on terminals: printable ASCII without blanks, as in items. */
static bool id_valid(struct bytes id) {
    if (id.size == 0 || id.size > ITEM_ID_BYTES_MAX) return false;
    for (size_t i = 0; i < id.size; i++)
        if (id.data[i] <= ' ' || id.data[i] > '~') return false;
    return true;
}

static enum err begin(struct pack_reader *reader, struct bytes text, uint32_t fields) {
    *reader = pack_reader_of(text);
    if (pack_read_array(reader) != fields) return ERR_FORMAT;
    uint64_t version = pack_read_uint(reader);
    if (pack_failed(reader)) return ERR_FORMAT;
    return version == PERMIT_VERSION ? OK : ERR_VERSION;
}

/* A bin of exactly this size. */
static bool read_fixed(struct pack_reader *reader, uint8_t *out, size_t size) {
    struct bytes value = pack_read_bin(reader);
    if (value.size != size) return false;
    memcpy(out, value.data, size);
    return true;
}

static bool ask_valid(const struct permit_ask *ask) {
    return id_valid(ask->object.id) && ask->object.seq > 0 && ask->object.index < BLOCK_ITEMS_MAX &&
           ask->reason.size <= PERMIT_REASON_BYTES_MAX;
}

enum err permit_ask_encode(struct buf *out, const struct permit_ask *ask) {
    if (!ask_valid(ask) || !pack_utf8_valid(ask->reason)) return ERR_RANGE;
    pack_write_array(out, ASK_FIELDS);
    pack_write_uint(out, PERMIT_VERSION);
    pack_write_str(out, ask->object.id);
    pack_write_bin(out, bytes_of(ask->object.node_id, NODE_ID_BYTES));
    pack_write_uint(out, ask->object.seq);
    pack_write_uint(out, ask->object.index);
    pack_write_bin(out, bytes_of(ask->object.leaf, HASH_BYTES));
    pack_write_bin(out, bytes_of(ask->reader, AGENCY_ID_BYTES));
    pack_write_str(out, ask->reason);
    return buf_result(out);
}

enum err permit_ask_decode(struct permit_ask *out, struct bytes text) {
    struct pack_reader reader;
    *out = (struct permit_ask){0};
    enum err err = begin(&reader, text, ASK_FIELDS);
    if (err != OK) return err;
    out->object.id = pack_read_str(&reader);
    if (!read_fixed(&reader, out->object.node_id, NODE_ID_BYTES)) return ERR_FORMAT;
    out->object.seq = pack_read_uint(&reader);
    uint64_t index = pack_read_uint(&reader);
    if (index >= BLOCK_ITEMS_MAX) return ERR_RANGE;
    out->object.index = (uint32_t)index;
    if (!read_fixed(&reader, out->object.leaf, HASH_BYTES) || !read_fixed(&reader, out->reader, AGENCY_ID_BYTES)) return ERR_FORMAT;
    out->reason = pack_read_str(&reader);
    err = pack_done(&reader);
    return err == OK && !ask_valid(out) ? ERR_RANGE : err;
}

static bool grant_valid(const struct permit_grant *grant) { return id_valid(grant->object_id) && grant->codes <= PERMIT_CODES_MAX; }

enum err permit_grant_encode(struct buf *out, const struct permit_grant *grant) {
    if (!grant_valid(grant)) return ERR_RANGE;
    pack_write_array(out, GRANT_FIELDS);
    pack_write_uint(out, PERMIT_VERSION);
    pack_write_str(out, grant->object_id);
    pack_write_bin(out, bytes_of(grant->leaf, HASH_BYTES));
    pack_write_bin(out, bytes_of(grant->grantee, AGENCY_ID_BYTES));
    pack_write_bin(out, bytes_of(grant->reader, AGENCY_ID_BYTES));
    pack_write_uint(out, grant->until_ms);
    pack_write_uint(out, grant->codes);
    return buf_result(out);
}

enum err permit_grant_decode(struct permit_grant *out, struct bytes text) {
    struct pack_reader reader;
    *out = (struct permit_grant){0};
    enum err err = begin(&reader, text, GRANT_FIELDS);
    if (err != OK) return err;
    out->object_id = pack_read_str(&reader);
    if (!read_fixed(&reader, out->leaf, HASH_BYTES) || !read_fixed(&reader, out->grantee, AGENCY_ID_BYTES) ||
        !read_fixed(&reader, out->reader, AGENCY_ID_BYTES))
        return ERR_FORMAT;
    out->until_ms = pack_read_uint(&reader);
    uint64_t codes = pack_read_uint(&reader);
    if (codes > PERMIT_CODES_MAX) return ERR_RANGE;
    out->codes = (uint8_t)codes;
    err = pack_done(&reader);
    return err == OK && !grant_valid(out) ? ERR_RANGE : err;
}

static bool denial_valid(const struct permit_denial *denial) {
    return id_valid(denial->object_id) && denial->reason.size <= PERMIT_REASON_BYTES_MAX;
}

enum err permit_denial_encode(struct buf *out, const struct permit_denial *denial) {
    if (!denial_valid(denial) || !pack_utf8_valid(denial->reason)) return ERR_RANGE;
    pack_write_array(out, DENIAL_FIELDS);
    pack_write_uint(out, PERMIT_VERSION);
    pack_write_str(out, denial->object_id);
    pack_write_bin(out, bytes_of(denial->leaf, HASH_BYTES));
    pack_write_bin(out, bytes_of(denial->reader, AGENCY_ID_BYTES));
    pack_write_str(out, denial->reason);
    return buf_result(out);
}

enum err permit_denial_decode(struct permit_denial *out, struct bytes text) {
    struct pack_reader reader;
    *out = (struct permit_denial){0};
    enum err err = begin(&reader, text, DENIAL_FIELDS);
    if (err != OK) return err;
    out->object_id = pack_read_str(&reader);
    if (!read_fixed(&reader, out->leaf, HASH_BYTES) || !read_fixed(&reader, out->reader, AGENCY_ID_BYTES)) return ERR_FORMAT;
    out->reason = pack_read_str(&reader);
    err = pack_done(&reader);
    return err == OK && !denial_valid(out) ? ERR_RANGE : err;
}
