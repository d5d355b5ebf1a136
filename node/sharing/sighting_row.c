#include "node/sharing/sighting_row.h"

#include "gossip/pack.h"

#include <string.h>

#define ROW_FIELDS 4

bool sighting_row_read(struct sighting_row *row, struct bytes value) {
    struct pack_reader reader = pack_reader_of(value);
    if (pack_read_array(&reader) != ROW_FIELDS) return false;
    struct bytes node = pack_read_bin(&reader), text = pack_read_bin(&reader), agency = pack_read_bin(&reader);
    row->tell = pack_read_bool(&reader);
    if (pack_done(&reader) != OK || node.size != NODE_ID_BYTES || agency.size != AGENCY_ID_BYTES) return false;
    memcpy(row->node_id, node.data, NODE_ID_BYTES);
    memcpy(row->agency_id, agency.data, AGENCY_ID_BYTES);
    return sighting_decode(&row->sighting, text) == OK;
}

enum err sighting_row_write(struct buf *out, const struct sighting_row *row) {
    struct buf text = {0};
    enum err err = sighting_encode(&text, &row->sighting);
    pack_write_array(out, ROW_FIELDS);
    pack_write_bin(out, bytes_of(row->node_id, NODE_ID_BYTES));
    pack_write_bin(out, bytes_of_buf(&text));
    pack_write_bin(out, bytes_of(row->agency_id, AGENCY_ID_BYTES));
    pack_write_bool(out, row->tell);
    buf_free(&text);
    return err == OK ? buf_result(out) : err;
}
