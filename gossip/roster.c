#include "gossip/roster.h"

#include "gossip/pack.h"

#include <string.h>

/* Layout: array of 20: format 1, group id bin (empty in the first version), version uint, previous bin (empty in the first), time uint,
   salt bin 16, name str, purpose str, originator bin 32, ceiling uint, starts uint, history uint, hidden bool, admins [bin 32...],
   threshold uint, lead bin 32, ends uint, closed bool, members [[agency bin 32, since uint, removed uint]...], reserved nil. */
#define FORMAT 1
#define FIELDS 20

bool roster_name_valid(struct bytes name) {
    if (name.size == 0 || name.size > LIMIT_GROUP_NAME_BYTES) return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!word && (i == 0 || (c != '.' && c != '_' && c != '-'))) return false;
    }
    return true;
}

static enum err text_check(struct bytes text) {
    if (text.size > LIMIT_GROUP_TEXT_BYTES) return ERR_RANGE;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < ' ' || text.data[i] == 0x7f) return ERR_RANGE;
    return pack_utf8_valid(text) ? OK : ERR_UTF8;
}

void roster_hash(uint8_t out[static HASH_BYTES], struct bytes encoded) {
    hash_of(out, "comity-roster", encoded, bytes_of(NULL, 0));
}

const struct roster_member *roster_member(const struct roster *roster, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < roster->member_count; i++)
        if (memcmp(roster->members[i].agency_id, agency_id, AGENCY_ID_BYTES) == 0) return &roster->members[i];
    return NULL;
}

enum roster_place roster_place(const struct roster *roster, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    const struct roster_member *member = roster_member(roster, agency_id);
    if (!member) return ROSTER_NEVER;
    return member->removed_ms ? ROSTER_REMOVED : ROSTER_MEMBER;
}

int roster_admin(const struct roster *roster, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < roster->admin_count; i++)
        if (memcmp(roster->admins[i], agency_id, AGENCY_ID_BYTES) == 0) return (int)i;
    return -1;
}

enum roster_phase roster_phase(const struct roster *roster, uint64_t now_ms) {
    if (roster->closed || (roster->ends_ms && now_ms >= roster->ends_ms)) return ROSTER_OVER;
    return now_ms < roster->starts_ms ? ROSTER_BEFORE : ROSTER_RUNNING;
}

/* --- form --- */

static bool members_sound(const struct roster *roster) {
    if (roster->member_count == 0 || roster->member_count > LIMIT_GROUP_MEMBERS) return false;
    for (size_t i = 0; i < roster->member_count; i++) {
        const struct roster_member *member = &roster->members[i];
        if (i > 0 && memcmp(roster->members[i - 1].agency_id, member->agency_id, AGENCY_ID_BYTES) >= 0) return false;
        if (member->since_ms > roster->time_ms || member->removed_ms > roster->time_ms) return false;
        if (member->removed_ms && member->removed_ms < member->since_ms) return false;
    }
    return true;
}

static bool admins_sound(const struct roster *roster) {
    if (roster->admin_count == 0 || roster->admin_count > LIMIT_GROUP_ADMINS) return false;
    if (roster->threshold == 0 || roster->threshold > roster->admin_count) return false;
    for (size_t i = 0; i < roster->admin_count; i++) {
        if (roster_place(roster, roster->admins[i]) != ROSTER_MEMBER) return false;
        if (roster_admin(roster, roster->admins[i]) != (int)i) return false; /* stands twice */
    }
    return roster_place(roster, roster->lead) == ROSTER_MEMBER;
}

/* One rule for both directions, so that what is written here is what others read. */
static enum err roster_check(const struct roster *roster) {
    static const uint8_t none[HASH_BYTES];
    bool first = roster->version == 1;
    enum err err = text_check(bytes_of_text(roster->purpose));
    if (err != OK) return err;
    if (roster->version == 0 || !roster_name_valid(bytes_of_text(roster->name))) return ERR_RANGE;
    if (first != (memcmp(roster->group_id, none, HASH_BYTES) == 0)) return ERR_RANGE;
    if (first != (memcmp(roster->previous, none, HASH_BYTES) == 0)) return ERR_RANGE;
    if (roster->ceiling < TLP_CLEAR || roster->ceiling > TLP_RED || roster->history > ROSTER_HISTORY_ALL) return ERR_RANGE;
    if (roster->ends_ms && roster->ends_ms <= roster->starts_ms) return ERR_RANGE;
    if (first && roster_admin(roster, roster->originator) != 0) return ERR_RANGE;
    return members_sound(roster) && admins_sound(roster) ? OK : ERR_RANGE;
}

