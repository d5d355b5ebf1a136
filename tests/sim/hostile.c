#include "tests/sim/hostile.h"

#include "gossip/core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[][2] = {
#define HOSTILE_ROW(name, text) {#name, text},
    HOSTILES(HOSTILE_ROW)
#undef HOSTILE_ROW
};

const char *hostile_name(enum hostile_kind kind) { return names[kind][0]; }
const char *hostile_text(enum hostile_kind kind) { return names[kind][1]; }

void hostile_make(struct world *world, size_t node, enum hostile_kind kind) {
    struct world_node *self = &world->nodes[node];
    self->hostile = calloc(1, sizeof *self->hostile);
    assert(self->hostile);
    self->hostile->kind = kind;
    self->hostile->salt = (uint32_t)random_below(&world->random, 1u << 30);
    if (kind == HOSTILE_slow) self->line_bytes_per_s = 60;
    if (kind == HOSTILE_deaf) self->line_bytes_per_s = 4;
    if (kind == HOSTILE_equivocate) self->forked = true;
}

void hostile_free(struct hostile *hostile) {
    if (hostile) buf_free(&hostile->said);
    free(hostile);
}

/* --- twisting what its core says --- */

static bool one_in(struct world *world, uint64_t count) { return random_below(&world->random, count) == 0; }

static void tell(struct world *world, size_t node, struct world_link *link, struct buf *message) {
    if (!message->failed && link->up) world_deliver(world, link, node, bytes_of_buf(message));
    buf_free(message);
}

static bool broken_copy(struct world *world, size_t node, struct world_link *link, struct bytes message) {
    struct buf copy = {0};
    if (!one_in(world, 30)) return true;
    buf_put(&copy, message);
    if (one_in(world, 3))
        copy.size = random_below(&world->random, copy.size) + 1;
    else
        copy.data[random_below(&world->random, copy.size)] ^= (uint8_t)(1u << random_below(&world->random, 8));
    if (one_in(world, 4)) buf_put_u8(&copy, 0xc0);
    tell(world, node, link, &copy);
    return false;
}

static bool forged_push(struct world *world, size_t node, struct world_link *link, const struct message *message) {
    struct buf copy = {0}, entry = {0};
    buf_put(&entry, message->push.entry);
    entry.data[entry.size - 1] ^= 1;
    wire_push(&copy, bytes_of_buf(&entry), message->push.state, message->push.payload);
    buf_free(&entry);
    tell(world, node, link, &copy);
    return false;
}

static bool stale_heads(struct world *world, size_t node, struct world_link *link, const struct message *message) {
    struct wire_pair pairs[64];
    struct wire_pairs from = message->heads.heads;
    struct buf copy = {0};
    uint32_t count = 0;
    while (count < 64 && wire_pair_next(&from, pairs[count].tag, &pairs[count].number)) {
        pairs[count].number = pairs[count].number / 2 + 1;
        count++;
    }
    wire_heads(&copy, message->heads.mine, message->heads.yours, message->heads.buckets, message->heads.credit, pairs, count);
    tell(world, node, link, &copy);
    return false;
}

static bool mislabelled(struct world *world, size_t node, struct world_link *link, const struct message *message) {
    struct buf copy = {0};
    wire_payload(&copy, message->payload.tag, message->payload.seq + 1, true, message->payload.payload);
    tell(world, node, link, &copy);
    return false;
}

static bool other_version(struct world *world, size_t node, struct world_link *link, struct bytes message) {
    struct buf copy = {0};
    buf_put(&copy, message);
    copy.data[2] = 2; /* behind the array's head and the message's number */
    world_hit(world, version_refused);
    tell(world, node, link, &copy);
    return false;
}

/* The author of a pushed or served entry is one that this node keeps to itself. */
static bool withheld(const struct world *world, size_t node, const struct message *message) {
    struct entry entry;
    struct bytes entries = message->kind == MESSAGE_PUSH ? message->push.entry : message->entries.entries;
    if (entry_parse(&entry, entries) != OK) return false;
    return (entry.node_id[0] ^ world->nodes[node].hostile->salt) & 1;
}

