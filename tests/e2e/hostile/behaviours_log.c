/* behaviours_log: lies about logs: two entries at one number, heads that do not exist, promises, foreign and bad signatures. */
#include "tests/e2e/hostile/stage.h"

#include <string.h>

#define PUBLISHED_ENTRIES 5
#define HUGE_SEQ          ((uint64_t)INT64_MAX)
#define EPOCHS_A_RUN      200
#define YEAR_2100_MS      4102444800000u

/* What our log holds already goes first, so that what follows is next. */
static bool trust_say(struct stage *stage) { return member_tags(&stage->link, 1) && (stage->link.mute || stage_push_all(stage)); }

static bool heads_send(struct stage *stage, uint64_t buckets, const struct wire_pair *pairs, uint32_t count) {
    wire_heads(&stage->out, 1, stage->link.generation_heard, buckets, 0, pairs, count);
    return stage_send(stage);
}

/* --- equivocation and withholding --- */

/* The same number and the same predecessor for all; the salt says which half this is. */
static bool equivocate_start(struct stage *stage) {
    if (stage->member.seq == 1) forge_statement(&stage->member, &stage->entry, stage->salt, 0);
    return trust_say(stage) && stage_push(stage, bytes_of_buf(&stage->entry), PUSH_AWAITED, bytes_of(NULL, 0));
}

static bool publish_start(struct stage *stage) {
    if (!trust_say(stage)) return false;
    for (unsigned i = 0; i < PUBLISHED_ENTRIES; i++) {
        buf_clear(&stage->entry);
        forge_statement(&stage->member, &stage->entry, i, 0);
        if (!stage_push(stage, bytes_of_buf(&stage->entry), PUSH_AWAITED, bytes_of(NULL, 0))) return false;
    }
    return true;
}

static bool withhold_start(struct stage *stage) {
    stage->link.mute = true;
    return trust_say(stage);
}

/* Claims the first entry of its own log alone, and gives nothing that it is asked for. */
static bool withhold_step(struct stage *stage) {
    struct wire_pair own = {.number = 1};
    stage_own_tag(stage, own.tag);
    return heads_send(stage, 0, &own, 1);
}

/* --- heads --- */

static bool heads_stale_step(struct stage *stage) {
    struct wire_pair pairs[2] = {{.number = 1}, {.number = 1}};
    stage_log_tag(stage, 0, pairs[0].tag);
    stage_log_tag(stage, 1, pairs[1].tag);
    return heads_send(stage, WIRE_BUCKETS_ALL, pairs, 2);
}

static bool heads_absent_step(struct stage *stage) {
    struct wire_pair pairs[2] = {{.number = HUGE_SEQ}, {.number = HUGE_SEQ - stage->steps}};
    stage_log_tag(stage, 0, pairs[0].tag);
    stage_log_tag(stage, 1, pairs[1].tag);
    return heads_send(stage, 0, pairs, 2);
}

static bool heads_range_step(struct stage *stage) {
    struct wire_pair pair = {.number = HUGE_SEQ + 1};
    stage_log_tag(stage, 1, pair.tag);
    return heads_send(stage, 0, &pair, 1);
}

static bool heads_unknown_step(struct stage *stage) {
    static struct wire_pair pairs[LIMIT_PAIRS];
    random_bytes(&stage->member.random, pairs, sizeof pairs);
    return heads_send(stage, 0, pairs, LIMIT_PAIRS);
}

/* --- promises --- */

/* Says that it has a thousand entries of an honest log and every payload of its own; answers nothing. */
static bool promise_start(struct stage *stage) {
    struct wire_pair pair = {.number = 1000};
    stage->link.mute = true;
    if (!trust_say(stage)) return false;
    stage_log_tag(stage, 1, pair.tag);
    if (!heads_send(stage, 0, &pair, 1)) return false;
    if (stage->epoch.seq == 0) forge_epoch_make(&stage->member, &stage->epoch, false);
    return stage_push(stage, bytes_of_buf(&stage->epoch.entry), PUSH_AWAITED, bytes_of(NULL, 0));
}

static bool promise_step(struct stage *stage) {
    forge_block_make(&stage->member, &stage->epoch, FORGE_GOOD, &stage->entry, &stage->payload);
    return stage_push(stage, bytes_of_buf(&stage->entry), PUSH_HERE, bytes_of(NULL, 0));
}

/* --- entries --- */

static bool gap_step(struct stage *stage) {
    struct entry_draft draft = {.type = ENTRY_STATEMENT, .seq = HUGE_SEQ / 2 + stage->steps, .time_ms = forge_now_ms()};
    memcpy(draft.agency_id, stage->member.agency.id, AGENCY_ID_BYTES);
    memcpy(draft.node_id, stage->member.key.node_id, NODE_ID_BYTES);
    random_bytes(&stage->member.random, draft.previous, HASH_BYTES);
    buf_clear(&stage->entry);
    forge_sign(&stage->entry, &draft, stage->member.key.sign_seed);
    return stage_push(stage, bytes_of_buf(&stage->entry), PUSH_AWAITED, bytes_of(NULL, 0));
}

