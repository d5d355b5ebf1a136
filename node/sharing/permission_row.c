#include "node/sharing/permission_row.h"

#include "gossip/pack.h"

#include <string.h>

#define ROW_VERSION 1
#define ROW_FIELDS  15

const char *permission_state_name(enum permission_state state) {
    static const char *const names[] = {"", "asked", "granted", "denied"};
    return names[state <= PERMISSION_DENIED ? state : 0];
}

enum err permission_row_write(struct buf *out, const struct permission_row *row) {
    pack_write_array(out, ROW_FIELDS);
    pack_write_uint(out, ROW_VERSION);
    pack_write_bool(out, row->ours);
    pack_write_uint(out, row->state);
    pack_write_str(out, row->object.id);
    pack_write_bin(out, bytes_of(row->object.node_id, NODE_ID_BYTES));
    pack_write_uint(out, row->object.seq);
    pack_write_uint(out, row->object.index);
    pack_write_bin(out, bytes_of(row->object.leaf, HASH_BYTES));
    pack_write_bin(out, bytes_of(row->other, AGENCY_ID_BYTES));
    pack_write_bin(out, bytes_of(row->reader, AGENCY_ID_BYTES));
    pack_write_uint(out, row->until_ms);
    pack_write_uint(out, row->codes);
    pack_write_str(out, row->reason);
    pack_write_str(out, row->grant_id);
    pack_write_uint(out, row->at_ms);
    return buf_result(out);
}

static bool read_fixed(struct pack_reader *reader, uint8_t *out, size_t size) {
    struct bytes value = pack_read_bin(reader);
    if (value.size != size) return false;
    memcpy(out, value.data, size);
    return true;
}

bool permission_row_read(struct permission_row *out, struct bytes value) {
    struct pack_reader reader = pack_reader_of(value);
    if (pack_read_array(&reader) != ROW_FIELDS || pack_read_uint(&reader) != ROW_VERSION) return false;
    out->ours = pack_read_bool(&reader);
    uint64_t state = pack_read_uint(&reader);
    if (state < PERMISSION_ASKED || state > PERMISSION_DENIED) return false;
    out->state = (enum permission_state)state;
    out->object.id = pack_read_str(&reader);
    if (!read_fixed(&reader, out->object.node_id, NODE_ID_BYTES)) return false;
    out->object.seq = pack_read_uint(&reader);
    out->object.index = (uint32_t)pack_read_uint(&reader);
    if (!read_fixed(&reader, out->object.leaf, HASH_BYTES) || !read_fixed(&reader, out->other, AGENCY_ID_BYTES) ||
        !read_fixed(&reader, out->reader, AGENCY_ID_BYTES))
        return false;
    out->until_ms = pack_read_uint(&reader);
    out->codes = (uint8_t)pack_read_uint(&reader);
    out->reason = pack_read_str(&reader);
    out->grant_id = pack_read_str(&reader);
    out->at_ms = pack_read_uint(&reader);
    return pack_done(&reader) == OK;
}
