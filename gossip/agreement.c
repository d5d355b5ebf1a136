#include "gossip/agreement.h"

#include "gossip/pack.h"

#include <string.h>

/* Layout: array of 9: format 1, salt bin 16, made uint, title str, parties [bin 32...], from uint, until uint, clauses [[from uint,
   to uint, label uint, kinds [str...], purposes [str...], retention uint, reshare uint]...], levels [[str, str, str, str]...]. */
#define FORMAT        1
#define FIELDS        9
#define CLAUSE_FIELDS 7
#define LEVEL_FIELDS  4

static enum err word_check(struct bytes word, size_t bytes_max) {
    if (word.size == 0 || word.size > bytes_max) return ERR_RANGE;
    for (size_t i = 0; i < word.size; i++)
        if (word.data[i] < ' ' || word.data[i] == 0x7f) return ERR_RANGE;
    return pack_utf8_valid(word) ? OK : ERR_UTF8;
}

static enum err words_check(const struct bytes *words, size_t count) {
    if (count > LIMIT_AGREEMENT_WORDS) return ERR_RANGE;
    for (size_t i = 0; i < count; i++) {
        enum err err = word_check(words[i], ITEM_TYPE_BYTES_MAX);
        if (err == OK && i > 0 && bytes_compare(words[i - 1], words[i]) >= 0) err = ERR_RANGE;
        if (err != OK) return err;
    }
    return OK;
}

static enum err clause_check(const struct agreement_clause *clause, size_t parties) {
    if ((clause->from >= parties && clause->from != AGREEMENT_ANY) || (clause->to >= parties && clause->to != AGREEMENT_ANY))
        return ERR_RANGE;
    if (clause->from == clause->to && clause->from != AGREEMENT_ANY) return ERR_RANGE;
    if (clause->label_max < TLP_CLEAR || clause->label_max > TLP_RED || clause->reshare > AGREEMENT_RESHARE_YES) return ERR_RANGE;
    enum err err = words_check(clause->kinds, clause->kind_count);
    return err == OK ? words_check(clause->purposes, clause->purpose_count) : err;
}

static enum err level_check(const struct agreement_level *level) {
    const struct bytes words[LEVEL_FIELDS] = {level->authority, level->level, level->other_authority, level->other_level};
    for (size_t i = 0; i < LEVEL_FIELDS; i++) {
        enum err err = word_check(words[i], AGREEMENT_LEVEL_BYTES);
        if (err != OK) return err;
    }
    return OK;
}

/* One rule for both directions. */
static enum err agreement_check(const struct agreement *agreement) {
    enum err err = word_check(agreement->title, LIMIT_GROUP_TEXT_BYTES);
    if (err != OK) return err;
    if (agreement->party_count < 2 || agreement->party_count > LIMIT_AGREEMENT_PARTIES) return ERR_RANGE;
    for (size_t i = 1; i < agreement->party_count; i++)
        if (memcmp(agreement->parties[i - 1], agreement->parties[i], AGENCY_ID_BYTES) >= 0) return ERR_RANGE;
    if (agreement->until_ms && agreement->until_ms <= agreement->from_ms) return ERR_RANGE;
    if (agreement->clause_count > LIMIT_AGREEMENT_CLAUSES || agreement->level_count > LIMIT_AGREEMENT_LEVELS) return ERR_RANGE;
    for (size_t i = 0; err == OK && i < agreement->clause_count; i++)
        err = clause_check(&agreement->clauses[i], agreement->party_count);
    for (size_t i = 0; err == OK && i < agreement->level_count; i++) err = level_check(&agreement->levels[i]);
    return err;
}

void agreement_id(uint8_t out[static HASH_BYTES], struct bytes encoded) {
    hash_of(out, "comity-agreement", encoded, bytes_of(NULL, 0));
}

int agreement_party(const struct agreement *agreement, const uint8_t agency_id[static AGENCY_ID_BYTES]) {
    for (size_t i = 0; i < agreement->party_count; i++)
        if (memcmp(agreement->parties[i], agency_id, AGENCY_ID_BYTES) == 0) return (int)i;
    return -1;
}

/* --- writing --- */

static void words_write(struct buf *out, const struct bytes *words, size_t count) {
    pack_write_array(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) pack_write_str(out, words[i]);
}