enum err roster_encode(struct buf *out, const struct roster *roster) {
    size_t chain = roster->version == 1 ? 0 : HASH_BYTES;
    enum err err = roster_check(roster);
    if (err != OK) return err;
    pack_write_array(out, FIELDS);
    pack_write_uint(out, FORMAT);
    pack_write_bin(out, bytes_of(roster->group_id, chain));
    pack_write_uint(out, roster->version);
    pack_write_bin(out, bytes_of(roster->previous, chain));
    pack_write_uint(out, roster->time_ms);
    pack_write_bin(out, bytes_of(roster->salt, ROSTER_SALT_BYTES));
    pack_write_str(out, bytes_of_text(roster->name));
    pack_write_str(out, bytes_of_text(roster->purpose));
    pack_write_bin(out, bytes_of(roster->originator, AGENCY_ID_BYTES));
    pack_write_uint(out, roster->ceiling);
    pack_write_uint(out, roster->starts_ms);
    pack_write_uint(out, roster->history);
    pack_write_bool(out, roster->hidden);
    pack_write_array(out, (uint32_t)roster->admin_count);
    for (size_t i = 0; i < roster->admin_count; i++) pack_write_bin(out, bytes_of(roster->admins[i], AGENCY_ID_BYTES));
    pack_write_uint(out, roster->threshold);
    pack_write_bin(out, bytes_of(roster->lead, AGENCY_ID_BYTES));
    pack_write_uint(out, roster->ends_ms);
    pack_write_bool(out, roster->closed);
    pack_write_array(out, (uint32_t)roster->member_count);
    for (size_t i = 0; i < roster->member_count; i++) {
        pack_write_array(out, 3);
        pack_write_bin(out, bytes_of(roster->members[i].agency_id, AGENCY_ID_BYTES));
        pack_write_uint(out, roster->members[i].since_ms);
        pack_write_uint(out, roster->members[i].removed_ms);
    }
    pack_write_nil(out);
    return buf_result(out);
}

static bool read_fixed(struct pack_reader *reader, uint8_t *out, size_t size, bool may_be_empty) {
    struct bytes value = pack_read_bin(reader);
    if (value.size == 0 && may_be_empty) return true;
    if (value.size != size) return false;
    memcpy(out, value.data, size);
    return true;
}

/* Texts have a bound, and no zero byte that would cut them short. */
static bool read_text(struct pack_reader *reader, char *out, size_t size_max) {
    struct bytes text = pack_read_str(reader);
    if (text.size > size_max || (text.size > 0 && memchr(text.data, 0, text.size))) return false;
    if (text.size > 0) memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return true;
}

static enum err head_read(struct roster *out, struct pack_reader *reader) {
    if (!read_fixed(reader, out->group_id, HASH_BYTES, true)) return ERR_FORMAT;
    out->version = pack_read_uint(reader);
    if (!read_fixed(reader, out->previous, HASH_BYTES, true)) return ERR_FORMAT;
    out->time_ms = pack_read_uint(reader);
    if (!read_fixed(reader, out->salt, ROSTER_SALT_BYTES, false)) return ERR_FORMAT;
    if (!read_text(reader, out->name, LIMIT_GROUP_NAME_BYTES) || !read_text(reader, out->purpose, LIMIT_GROUP_TEXT_BYTES))
        return ERR_RANGE;
    if (!read_fixed(reader, out->originator, AGENCY_ID_BYTES, false)) return ERR_FORMAT;
    uint64_t ceiling = pack_read_uint(reader);
    out->starts_ms = pack_read_uint(reader);
    uint64_t history = pack_read_uint(reader);
    out->hidden = pack_read_bool(reader);
    if (ceiling > TLP_RED || history > ROSTER_HISTORY_ALL) return ERR_RANGE;
    out->ceiling = (enum tlp)ceiling;
    out->history = (enum roster_history)history;
    return pack_failed(reader) ? ERR_FORMAT : OK;
}

static enum err rows_read(struct roster *out, struct pack_reader *reader) {
    uint32_t admins = pack_read_array(reader);
    if (admins > LIMIT_GROUP_ADMINS) return ERR_RANGE;
    for (out->admin_count = 0; out->admin_count < admins; out->admin_count++)
        if (!read_fixed(reader, out->admins[out->admin_count], AGENCY_ID_BYTES, false)) return ERR_FORMAT;
    uint64_t threshold = pack_read_uint(reader);
    if (threshold > LIMIT_GROUP_ADMINS) return ERR_RANGE;
    out->threshold = (uint8_t)threshold;
    if (!read_fixed(reader, out->lead, AGENCY_ID_BYTES, false)) return ERR_FORMAT;
    out->ends_ms = pack_read_uint(reader);
    out->closed = pack_read_bool(reader);
    uint32_t members = pack_read_array(reader);
    if (members > LIMIT_GROUP_MEMBERS) return ERR_RANGE;
    for (out->member_count = 0; out->member_count < members; out->member_count++) {
        struct roster_member *member = &out->members[out->member_count];
        if (pack_read_array(reader) != 3 || !read_fixed(reader, member->agency_id, AGENCY_ID_BYTES, false)) return ERR_FORMAT;
        member->since_ms = pack_read_uint(reader);
        member->removed_ms = pack_read_uint(reader);
    }
    pack_read_nil(reader);
    return OK;
}

