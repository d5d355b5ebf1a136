/* behaviours_message: messages of a form or in a number that no honest node sends. */
#include "tests/e2e/hostile/stage.h"

#include <string.h>

#define MILLION 1000000u

static bool trust_say(struct stage *stage) { return member_tags(&stage->link, 1); }

static bool pairs_random(struct stage *stage, struct wire_pair *pairs, size_t count, uint64_t number_max) {
    for (size_t i = 0; i < count; i++) {
        stage_log_tag(stage, 1, pairs[i].tag);
        pairs[i].number = 1 + random_below(&stage->member.random, number_max);
    }
    return true;
}

static bool have_step(struct stage *stage) {
    static struct wire_pair pairs[LIMIT_PAIRS];
    pairs_random(stage, pairs, LIMIT_PAIRS, 1000000);
    wire_have(&stage->out, pairs, LIMIT_PAIRS);
    return stage_send(stage);
}

static bool want_step(struct stage *stage) {
    struct wire_pair pairs[LIMIT_WANTS_IN_FLIGHT];
    pairs_random(stage, pairs, LIMIT_WANTS_IN_FLIGHT, 10);
    wire_want(&stage->out, pairs, LIMIT_WANTS_IN_FLIGHT);
    return stage_send(stage);
}

static bool want_many_step(struct stage *stage) {
    struct wire_pair pairs[LIMIT_WANTS_IN_FLIGHT + 1];
    pairs_random(stage, pairs, LIMIT_WANTS_IN_FLIGHT + 1, 10);
    wire_want(&stage->out, pairs, LIMIT_WANTS_IN_FLIGHT + 1);
    return stage_send(stage);
}

static bool announce_step(struct stage *stage) {
    static struct wire_pair pairs[LIMIT_PAIRS];
    pairs_random(stage, pairs, LIMIT_PAIRS, INT64_MAX);
    wire_announce(&stage->out, pairs, LIMIT_PAIRS);
    return stage_send(stage);
}

static bool graft_step(struct stage *stage) {
    struct wire_pair pairs[LIMIT_GRAFT_ROWS];
    pairs_random(stage, pairs, LIMIT_GRAFT_ROWS, 10);
    wire_graft(&stage->out, pairs, LIMIT_GRAFT_ROWS);
    if (!member_send(&stage->link, &stage->out)) return false;
    wire_prune(&stage->out);
    return stage_send(stage);
}

static bool sums_step(struct stage *stage) {
    uint8_t sums[WIRE_BUCKETS * WIRE_SUM_BYTES];
    random_bytes(&stage->member.random, sums, sizeof sums);
    wire_sums(&stage->out, 1, stage->link.generation_heard, sums);
    return stage_send(stage);
}

static bool tags_step(struct stage *stage) {
    struct wire_pair pair = {.number = 1};
    random_bytes(&stage->member.random, pair.tag, sizeof pair.tag);
    wire_tags(&stage->out, 2 + stage->steps, &pair, 1);
    return stage_send(stage);
}

/* As many of a million heads as a message holds. */
static bool heads_million_step(struct stage *stage) {
    uint8_t tag[WIRE_TAG_BYTES];
    pack_write_array(&stage->out, 6);
    pack_write_uint(&stage->out, MESSAGE_HEADS);
    pack_write_uint(&stage->out, 1);
    pack_write_uint(&stage->out, stage->link.generation_heard);
    pack_write_uint(&stage->out, 0);
    pack_write_uint(&stage->out, 0);
    pack_write_array(&stage->out, MILLION);
    while (stage->out.size < LIMIT_MESSAGE_BYTES - 32) {
        random_bytes(&stage->member.random, tag, sizeof tag);
        pack_write_array(&stage->out, 2);
        pack_write_bin(&stage->out, bytes_of(tag, sizeof tag));
        pack_write_uint(&stage->out, 1);
    }
    return stage_send(stage);
}