static void clause_write(struct buf *out, const struct agreement_clause *clause) {
    pack_write_array(out, CLAUSE_FIELDS);
    pack_write_uint(out, clause->from);
    pack_write_uint(out, clause->to);
    pack_write_uint(out, clause->label_max);
    words_write(out, clause->kinds, clause->kind_count);
    words_write(out, clause->purposes, clause->purpose_count);
    pack_write_uint(out, clause->retention_ms);
    pack_write_uint(out, clause->reshare);
}

enum err agreement_encode(struct buf *out, const struct agreement *agreement) {
    size_t before = out->size;
    enum err err = agreement_check(agreement);
    if (err != OK) return err;
    pack_write_array(out, FIELDS);
    pack_write_uint(out, FORMAT);
    pack_write_bin(out, bytes_of(agreement->salt, AGREEMENT_SALT_BYTES));
    pack_write_uint(out, agreement->made_ms);
    pack_write_str(out, agreement->title);
    pack_write_array(out, (uint32_t)agreement->party_count);
    for (size_t i = 0; i < agreement->party_count; i++) pack_write_bin(out, bytes_of(agreement->parties[i], AGENCY_ID_BYTES));
    pack_write_uint(out, agreement->from_ms);
    pack_write_uint(out, agreement->until_ms);
    pack_write_array(out, (uint32_t)agreement->clause_count);
    for (size_t i = 0; i < agreement->clause_count; i++) clause_write(out, &agreement->clauses[i]);
    pack_write_array(out, (uint32_t)agreement->level_count);
    for (size_t i = 0; i < agreement->level_count; i++) {
        const struct agreement_level *level = &agreement->levels[i];
        pack_write_array(out, LEVEL_FIELDS);
        pack_write_str(out, level->authority);
        pack_write_str(out, level->level);
        pack_write_str(out, level->other_authority);
        pack_write_str(out, level->other_level);
    }
    err = buf_result(out);
    return err == OK && out->size - before > LIMIT_AGREEMENT_BYTES ? ERR_TOO_BIG : err;
}

/* --- reading --- */

static bool words_read(struct pack_reader *reader, struct bytes *words, size_t *count) {
    uint32_t announced = pack_read_array(reader);
    if (announced > LIMIT_AGREEMENT_WORDS) return false;
    for (*count = 0; *count < announced; ++*count) words[*count] = pack_read_str(reader);
    return true;
}

static enum err clause_read(struct pack_reader *reader, struct agreement_clause *clause) {
    if (pack_read_array(reader) != CLAUSE_FIELDS) return ERR_FORMAT;
    uint64_t from = pack_read_uint(reader), to = pack_read_uint(reader), label = pack_read_uint(reader);
    if (from > AGREEMENT_ANY || to > AGREEMENT_ANY || label > TLP_RED) return ERR_RANGE;
    clause->from = (uint8_t)from, clause->to = (uint8_t)to;
    clause->label_max = (enum tlp)label;
    if (!words_read(reader, clause->kinds, &clause->kind_count)) return ERR_RANGE;
    if (!words_read(reader, clause->purposes, &clause->purpose_count)) return ERR_RANGE;
    clause->retention_ms = pack_read_uint(reader);
    uint64_t reshare = pack_read_uint(reader);
    if (reshare > AGREEMENT_RESHARE_YES) return ERR_RANGE;
    clause->reshare = (enum agreement_reshare)reshare;
    return OK;
}

static enum err parties_read(struct pack_reader *reader, struct agreement *out) {
    uint32_t count = pack_read_array(reader);
    if (count > LIMIT_AGREEMENT_PARTIES) return ERR_RANGE;
    for (out->party_count = 0; out->party_count < count; out->party_count++) {
        struct bytes id = pack_read_bin(reader);
        if (id.size != AGENCY_ID_BYTES) return ERR_FORMAT;
        memcpy(out->parties[out->party_count], id.data, AGENCY_ID_BYTES);
    }
    return OK;
}