bool hostile_sends(struct world *world, size_t node, struct world_link *link, struct bytes bytes) {
    struct hostile *hostile = world->nodes[node].hostile;
    struct message message;
    if (wire_decode(&message, bytes) != OK) return true;
    bool push = message.kind == MESSAGE_PUSH, entries = message.kind == MESSAGE_ENTRIES, payload = message.kind == MESSAGE_PAYLOAD;
    switch (hostile->kind) {
    case HOSTILE_withhold: return !((push || entries) && withheld(world, node, &message)) && !(payload && hostile->salt & 2);
    case HOSTILE_silent: return !push;
    case HOSTILE_stale: return message.kind == MESSAGE_HEADS ? stale_heads(world, node, link, &message) : true;
    case HOSTILE_promise: return !entries && !payload;
    case HOSTILE_spread: return !payload;
    case HOSTILE_malform: return message.kind == MESSAGE_HELLO || broken_copy(world, node, link, bytes);
    case HOSTILE_forge: return push && one_in(world, 3) ? forged_push(world, node, link, &message) : true;
    case HOSTILE_mislabel: return payload && message.payload.present ? mislabelled(world, node, link, &message) : true;
    case HOSTILE_version: return message.kind == MESSAGE_HELLO && one_in(world, 2) ? other_version(world, node, link, bytes) : true;
    case HOSTILE_replay:
        if (one_in(world, 3)) {
            buf_clear(&hostile->said);
            buf_put(&hostile->said, bytes);
        }
        return true;
    default: return true;
    }
}

/* --- what it does on its own --- */

/* The core's end of a link that is open; null otherwise. */
static const struct link *open_end(const struct world *world, size_t node, const struct world_link *link) {
    struct gossip *gossip = world->nodes[node].gossip;
    const struct link *end = links_find(&gossip->links, link->number[world_link_end(link, node)]);
    return end && link->up && end->state == LINK_OPEN && end->logs ? end : NULL;
}

static void tags_fill(struct world *world, const struct link *end, size_t node, struct wire_pair *pairs, uint32_t count, bool known,
                      uint64_t number) {
    const struct peers *peers = &world->nodes[node].gossip->peers;
    for (uint32_t i = 0; i < count; i++) {
        random_bytes(&world->random, pairs[i].tag, WIRE_TAG_BYTES);
        if (known)
            link_tag(pairs[i].tag, end, bytes_of(peers->list[random_below(&world->random, peers->count)]->node->id, NODE_ID_BYTES));
        pairs[i].number = number ? number : 1 + random_below(&world->random, 50);
    }
}

static void invent(struct world *world, size_t node, struct world_link *link, const struct link *end) {
    struct wire_pair pairs[8];
    struct buf message = {0};
    tags_fill(world, end, node, pairs, 8, one_in(world, 2), 1ull << (random_below(&world->random, 2) ? 62 : 20));
    wire_heads(&message, end->generation_told, end->generation_heard, one_in(world, 4) ? WIRE_BUCKETS_ALL : 0, 1 << 20, pairs, 8);
    world_hit(world, head_invented);
    tell(world, node, link, &message);
}

static void flood(struct world *world, size_t node, struct world_link *link, const struct link *end) {
    struct wire_pair pairs[16];
    for (int i = 0; i < 20; i++) {
        struct buf message = {0};
        tags_fill(world, end, node, pairs, 16, one_in(world, 2), 0);
        switch (random_below(&world->random, 4)) {
        case 0:
            wire_heads(&message, end->generation_told, end->generation_heard, one_in(world, 2) ? WIRE_BUCKETS_ALL : 0, 1 << 20,
                       pairs, 16);
            break;
        case 1: wire_have(&message, pairs, 16); break;
        case 2: wire_want(&message, pairs, 16); break;
        default: wire_get(&message, pairs[0].tag, pairs[0].number, LIMIT_ENTRIES_BYTES);
        }
        tell(world, node, link, &message);
    }
}