/* DIGEST with its number in two bytes where one does. */
static bool canonical_step(struct stage *stage) {
    static const uint8_t digest[WIRE_DIGEST_BYTES];
    wire_digest(&stage->out, 1, stage->link.generation_heard, digest, false, 0);
    buf_grow(&stage->out, 1);
    memmove(stage->out.data + 2, stage->out.data + 1, stage->out.size - 2);
    stage->out.data[1] = 0xcc;
    return stage_send(stage);
}

static bool behind_step(struct stage *stage) {
    static const uint8_t digest[WIRE_DIGEST_BYTES];
    wire_digest(&stage->out, 1, stage->link.generation_heard, digest, false, 0);
    buf_put_u8(&stage->out, 0xc0);
    return stage_send(stage);
}

static bool nesting_step(struct stage *stage) {
    uint8_t *nested = buf_grow(&stage->out, LIMIT_MESSAGE_BYTES / 2);
    must(nested != NULL, "out of memory");
    memset(nested, 0x91, LIMIT_MESSAGE_BYTES / 2);
    return stage_send(stage);
}

static bool map_step(struct stage *stage) {
    /* A map with one key twice, where an array belongs. */
    static const uint8_t map[] = {0x82, 0x01, 0x05, 0x01, 0x05};
    buf_put_raw(&stage->out, map, sizeof map);
    return stage_send(stage);
}

/* A length of four gigabytes in five bytes. */
static bool length_step(struct stage *stage) {
    static const uint8_t huge[] = {0xdf, 0x0f, 0xff, 0xff, 0xff};
    buf_put_raw(&stage->out, huge, sizeof huge);
    return stage_send(stage);
}

/* An entry of 400 KiB under a good signature. */
static bool oversize_step(struct stage *stage) {
    static uint8_t body[400 * 1024];
    struct entry_draft draft = {.type = ENTRY_STATEMENT, .seq = stage->member.seq + 1, .time_ms = forge_now_ms()};
    draft.body = bytes_of(body, sizeof body);
    memcpy(draft.agency_id, stage->member.agency.id, AGENCY_ID_BYTES);
    memcpy(draft.node_id, stage->member.key.node_id, NODE_ID_BYTES);
    memcpy(draft.previous, stage->member.head_id, HASH_BYTES);
    buf_clear(&stage->entry);
    forge_sign(&stage->entry, &draft, stage->member.key.sign_seed);
    return stage_push(stage, bytes_of_buf(&stage->entry), PUSH_AWAITED, bytes_of(NULL, 0));
}

const struct behaviour behaviours_message[] = {
    {"have-flood", "offers thousands of payloads that do not exist, at full rate", false, 0, trust_say, have_step},
    {"want-flood", "asks for the same payloads at full rate", false, 0, trust_say, want_step},
    {"want-many", "asks for more payloads at once than anybody may", false, 20, trust_say, want_many_step},
    {"announce-flood", "announces entries that do not exist, at full rate", false, 0, trust_say, announce_step},
    {"graft-flood", "has the same entries pushed again, at full rate", false, 0, trust_say, graft_step},
    {"sums-flood", "tells sums that differ, at full rate", false, 0, trust_say, sums_step},
    {"tags-flood", "changes its trust at full rate", false, 0, trust_say, tags_step},
    {"heads-million", "tells the heads of a million logs", false, 20, trust_say, heads_million_step},
    {"canonical", "writes a number in more bytes than it needs", false, 20, trust_say, canonical_step},
    {"behind", "adds a byte behind a message", false, 20, trust_say, behind_step},
    {"nesting", "nests arrays a quarter of a million deep", false, 20, trust_say, nesting_step},
    {"map", "sends a map with one key twice", false, 20, trust_say, map_step},
    {"length", "announces four gigabytes in five bytes", false, 20, trust_say, length_step},
    {"oversize", "signs an entry that is too big, and well", false, 20, trust_say, oversize_step},
    {0},
};