static enum err rows_read(struct pack_reader *reader, struct agreement *out) {
    uint32_t clauses = pack_read_array(reader);
    if (clauses > LIMIT_AGREEMENT_CLAUSES) return ERR_RANGE;
    for (out->clause_count = 0; out->clause_count < clauses; out->clause_count++) {
        enum err err = clause_read(reader, &out->clauses[out->clause_count]);
        if (err != OK) return err;
    }
    uint32_t levels = pack_read_array(reader);
    if (levels > LIMIT_AGREEMENT_LEVELS) return ERR_RANGE;
    for (out->level_count = 0; out->level_count < levels; out->level_count++) {
        struct agreement_level *level = &out->levels[out->level_count];
        if (pack_read_array(reader) != LEVEL_FIELDS) return ERR_FORMAT;
        level->authority = pack_read_str(reader);
        level->level = pack_read_str(reader);
        level->other_authority = pack_read_str(reader);
        level->other_level = pack_read_str(reader);
    }
    return OK;
}

enum err agreement_decode(struct agreement *out, struct bytes encoded) {
    struct pack_reader reader = pack_reader_of(encoded);
    *out = (struct agreement){0};
    if (encoded.size > LIMIT_AGREEMENT_BYTES) return ERR_TOO_BIG;
    if (pack_read_array(&reader) != FIELDS) return ERR_FORMAT;
    uint64_t format = pack_read_uint(&reader);
    if (pack_failed(&reader)) return ERR_FORMAT;
    if (format != FORMAT) return ERR_VERSION;
    struct bytes salt = pack_read_bin(&reader);
    if (salt.size != AGREEMENT_SALT_BYTES) return ERR_FORMAT;
    memcpy(out->salt, salt.data, salt.size);
    out->made_ms = pack_read_uint(&reader);
    out->title = pack_read_str(&reader);
    enum err err = parties_read(&reader, out);
    if (err != OK) return err;
    out->from_ms = pack_read_uint(&reader);
    out->until_ms = pack_read_uint(&reader);
    err = rows_read(&reader, out);
    if (err == OK) err = pack_done(&reader);
    return err == OK ? agreement_check(out) : err;
}

/* --- what the parties say --- */

enum err agreement_sign(struct agreement_state *state, const struct agreement *agreement,
                        const uint8_t agency_id[static AGENCY_ID_BYTES], uint64_t time_ms) {
    int party = agreement_party(agreement, agency_id);
    if (party < 0) return ERR_DENIED;
    if (state->signed_ms[party]) return ERR_EXISTS;
    state->signed_ms[party] = time_ms ? time_ms : 1;
    return OK;
}

enum err agreement_end(struct agreement_state *state, const struct agreement *agreement,
                       const uint8_t agency_id[static AGENCY_ID_BYTES], uint64_t time_ms) {
    int party = agreement_party(agreement, agency_id);
    if (party < 0) return ERR_DENIED;
    if (time_ms == 0) time_ms = 1;
    bool before = state->ended_ms && (state->ended_ms < time_ms || (state->ended_ms == time_ms && state->ended_by <= party));
    if (before) return ERR_EXISTS;
    state->ended_ms = time_ms;
    state->ended_by = (uint8_t)party;
    return OK;
}

enum agreement_phase agreement_phase(const struct agreement_state *state, const struct agreement *agreement, uint64_t now_ms) {
    if (state->ended_ms) return AGREEMENT_ENDED;
    if (agreement->until_ms && now_ms >= agreement->until_ms) return AGREEMENT_OVER;
    for (size_t i = 0; i < agreement->party_count; i++)
        if (!state->signed_ms[i]) return AGREEMENT_PROPOSED;
    return now_ms < agreement->from_ms ? AGREEMENT_BEFORE : AGREEMENT_IN_FORCE;
}

const char *agreement_phase_name(enum agreement_phase phase) {
    static const char *const names[] = {"proposed", "not-yet", "in-force", "over", "ended"};
    return (unsigned)phase < sizeof names / sizeof *names ? names[phase] : "unknown";
}

const char *agreement_reshare_name(enum agreement_reshare reshare) {
    static const char *const names[] = {"no", "with-permission", "yes"};
    return (unsigned)reshare < sizeof names / sizeof *names ? names[reshare] : "unknown";
}

bool agreement_clause_meets(const struct agreement_clause *clause, int from, int to) {
    return (clause->from == AGREEMENT_ANY || clause->from == from) && (clause->to == AGREEMENT_ANY || clause->to == to);
}