static bool dates_step(struct stage *stage) {
    buf_clear(&stage->entry);
    forge_statement(&stage->member, &stage->entry, stage->steps, stage->steps % 2 ? YEAR_2100_MS : 1);
    return stage_push(stage, bytes_of_buf(&stage->entry), PUSH_AWAITED, bytes_of(NULL, 0));
}

static bool signatures_step(struct stage *stage) {
    if (stage->member.seq == 1) {
        forge_statement(&stage->member, &stage->entry, 0, 0);
        stage->entry.data[stage->entry.size - 1] ^= 1;
    }
    return stage_push(stage, bytes_of_buf(&stage->entry), PUSH_AWAITED, bytes_of(NULL, 0));
}

/* The head of an honest log, as the victim tells it when our digest differs. */
static uint64_t head_hear(struct stage *stage, size_t card) {
    static const uint8_t digest[WIRE_DIGEST_BYTES] = {1};
    uint8_t wanted[WIRE_TAG_BYTES], tag[WIRE_TAG_BYTES];
    struct message message;
    uint64_t head;
    stage_log_tag(stage, card, wanted);
    wire_digest(&stage->out, 1, stage->link.generation_heard, digest, true, UINT64_MAX);
    if (!member_send(&stage->link, &stage->out)) return 0;
    while (member_next(&stage->link, &message, 3000) == MEMBER_MESSAGE) {
        if (message.kind != MESSAGE_HEADS) continue;
        while (wire_pair_next(&message.heads.heads, tag, &head))
            if (memcmp(tag, wanted, sizeof tag) == 0) return head;
    }
    return 0;
}

/* An honest node's next entry, well made in all but that we signed it. */
static bool author_sign(struct stage *stage) {
    const struct agency_node *author = &stage->member.cards[1].agency.nodes[0];
    struct entry_draft draft = {.type = ENTRY_STATEMENT, .time_ms = forge_now_ms()};
    uint64_t head = head_hear(stage, 1);
    if (head == 0) return false;
    draft.seq = head + 1;
    memcpy(draft.agency_id, stage->member.cards[1].agency.id, AGENCY_ID_BYTES);
    memcpy(draft.node_id, author->id, NODE_ID_BYTES);
    random_bytes(&stage->member.random, draft.previous, HASH_BYTES);
    buf_clear(&stage->entry);
    forge_sign(&stage->entry, &draft, stage->member.key.sign_seed);
    return true;
}

static bool author_start(struct stage *stage) {
    if (!trust_say(stage)) return false;
    must(author_sign(stage), "the victim does not tell an honest log's head");
    return true;
}

#define AUTHOR_STEPS 100 /* of 20 ms: the honest node may have signed that entry first */

static bool author_step(struct stage *stage) {
    if (stage->steps % AUTHOR_STEPS == 0) (void)author_sign(stage); /* a link that was cut shows below */
    return stage_push(stage, bytes_of_buf(&stage->entry), PUSH_AWAITED, bytes_of(NULL, 0));
}

/* Two entries of an honest node at one number, which it never signed. */
static void fork_forge(struct stage *stage, struct buf *out, uint8_t salt, uint8_t id[static HASH_BYTES]) {
    struct entry_draft draft = {.type = ENTRY_STATEMENT, .seq = 2, .time_ms = forge_now_ms(), .body = bytes_of(&salt, 1)};
    memcpy(draft.agency_id, stage->member.cards[1].agency.id, AGENCY_ID_BYTES);
    memcpy(draft.node_id, stage->member.cards[1].agency.nodes[0].id, NODE_ID_BYTES);
    struct entry entry;
    buf_clear(out);
    forge_sign(out, &draft, stage->member.key.sign_seed);
    must_ok(entry_parse(&entry, bytes_of_buf(out)), "an entry");
    memcpy(id, entry.id, HASH_BYTES);
}

static bool fork_step(struct stage *stage) {
    uint8_t a[HASH_BYTES], b[HASH_BYTES];
    fork_forge(stage, &stage->entry, 1, a);
    fork_forge(stage, &stage->payload, 2, b);
    /* The form is right to the last: the smaller id comes first. */
    bool swap = memcmp(a, b, HASH_BYTES) > 0;
    wire_fork(&stage->out, bytes_of_buf(swap ? &stage->payload : &stage->entry),
              bytes_of_buf(swap ? &stage->entry : &stage->payload));
    return stage_send(stage);
}