enum err roster_decode(struct roster *out, struct bytes encoded) {
    struct pack_reader reader = pack_reader_of(encoded);
    *out = (struct roster){0};
    if (pack_read_array(&reader) != FIELDS) return ERR_FORMAT;
    uint64_t format = pack_read_uint(&reader);
    if (pack_failed(&reader)) return ERR_FORMAT;
    if (format != FORMAT) return ERR_VERSION;
    enum err err = head_read(out, &reader);
    if (err == OK) err = rows_read(out, &reader);
    if (err == OK) err = pack_done(&reader);
    return err == OK ? roster_check(out) : err;
}

/* --- what may follow --- */

static bool same_for_ever(const struct roster *before, const struct roster *next) {
    return memcmp(before->salt, next->salt, ROSTER_SALT_BYTES) == 0 && strcmp(before->name, next->name) == 0 &&
           strcmp(before->purpose, next->purpose) == 0 && memcmp(before->originator, next->originator, AGENCY_ID_BYTES) == 0 &&
           before->ceiling == next->ceiling && before->starts_ms == next->starts_ms && before->history == next->history &&
           before->hidden == next->hidden;
}

/* Rows stay, and what a row says of the past stays with it: a change is dated between the two versions. */
static bool member_follows(const struct roster *before, const struct roster *next, const struct roster_member *row) {
    const struct roster_member *old = roster_member(before, row->agency_id);
    if (!old) return row->since_ms >= before->time_ms && row->removed_ms == 0;
    if (row->since_ms == old->since_ms && row->removed_ms == old->removed_ms) return true;
    if (!old->removed_ms)
        return row->since_ms == old->since_ms && row->removed_ms >= before->time_ms && row->removed_ms <= next->time_ms;
    return row->since_ms >= before->time_ms && row->since_ms >= old->removed_ms && row->removed_ms == 0;
}

enum err roster_continues(const struct roster *before, const struct roster *next) {
    if (roster_phase(before, next->time_ms) == ROSTER_OVER) return ERR_DENIED;
    return next->time_ms < before->time_ms || !same_for_ever(before, next) ? ERR_RANGE : OK;
}

enum err roster_follows(const struct roster *before, const uint8_t before_hash[static HASH_BYTES], const struct roster *next) {
    const uint8_t *id = before->version == 1 ? before_hash : before->group_id;
    if (next->version != before->version + 1 || memcmp(next->previous, before_hash, HASH_BYTES) != 0) return ERR_CHAIN;
    if (memcmp(next->group_id, id, HASH_BYTES) != 0) return ERR_CHAIN;
    enum err err = roster_continues(before, next);
    if (err != OK) return err;
    if (next->ends_ms != before->ends_ms && next->ends_ms && next->ends_ms < next->time_ms) return ERR_RANGE;
    size_t kept = 0;
    for (size_t i = 0; i < next->member_count; i++) {
        if (!member_follows(before, next, &next->members[i])) return ERR_RANGE;
        kept += roster_member(before, next->members[i].agency_id) != NULL;
    }
    return kept == before->member_count ? OK : ERR_RANGE;
}

/* --- changes --- */

enum err roster_add(struct roster *roster, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    size_t at = 0;
    while (at < roster->member_count && memcmp(roster->members[at].agency_id, agency_id, AGENCY_ID_BYTES) < 0) at++;
    struct roster_member *row = &roster->members[at];
    bool known = at < roster->member_count && memcmp(row->agency_id, agency_id, AGENCY_ID_BYTES) == 0;
    if (known && !row->removed_ms) return ERR_EXISTS;
    if (!known) {
        if (roster->member_count == LIMIT_GROUP_MEMBERS) return ERR_LIMIT;
        memmove(row + 1, row, (roster->member_count - at) * sizeof *row);
        memcpy(row->agency_id, agency_id, AGENCY_ID_BYTES);
        roster->member_count++;
    }
    row->since_ms = roster->time_ms;
    row->removed_ms = 0;
    return OK;
}

enum err roster_remove(struct roster *roster, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    int admin = roster_admin(roster, agency_id);
    if (admin >= 0 && roster->admin_count == 1) return ERR_DENIED;
    for (size_t i = 0; i < roster->member_count; i++) {
        if (memcmp(roster->members[i].agency_id, agency_id, AGENCY_ID_BYTES) != 0) continue;
        if (roster->members[i].removed_ms) return ERR_EXISTS;
        roster->members[i].removed_ms = roster->time_ms;
        if (admin >= 0) {
            roster->admin_count--;
            memmove(roster->admins[admin], roster->admins[admin + 1], (roster->admin_count - (size_t)admin) * AGENCY_ID_BYTES);
            if (roster->threshold > roster->admin_count) roster->threshold = (uint8_t)roster->admin_count;
        }
        if (memcmp(roster->lead, agency_id, AGENCY_ID_BYTES) == 0) memcpy(roster->lead, roster->admins[0], AGENCY_ID_BYTES);
        return OK;
    }
    return ERR_NOT_FOUND;
}
