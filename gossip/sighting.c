#include "gossip/sighting.h"

#include "gossip/pack.h"

#include <string.h>

#define SIGHTING_VERSION 1
#define SIGHTING_FIELDS  7

const char *sighting_kind_name(enum sighting_kind kind) {
    static const char *const names[SIGHTING_KINDS] = {"seen", "false-positive", "expired"};
    return (unsigned)kind < SIGHTING_KINDS ? names[kind] : NULL;
}

static bool valid(const struct sighting *sighting) {
    for (size_t i = 0; i < sighting->object_id.size; i++)
        if (sighting->object_id.data[i] <= ' ' || sighting->object_id.data[i] > '~') return false;
    return sighting->object_id.size > 0 && sighting->object_id.size <= ITEM_ID_BYTES_MAX &&
           (unsigned)sighting->kind < SIGHTING_KINDS && sighting->total > 0 && sighting->total <= SIGHTING_COUNT_MAX &&
           sighting->first_ms <= sighting->last_ms;
}

enum err sighting_encode(struct buf *out, const struct sighting *sighting) {
    if (!valid(sighting)) return ERR_RANGE;
    pack_write_array(out, SIGHTING_FIELDS);
    pack_write_uint(out, SIGHTING_VERSION);
    pack_write_str(out, sighting->object_id);
    pack_write_bin(out, bytes_of(sighting->author, AGENCY_ID_BYTES));
    pack_write_uint(out, sighting->kind);
    pack_write_uint(out, sighting->total);
    pack_write_uint(out, sighting->first_ms);
    pack_write_uint(out, sighting->last_ms);
    return buf_result(out);
}

enum err sighting_decode(struct sighting *out, struct bytes text) {
    struct pack_reader reader = pack_reader_of(text);
    *out = (struct sighting){0};
    if (pack_read_array(&reader) != SIGHTING_FIELDS) return ERR_FORMAT;
    uint64_t version = pack_read_uint(&reader);
    if (pack_failed(&reader)) return ERR_FORMAT;
    if (version != SIGHTING_VERSION) return ERR_VERSION;
    out->object_id = pack_read_str(&reader);
    struct bytes author = pack_read_bin(&reader);
    uint64_t kind = pack_read_uint(&reader);
    out->total = pack_read_uint(&reader);
    out->first_ms = pack_read_uint(&reader);
    out->last_ms = pack_read_uint(&reader);
    if (pack_done(&reader) != OK || author.size != AGENCY_ID_BYTES) return ERR_FORMAT;
    if (kind >= SIGHTING_KINDS) return ERR_RANGE;
    out->kind = (enum sighting_kind)kind;
    memcpy(out->author, author.data, AGENCY_ID_BYTES);
    return valid(out) ? OK : ERR_RANGE;
}