/* --- content --- */

static bool content_push(struct stage *stage, bool spoilt, enum forge_block kind) {
    if (!trust_say(stage)) return false;
    forge_epoch_make(&stage->member, &stage->epoch, spoilt);
    if (!stage_push(stage, bytes_of_buf(&stage->epoch.entry), PUSH_AWAITED, bytes_of(NULL, 0))) return false;
    forge_block_make(&stage->member, &stage->epoch, kind, &stage->entry, &stage->payload);
    bool small = stage->payload.size <= LIMIT_PUSH_PAYLOAD_BYTES;
    return stage_push(stage, bytes_of_buf(&stage->entry), small ? PUSH_INLINE : PUSH_HERE, bytes_of_buf(&stage->payload));
}

static bool audience_start(struct stage *stage) { return content_push(stage, true, FORGE_GOOD); }
static bool bomb_start(struct stage *stage) { return content_push(stage, false, FORGE_BOMB); }

/* An epoch and a block under it each time, so that the payload comes before the epoch can be opened. */
static bool epochs_step(struct stage *stage) {
    forge_epoch_make(&stage->member, &stage->epoch, false);
    if (!stage_push(stage, bytes_of_buf(&stage->epoch.entry), PUSH_AWAITED, bytes_of(NULL, 0))) return false;
    forge_block_make(&stage->member, &stage->epoch, FORGE_GOOD, &stage->entry, &stage->payload);
    return stage_push(stage, bytes_of_buf(&stage->entry), PUSH_INLINE, bytes_of_buf(&stage->payload));
}

/* Runs of epochs under one signature each: a question to the key process for every kilobyte. */
static bool epochs_run_start(struct stage *stage) {
    stage->link.mute = true;
    return member_tags(&stage->link, 1) && stage_push_all(stage);
}

static bool epochs_run_step(struct stage *stage) {
    uint8_t tag[WIRE_TAG_BYTES];
    uint64_t seq = stage->member.seq + 1;
    buf_clear(&stage->entry);
    forge_epochs(&stage->member, &stage->entry, EPOCHS_A_RUN);
    stage_own_tag(stage, tag);
    wire_entries(&stage->out, tag, seq, bytes_of_buf(&stage->entry));
    return stage_send(stage);
}

/* Gives its one payload to whoever asks. */
static bool serve_step(struct stage *stage) {
    struct message message;
    uint8_t tag[WIRE_TAG_BYTES];
    uint64_t seq;
    enum member_event event;
    while ((event = member_next(&stage->link, &message, 0)) == MEMBER_MESSAGE) {
        if (message.kind != MESSAGE_WANT || !wire_pair_next(&message.want.payloads, tag, &seq)) continue;
        wire_payload(&stage->out, tag, seq, true, bytes_of_buf(&stage->payload));
        if (!member_send(&stage->link, &stage->out)) return false;
    }
    return event != MEMBER_CUT;
}

const struct behaviour behaviours_log[] = {
    {"publish", "publishes a few honest entries: the other half of a story", false, 50, publish_start, NULL},
    {"equivocate", "signs another entry at one number for each half of the mesh", false, 50, equivocate_start, NULL},
    {"withhold", "hides its newer entries from some", false, 100, withhold_start, withhold_step},
    {"heads-stale", "tells old heads again and again", false, 5, trust_say, heads_stale_step},
    {"heads-absent", "tells heads near 2^63 of honest logs, the victim's own included", false, 100, trust_say, heads_absent_step},
    {"heads-range", "tells a head of 2^63", false, 20, trust_say, heads_range_step},
    {"heads-unknown", "tells heads of logs that nobody knows, at full rate", false, 0, trust_say, heads_unknown_step},
    {"promise", "promises entries and payloads and never delivers", false, 5, promise_start, promise_step},
    {"gap", "pushes well signed entries after a giant gap, at full rate", false, 0, trust_say, gap_step},
    {"dates", "dates its entries in 1970 and 2100", false, 2, trust_say, dates_step},
    {"signatures", "pushes entries with bad signatures at full rate", false, 0, trust_say, signatures_step},
    {"author", "signs an honest node's next entry itself", false, 20, author_start, author_step},
    {"fork", "brings a proof against an honest node that it made up", false, 20, trust_say, fork_step},
    {"audience", "seals an epoch that its reader cannot open", false, 50, audience_start, serve_step},
    {"epochs", "opens an epoch for each of its blocks, at full rate", false, 0, trust_say, epochs_step},
    {"epochs-run", "opens two hundred epochs under one signature each time", false, 5, epochs_run_start, epochs_run_step},
    {"bomb", "seals a block that unpacks to two thousand times what it says", false, 50, bomb_start, serve_step},
    {0},
};
