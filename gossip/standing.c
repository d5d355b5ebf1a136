#include "gossip/standing.h"

#include "gossip/pack.h"

#include <string.h>

#define FORMAT        2
#define FIELDS        13
#define VERSIONS_LEAP 65536 /* how far one word may be ahead of the standing known */

void standing_of_roster(struct standing *out, const struct roster *roster, const uint8_t group_id[static HASH_BYTES],
                        bool removed) {
    *out = (struct standing){.version = roster->version, .time_ms = roster->time_ms, .ceiling = roster->ceiling};
    memcpy(out->group_id, group_id, HASH_BYTES);
    memcpy(out->name, roster->name, sizeof out->name);
    memcpy(out->purpose, roster->purpose, sizeof out->purpose);
    out->starts_ms = roster->starts_ms, out->ends_ms = roster->ends_ms;
    out->closed = roster->closed, out->removed = removed;
    memcpy(out->admins, roster->admins, sizeof out->admins);
    out->admin_count = roster->admin_count, out->threshold = roster->threshold;
}

static enum err standing_check(const struct standing *standing) {
    struct bytes purpose = bytes_of_text(standing->purpose);
    if (!roster_name_valid(bytes_of_text(standing->name)) || standing->version == 0) return ERR_RANGE;
    if (standing->ceiling < TLP_CLEAR || standing->ceiling > TLP_RED) return ERR_RANGE;
    if (standing->ends_ms && standing->ends_ms <= standing->starts_ms) return ERR_RANGE;
    if (standing->admin_count == 0 || standing->admin_count > LIMIT_GROUP_ADMINS) return ERR_RANGE;
    if (standing->threshold == 0 || standing->threshold > standing->admin_count) return ERR_RANGE;
    for (size_t i = 0; i < purpose.size; i++)
        if (purpose.data[i] < ' ' || purpose.data[i] == 0x7f) return ERR_RANGE;
    return pack_utf8_valid(purpose) ? OK : ERR_UTF8;
}

enum err standing_encode(struct buf *out, const struct standing *standing) {
    enum err err = standing_check(standing);
    if (err != OK) return err;
    pack_write_array(out, FIELDS);
    pack_write_uint(out, FORMAT);
    pack_write_bin(out, bytes_of(standing->group_id, HASH_BYTES));
    pack_write_uint(out, standing->version);
    pack_write_uint(out, standing->time_ms);
    pack_write_str(out, bytes_of_text(standing->name));
    pack_write_str(out, bytes_of_text(standing->purpose));
    pack_write_uint(out, standing->ceiling);
    pack_write_uint(out, standing->starts_ms);
    pack_write_uint(out, standing->ends_ms);
    pack_write_bool(out, standing->closed);
    pack_write_bool(out, standing->removed);
    pack_write_array(out, (uint32_t)standing->admin_count);
    for (size_t i = 0; i < standing->admin_count; i++) pack_write_bin(out, bytes_of(standing->admins[i], AGENCY_ID_BYTES));
    pack_write_uint(out, standing->threshold);
    return buf_result(out);
}

static bool read_text(struct pack_reader *reader, char *out, size_t size_max) {
    struct bytes text = pack_read_str(reader);
    if (text.size > size_max || (text.size > 0 && memchr(text.data, 0, text.size))) return false;
    if (text.size > 0) memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return true;
}

enum err standing_decode(struct standing *out, struct bytes encoded) {
    struct pack_reader reader = pack_reader_of(encoded);
    *out = (struct standing){0};
    if (pack_read_array(&reader) != FIELDS) return ERR_FORMAT;
    uint64_t format = pack_read_uint(&reader);
    if (pack_failed(&reader)) return ERR_FORMAT;
    if (format != FORMAT) return ERR_VERSION;
    struct bytes id = pack_read_bin(&reader);
    if (id.size != HASH_BYTES) return ERR_FORMAT;
    memcpy(out->group_id, id.data, HASH_BYTES);
    out->version = pack_read_uint(&reader);
    out->time_ms = pack_read_uint(&reader);
    if (!read_text(&reader, out->name, LIMIT_GROUP_NAME_BYTES) || !read_text(&reader, out->purpose, LIMIT_GROUP_TEXT_BYTES))
        return ERR_RANGE;
    uint64_t ceiling = pack_read_uint(&reader);
    if (ceiling > TLP_RED) return ERR_RANGE;
    out->ceiling = (enum tlp)ceiling;
    out->starts_ms = pack_read_uint(&reader);
    out->ends_ms = pack_read_uint(&reader);
    out->closed = pack_read_bool(&reader);
    out->removed = pack_read_bool(&reader);
    uint32_t admins = pack_read_array(&reader);
    if (admins > LIMIT_GROUP_ADMINS) return ERR_RANGE;
    for (out->admin_count = 0; out->admin_count < admins; out->admin_count++) {
        id = pack_read_bin(&reader);
        if (id.size != AGENCY_ID_BYTES) return ERR_FORMAT;
        memcpy(out->admins[out->admin_count], id.data, AGENCY_ID_BYTES);
    }
    uint64_t threshold = pack_read_uint(&reader);
    enum err err = pack_done(&reader);
    if (err == OK && threshold > LIMIT_GROUP_ADMINS) return ERR_RANGE;
    out->threshold = (uint8_t)threshold;
    return err == OK ? standing_check(out) : err;
}

bool standing_admin(const struct standing *standing, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < standing->admin_count; i++)
        if (memcmp(standing->admins[i], agency_id, AGENCY_ID_BYTES) == 0) return true;
    return false;
}

/* As roster.c: what stands before the admins in a roster never changes, and a closed group stays closed. */
static bool same_for_ever(const struct standing *before, const struct standing *next) {
    return memcmp(before->group_id, next->group_id, HASH_BYTES) == 0 && strcmp(before->name, next->name) == 0 &&
           strcmp(before->purpose, next->purpose) == 0 && before->ceiling == next->ceiling && before->starts_ms == next->starts_ms;
}

enum err standing_follows(const struct standing *before, const struct standing *next,
                          const uint8_t author[static AGENCY_ID_BYTES]) {
    if (!same_for_ever(before, next)) return ERR_CHAIN;
    if (!standing_admin(before, author)) return ERR_DENIED;
    if (next->version <= before->version) return ERR_EXISTS;
    if (before->closed) return ERR_CHAIN;
    return next->version - before->version > VERSIONS_LEAP ? ERR_RANGE : OK;
}

enum roster_phase standing_phase(const struct standing *standing, uint64_t now_ms) {
    if (standing->closed || (standing->ends_ms && now_ms >= standing->ends_ms)) return ROSTER_OVER;
    return now_ms < standing->starts_ms ? ROSTER_BEFORE : ROSTER_RUNNING;
}