static void giant(struct world *world, size_t node, struct world_link *link, const struct link *end) {
    struct buf message = {0};
    struct wire_pair *pairs = calloc(LIMIT_PAIRS, sizeof *pairs);
    assert(pairs);
    tags_fill(world, end, node, pairs, LIMIT_PAIRS, false, 1);
    if (one_in(world, 20))
        buf_grow(&message, LIMIT_MESSAGE_BYTES + 1);
    else if (one_in(world, 2))
        wire_heads(&message, end->generation_told, end->generation_heard, 0, 0, pairs, LIMIT_PAIRS);
    else
        wire_have(&message, pairs, LIMIT_PAIRS);
    if (message.size > LIMIT_MESSAGE_BYTES) memset(message.data, 0x99, message.size);
    free(pairs);
    tell(world, node, link, &message);
}

/* An entry of its own that its core does not know: two of them at one number, one for each half of the mesh. */
static void equivocate(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    struct buf messages[2] = {{0}, {0}};
    uint8_t previous[HASH_BYTES];
    uint64_t seq = gossip_own_next(self->gossip, previous);
    if (self->hostile->salt == 0) return; /* once is enough */
    self->hostile->salt = 0;
    for (uint8_t i = 0; i < 2; i++) {
        struct entry_draft draft = {
            .type = ENTRY_STATEMENT, .seq = seq, .time_ms = world_wall_ms(world, node), .body = bytes_of(&i, sizeof i)};
        struct buf bytes = {0};
        struct entry entry;
        memcpy(draft.previous, previous, HASH_BYTES);
        identity_entry(&self->identity, &bytes, &draft);
        enum err err = entry_parse(&entry, bytes_of_buf(&bytes));
        assert(err == OK);
        ledger_add(&world->ledger, node, &entry, bytes_of_buf(&bytes), bytes_of(NULL, 0))->spread = true;
        wire_push(&messages[i], bytes_of_buf(&bytes), PUSH_AWAITED, bytes_of(NULL, 0));
        buf_free(&bytes);
    }
    for (size_t i = 0; i < self->link_count; i++)
        if (self->links[i]->up) world_deliver(world, self->links[i], node, bytes_of_buf(&messages[i % 2]));
    buf_free(&messages[0]), buf_free(&messages[1]);
}

static void misdate(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    int64_t year_ms = 365ll * 24 * 3600 * 1000;
    uint8_t body = 1;
    struct entry_draft draft = {.type = ENTRY_STATEMENT, .body = bytes_of(&body, 1)};
    struct event event = {.kind = EVENT_PUBLISH};
    struct buf bytes = {0};
    struct entry entry;
    draft.time_ms = (uint64_t)((int64_t)world_wall_ms(world, node) + (one_in(world, 2) ? year_ms : -40 * year_ms));
    draft.seq = gossip_own_next(self->gossip, draft.previous);
    identity_entry(&self->identity, &bytes, &draft);
    enum err err = entry_parse(&entry, bytes_of_buf(&bytes));
    assert(err == OK);
    ledger_add(&world->ledger, node, &entry, bytes_of_buf(&bytes), bytes_of(NULL, 0))->spread = true;
    event.publish.entry = bytes_of_buf(&bytes);
    world_step(world, node, &event);
    buf_free(&bytes);
}

void hostile_turn(struct world *world, size_t node) {
    struct world_node *self = &world->nodes[node];
    struct hostile *hostile = self->hostile;
    if (!self->gossip || !hostile) return;
    if (hostile->kind == HOSTILE_equivocate && self->link_count > 1 && one_in(world, 20)) equivocate(world, node);
    if (hostile->kind == HOSTILE_date && one_in(world, 20)) misdate(world, node);
    for (size_t i = 0; i < self->link_count; i++) {
        struct world_link *link = self->links[i];
        const struct link *end = open_end(world, node, link);
        if (!end) continue;
        switch (hostile->kind) {
        case HOSTILE_invent: invent(world, node, link, end); break;
        case HOSTILE_deaf: /* asks for everything, and reads none of it */
        case HOSTILE_flood: flood(world, node, link, end); break;
        case HOSTILE_giant:
            if (one_in(world, 4)) giant(world, node, link, end);
            break;
        case HOSTILE_reconnect: world_link_break(world, link, 0); break;
        case HOSTILE_replay:
            if (hostile->said.size) world_deliver(world, link, node, bytes_of_buf(&hostile->said));
            break;
        default: break;
        }
    }
}
