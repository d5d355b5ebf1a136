#include "gossip/sighting.h"

#include "gossip/pack.h"

#include <string.h>

#define SIGHTING_VERSION         1
#define SIGHTING_VERSION_OPINION 2
#define SIGHTING_FIELDS          7
#define TOLD_VERSION             1
#define TOLD_FIELDS              4

const char *sighting_kind_name(enum sighting_kind kind) {
    static const char *const names[SIGHTING_KINDS] = {"seen", "false-positive", "expired"};
    return (unsigned)kind < SIGHTING_KINDS ? names[kind] : NULL;
}

static const char *const opinions[] = {"strongly-disagree", "disagree", "neutral", "agree", "strongly-agree"};

const char *opinion_name(uint64_t opinion) {
    return opinion >= OPINION_STRONGLY_DISAGREE && opinion <= OPINION_STRONGLY_AGREE ? opinions[opinion - 1] : NULL;
}

bool opinion_parse(uint64_t *out, struct bytes text) {
    for (*out = OPINION_STRONGLY_DISAGREE; *out <= OPINION_STRONGLY_AGREE; ++*out)
        if (bytes_equal_text(text, opinion_name(*out))) return true;
    return false;
}

bool sighting_follows(const struct sighting *held, const struct sighting *later) {
    if (later->kind != SIGHTING_OPINION) return later->total > held->total;
    return later->last_ms != held->last_ms ? later->last_ms > held->last_ms : later->total > held->total;
}

static unsigned version_of(enum sighting_kind kind) {
    return kind == SIGHTING_OPINION ? SIGHTING_VERSION_OPINION : SIGHTING_VERSION;
}

static bool valid(const struct sighting *sighting) {
    for (size_t i = 0; i < sighting->object_id.size; i++)
        if (sighting->object_id.data[i] <= ' ' || sighting->object_id.data[i] > '~') return false;
    return sighting->object_id.size > 0 && sighting->object_id.size <= ITEM_ID_BYTES_MAX &&
           (unsigned)sighting->kind <= SIGHTING_OPINION && sighting->total > 0 && sighting->total <= SIGHTING_COUNT_MAX &&
           (sighting->kind != SIGHTING_OPINION || sighting->total <= OPINION_STRONGLY_AGREE) &&
           sighting->first_ms <= sighting->last_ms;
}

enum err sighting_encode(struct buf *out, const struct sighting *sighting) {
    if (!valid(sighting)) return ERR_RANGE;
    pack_write_array(out, SIGHTING_FIELDS);
    pack_write_uint(out, version_of(sighting->kind));
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
    if (version != SIGHTING_VERSION && version != SIGHTING_VERSION_OPINION) return ERR_VERSION;
    out->object_id = pack_read_str(&reader);
    struct bytes author = pack_read_bin(&reader);
    uint64_t kind = pack_read_uint(&reader);
    out->total = pack_read_uint(&reader);
    out->first_ms = pack_read_uint(&reader);
    out->last_ms = pack_read_uint(&reader);
    if (pack_done(&reader) != OK || author.size != AGENCY_ID_BYTES) return ERR_FORMAT;
    if (kind > SIGHTING_OPINION) return ERR_RANGE;
    out->kind = (enum sighting_kind)kind;
    if (version != version_of(out->kind)) return ERR_FORMAT;
    memcpy(out->author, author.data, AGENCY_ID_BYTES);
    return valid(out) ? OK : ERR_RANGE;
}

enum err sighting_told_encode(struct buf *out, const struct sighting_told *told) {
    struct buf text = {0};
    enum err err = sighting_encode(&text, &told->sighting);
    if (err == OK) {
        pack_write_array(out, TOLD_FIELDS);
        pack_write_uint(out, TOLD_VERSION);
        pack_write_bin(out, bytes_of(told->agency_id, AGENCY_ID_BYTES));
        pack_write_bin(out, bytes_of(told->node_id, NODE_ID_BYTES));
        pack_write_bin(out, bytes_of_buf(&text));
        err = buf_result(out);
    }
    buf_free(&text);
    return err;
}

enum err sighting_told_decode(struct sighting_told *out, struct bytes text) {
    struct pack_reader reader = pack_reader_of(text);
    *out = (struct sighting_told){0};
    if (pack_read_array(&reader) != TOLD_FIELDS) return ERR_FORMAT;
    uint64_t version = pack_read_uint(&reader);
    if (pack_failed(&reader)) return ERR_FORMAT;
    if (version != TOLD_VERSION) return ERR_VERSION;
    struct bytes agency = pack_read_bin(&reader), node = pack_read_bin(&reader), sighting = pack_read_bin(&reader);
    if (pack_done(&reader) != OK || agency.size != AGENCY_ID_BYTES || node.size != NODE_ID_BYTES) return ERR_FORMAT;
    memcpy(out->agency_id, agency.data, AGENCY_ID_BYTES);
    memcpy(out->node_id, node.data, NODE_ID_BYTES);
    return sighting_decode(&out->sighting, sighting);
}
