#include "tests/sim/scale_world.h"

#include "crypto/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What the cores ask for, and what comes of it. */

enum item_kind {
    ITEM_TICK,
    ITEM_MESSAGE,
    ITEM_UP,
    ITEM_DOWN,
    ITEM_SIGN,
    ITEM_STORED,
    ITEM_LOAD_ENTRIES,
    ITEM_LOAD_PAYLOAD,
    ITEM_SCAN,
    ITEM_PUBLISH,
};

/* Bytes on their way to several. */
struct blob {
    size_t size, holders;
    bool copy; /* it carries a payload */
    uint8_t bytes[];
};

struct scale_item {
    struct wheel_item row;
    enum item_kind kind;
    uint32_t node, life, author;
    struct scale_link *link;
    unsigned end;
    uint64_t ticket, seq;
    size_t amount;
    struct blob *blob;
};

static struct scale_item *item_new(struct scale_world *world, enum item_kind kind, uint32_t node, uint64_t at_ms) {
    struct scale_item *item = world->pool;
    if (item)
        world->pool = (struct scale_item *)item->row.next;
    else
        item = malloc(sizeof *item);
    assert(item);
    *item = (struct scale_item){.kind = kind, .node = node, .life = world->nodes[node].life};
    wheel_put(&world->wheel, &item->row, at_ms);
    return item;
}

void scale_item_free(struct scale_world *world, struct wheel_item *row) {
    struct scale_item *item = (struct scale_item *)row;
    if (item->blob && --item->blob->holders == 0) free(item->blob);
    item->row.next = (struct wheel_item *)world->pool;
    world->pool = item;
}

void scale_pool_free(struct scale_world *world) {
    while (world->pool) {
        struct scale_item *item = world->pool;
        world->pool = (struct scale_item *)item->row.next;
        free(item);
    }
}

/* --- links --- */

static struct scale_link *link_find(const struct scale_world *world, uint32_t node, uint32_t number) {
    const struct scale_node *self = &world->nodes[node];
    for (size_t i = 0; i < self->link_count; i++)
        if (self->links[i]->number[self->links[i]->ends[1] == node] == number) return self->links[i];
    return NULL;
}

static void link_forget(struct scale_world *world, uint32_t node, const struct scale_link *link) {
    struct scale_node *self = &world->nodes[node];
    for (size_t i = 0; i < self->link_count; i++)
        if (self->links[i] == link) self->links[i] = self->links[--self->link_count];
}

static void down_at(struct scale_world *world, struct scale_link *link, unsigned end, uint64_t at_ms) {
    struct scale_item *item = item_new(world, ITEM_DOWN, link->ends[end], at_ms);
    item->life = link->life[end];
    item->link = link, item->end = end;
}

void scale_link_break(struct scale_world *world, struct scale_link *link, uint64_t after_ms) {
    if (!link->up) return;
    link->up = false;
    link->until_ms = world->wheel.now_ms;
    for (unsigned end = 0; end < 2; end++) down_at(world, link, end, world->wheel.now_ms + after_ms + link->latency_ms);
}

static void close_link(struct scale_world *world, uint32_t node, uint32_t number) {
    struct scale_link *link = link_find(world, node, number);
    if (link) scale_link_break(world, link, 0);
}

static uint32_t node_of_curve(const struct scale_world *world, const uint8_t *curve) {
    for (size_t at = get_be32(curve);; at++) {
        uint32_t row = world->by_curve[at & (world->table_size - 1)];
        assert(row != 0);
        const struct identity *identity = &world->identities[row - 1];
        if (memcmp(agency_node_find(&identity->agency, identity->node_id)->curve_public, curve, CURVE_KEY_BYTES) == 0)
            return row - 1;
    }
}

static bool welcome(const struct scale_world *world, uint32_t from, uint32_t to) {
    const struct identity *identity = &world->identities[from];
    const uint8_t *key = agency_node_find(&identity->agency, identity->node_id)->curve_public;
    size_t count;
    if (!world->nodes[to].gossip) return false;
    const uint8_t(*allowed)[CURVE_KEY_BYTES] = gossip_allowed(world->nodes[to].gossip, &count);
    for (size_t i = 0; i < count; i++)
        if (memcmp(allowed[i], key, CURVE_KEY_BYTES) == 0) return true;
    return false;
}

static struct scale_link *link_new(struct scale_world *world, uint32_t from, uint32_t to, uint32_t number) {
    struct scale_link *link = calloc(1, sizeof *link);
    if (world->link_count == world->link_capacity) {
        world->link_capacity = world->link_capacity ? 2 * world->link_capacity : 1024;
        world->links = realloc(world->links, world->link_capacity * sizeof *world->links);
    }
    assert(link && world->links);
    world->links[world->link_count++] = link;
    *link = (struct scale_link){.ends = {from, to}, .up = true, .since_ms = world->wheel.now_ms};
    link->latency_ms = plan_latency_ms(world->plan->seed, from, to);
    link->number[0] = number;
    link->number[1] = world->nodes[to].inbound_next += 2;
    for (unsigned end = 0; end < 2; end++) {
        struct scale_node *node = &world->nodes[link->ends[end]];
        assert(node->link_count < SCALE_LINKS_MAX);
        node->links[node->link_count++] = link;
        link->life[end] = node->life;
    }
    return link;
}

/* TCP's handshake, ZMTP's greeting and CURVE's two exchanges: three round trips, and half a one until the dialler knows. */
static void dial(struct scale_world *world, uint32_t node, const struct action *action) {
    uint32_t to = node_of_curve(world, action->dial.curve_public);
    uint64_t latency_ms = plan_latency_ms(world->plan->seed, node, to);
    world->traffic.dials++;
    if (!plan_reaches(world->plan, node, to, world->wheel.now_ms)) return; /* no answer: the core gives up by itself */
    if (!welcome(world, node, to) || world->nodes[to].link_count >= SCALE_LINKS_MAX ||
        world->nodes[node].link_count >= SCALE_LINKS_MAX) {
        struct scale_item *item = item_new(world, ITEM_DOWN, node, world->wheel.now_ms + 6 * latency_ms);
        item->amount = action->dial.link;
        return;
    }
    world->traffic.links_made++;
    struct scale_link *link = link_new(world, node, to, action->dial.link);
    for (unsigned end = 0; end < 2; end++) {
        struct scale_item *item = item_new(world, ITEM_UP, link->ends[end], world->wheel.now_ms + (7 - end) * latency_ms);
        item->link = link, item->end = end;
    }
}

/* --- messages --- */

static struct blob *blob_new(struct bytes bytes) {
    struct blob *blob = malloc(sizeof *blob + bytes.size);
    struct message message;
    assert(blob);
    *blob = (struct blob){.size = bytes.size};
    memcpy(blob->bytes, bytes.data, bytes.size);
    uint8_t kind = bytes.data[1];
    if ((kind == MESSAGE_PUSH || kind == MESSAGE_PAYLOAD) && wire_decode(&message, bytes) == OK)
        blob->copy = kind == MESSAGE_PUSH ? message.push.state == PUSH_INLINE : message.payload.present;
    return blob;
}

/* What a silent relay keeps to itself: whatever tells of, or gives, what it has. */
static bool silenced(uint8_t kind) {
    switch (kind) {
    case MESSAGE_HEADS:
    case MESSAGE_ENTRIES:
    case MESSAGE_PAYLOAD:
    case MESSAGE_PUSH:
    case MESSAGE_HAVE:
    case MESSAGE_ANNOUNCE:
    case MESSAGE_STREAM: return true;
    default: return false;
    }
}

/* One step's messages to several links are the same bytes: they are copied once. */
static void send(struct scale_world *world, uint32_t node, const struct action *action, const uint8_t **last, struct blob **blob) {
    struct scale_link *link = link_find(world, node, action->send.link);
    struct bytes bytes = action->send.bytes;
    if (!link || !link->up) return;
    unsigned end = link->ends[1] == node;
    uint8_t kind = bytes.data[1] < SCALE_KINDS ? bytes.data[1] : 0;
    link->queued[end] += (uint32_t)bytes.size;
    if (world->plan->silent[node] && silenced(kind)) return;
    world->traffic.messages[kind]++;
    world->traffic.bytes[kind] += bytes.size;
    if (!plan_reaches(world->plan, node, link->ends[1 - end], world->wheel.now_ms)) return;
    if (*last != bytes.data) *blob = blob_new(bytes), *last = bytes.data;
    struct scale_item *item = item_new(world, ITEM_MESSAGE, link->ends[1 - end], world->wheel.now_ms + link->latency_ms);
    item->link = link, item->end = 1 - end;
    item->blob = *blob;
    (*blob)->holders++;
}

/* Bytes leave at once; the core hears of it in larger pieces. */
#define SENT_BYTES (64 * 1024)
static void sent(struct scale_world *world, uint32_t node) {
    struct scale_node *self = &world->nodes[node];
    for (size_t i = 0; i < self->link_count; i++) {
        struct scale_link *link = self->links[i];
        unsigned end = link->ends[1] == node;
        if (!link->up || link->queued[end] < SENT_BYTES) continue;
        struct event event = {.kind = EVENT_SENT};
        event.sent.link = link->number[end];
        event.sent.bytes = link->queued[end];
        link->queued[end] = 0;
        scale_step(world, node, &event);
        return; /* the step looked after the others */
    }
}

/* --- the store --- */

static void stored_later(struct scale_world *world, uint32_t node, uint64_t ticket) {
    if (ticket == 0) return; /* an own payload: its entry brings the sync */
    item_new(world, ITEM_STORED, node, world->wheel.now_ms + SCALE_SYNC_MS)->ticket = ticket;
}

static void payload_in(struct scale_world *world, uint32_t node, const struct action *action) {
    uint32_t author = scale_node_of_id(world, action->store_payload.node_id);
    store_payload(&world->store, node, author, action->store_payload.seq, action->store_payload.payload);
    const struct store_record *record = store_record(&world->store, author, action->store_payload.seq);
    if (record && record->message != STORE_NO_MESSAGE) tally_deliver(&world->tally, record->message, node, world->wheel.now_ms);
    stored_later(world, node, action->store_payload.ticket);
}

static void act(struct scale_world *world, uint32_t node, const struct action *action) {
    struct scale_item *item;
    uint64_t soon_ms = world->wheel.now_ms + 1;
    switch (action->kind) {
    case ACTION_SEND: break; /* done by the caller */
    case ACTION_CLOSE: close_link(world, node, action->close.link); break;
    case ACTION_DIAL: dial(world, node, action); break;
    case ACTION_SIGN:
        item = item_new(world, ITEM_SIGN, node, soon_ms);
        item->ticket = action->sign.ticket;
        item->blob = malloc(sizeof *item->blob + SIGN_BYTES);
        assert(item->blob);
        *item->blob = (struct blob){.size = SIGN_BYTES, .holders = 1};
        identity_sign(&world->identities[node], item->blob->bytes, &action->sign.subject);
        break;
    case ACTION_STORE_ENTRIES:
        store_entries(&world->store, node, scale_node_of_id(world, action->store_entries.node_id), action->store_entries.entries);
        stored_later(world, node, action->store_entries.ticket);
        break;
    case ACTION_STORE_PAYLOAD: payload_in(world, node, action); break;
    case ACTION_LOAD_ENTRIES:
        item = item_new(world, ITEM_LOAD_ENTRIES, node, soon_ms);
        item->author = scale_node_of_id(world, action->load_entries.node_id);
        item->ticket = action->load_entries.ticket, item->seq = action->load_entries.seq;
        item->amount = action->load_entries.bytes_max;
        break;
    case ACTION_LOAD_PAYLOAD:
        item = item_new(world, ITEM_LOAD_PAYLOAD, node, soon_ms);
        item->author = scale_node_of_id(world, action->load_payload.node_id);
        item->ticket = action->load_payload.ticket, item->seq = action->load_payload.seq;
        break;
    case ACTION_SCAN:
        item = item_new(world, ITEM_SCAN, node, soon_ms);
        item->author = scale_node_of_id(world, action->scan.node_id);
        item->ticket = action->scan.ticket, item->seq = action->scan.seq, item->amount = action->scan.rows_max;
        break;
    default: break;
    }
}

static void tick_set(struct scale_world *world, uint32_t node) {
    struct scale_node *self = &world->nodes[node];
    uint64_t due_ms = gossip_deadline(self->gossip), at_ms = due_ms > 1000 ? due_ms - 1000 : 0;
    if (at_ms <= world->wheel.now_ms) at_ms = world->wheel.now_ms + 1;
    if (at_ms < self->ticked_ms + world->tick_every_ms) at_ms = self->ticked_ms + world->tick_every_ms;
    if (at_ms >= self->tick_at_ms) return;
    self->tick_at_ms = at_ms;
    item_new(world, ITEM_TICK, node, at_ms);
}

void scale_step(struct scale_world *world, uint32_t node, struct event *event) {
    struct scale_node *self = &world->nodes[node];
    const uint8_t *last = NULL;
    struct blob *blob = NULL;
    event->now_ms = SCALE_EPOCH_MS + world->wheel.now_ms;
    event->monotonic_ms = world->wheel.now_ms + 1000;
    enum err err = gossip_step(self->gossip, event, &self->actions);
    assert(err != ERR_MEMORY);
    for (size_t i = 0; i < self->actions.count; i++) {
        if (self->actions.list[i].kind == ACTION_SEND)
            send(world, node, &self->actions.list[i], &last, &blob);
        else
            act(world, node, &self->actions.list[i]);
    }
    tick_set(world, node);
    if (blob) sent(world, node);
}

/* --- publishing --- */

static struct store_record *write_entry(struct scale_world *world, uint32_t author, enum entry_type type, uint64_t seq,
                                        const uint8_t previous[static HASH_BYTES], size_t payload_bytes, size_t message) {
    struct block_body block = {.epoch_seq = 1, .index = (uint32_t)seq, .carriage = CARRIAGE_RELAY};
    struct entry_draft draft = {.type = type, .seq = seq, .time_ms = SCALE_EPOCH_MS + world->wheel.now_ms};
    uint8_t body[BLOCK_BODY_BYTES];
    struct buf entry = {0}, payload = {0};
    memcpy(draft.previous, previous, HASH_BYTES);
    if (type == ENTRY_BLOCK) {
        size_t size = block_size_class(payload_bytes);
        uint8_t *bytes = buf_grow(&payload, size);
        assert(bytes);
        for (size_t i = 0; i < size; i += 8) put_be64(bytes + i, plan_mix(seq, author, i)); /* sizes are multiples of 32 */
        hash_of(block.seal.payload_hash, "comity-payload", bytes_of_buf(&payload), bytes_of(NULL, 0));
        block.seal.payload_bytes = (uint32_t)size;
        block.seal.plain_class = 12;
        block.expires_ms = draft.time_ms + 75 * PREKEY_DAY_MS;
        block_body_write(body, &block);
        draft.body = bytes_of(body, sizeof body);
    }
    identity_entry(&world->identities[author], &entry, &draft);
    struct store_record *record = store_add(&world->store, author, bytes_of_buf(&entry), bytes_of_buf(&payload), message);
    buf_free(&entry);
    buf_free(&payload);
    return record;
}

struct store_record *scale_write(struct scale_world *world, uint32_t author, enum entry_type type, size_t payload_bytes,
                                 size_t message) {
    static const uint8_t nothing[HASH_BYTES];
    uint64_t count = world->store.logs[author].count;
    const struct store_record *before = store_record(&world->store, author, count);
    return write_entry(world, author, type, count + 1, before ? before->id : nothing, payload_bytes, message);
}

void scale_publish_at(struct scale_world *world, uint32_t author, size_t message, uint64_t at_ms) {
    struct scale_item *item = item_new(world, ITEM_PUBLISH, author, at_ms);
    item->author = author;
    item->amount = message;
}

static void publish(struct scale_world *world, uint32_t author, size_t message) {
    struct event event = {.kind = EVENT_PUBLISH};
    uint8_t previous[HASH_BYTES];
    uint64_t seq = gossip_own_next(world->nodes[author].gossip, previous);
    struct store_record *record = write_entry(world, author, ENTRY_BLOCK, seq, previous, world->plan->list[message].bytes, message);
    if (!world->tally.published_ms[message]) tally_published(&world->tally, message, world->wheel.now_ms);
    event.publish.entry = bytes_of_buf(&record->entry);
    event.publish.payload = bytes_of_buf(&record->payload);
    scale_step(world, author, &event);
    if (gossip_own_next(world->nodes[author].gossip, previous) > seq) return;
    /* PROTOCOL.md 4.4: put off, because a peer claims to know more of this log. */
    store_undo(&world->store, author);
    world->refused++;
    scale_publish_at(world, author, message, world->wheel.now_ms + 100);
}

/* --- what was waited for --- */

static void loaded(struct scale_world *world, const struct scale_item *item) {
    struct event event = {.kind = EVENT_LOADED_PAYLOAD};
    struct buf out = {0};
    struct scanned *rows = NULL;
    const struct store_record *record;
    switch (item->kind) {
    case ITEM_LOAD_ENTRIES:
        event.kind = EVENT_LOADED_ENTRIES, event.loaded_entries.ticket = item->ticket;
        store_load(&world->store, item->node, item->author, item->seq, item->amount, &out);
        event.loaded_entries.entries = bytes_of_buf(&out);
        event.loaded_entries.verified_bytes = out.size;
        break;
    case ITEM_LOAD_PAYLOAD:
        record = store_record(&world->store, item->author, item->seq);
        event.loaded_payload.ticket = item->ticket;
        event.loaded_payload.present = store_payload_here(&world->store, item->node, item->author, item->seq);
        if (!event.loaded_payload.present) break;
        event.loaded_payload.body = record->body;
        event.loaded_payload.payload = bytes_of_buf(&record->payload);
        break;
    default:
        rows = calloc(item->amount + 1, sizeof *rows);
        assert(rows);
        event.kind = EVENT_SCANNED, event.scanned.ticket = item->ticket, event.scanned.rows = rows;
        event.scanned.next_seq =
            store_scan(&world->store, item->node, item->author, item->seq, rows, item->amount, &event.scanned.count);
    }
    scale_step(world, item->node, &event);
    buf_free(&out);
    free(rows);
}

static void tick(struct scale_world *world, uint32_t node) {
    struct scale_node *self = &world->nodes[node];
    struct event event = {.kind = EVENT_TICK};
    if (self->tick_at_ms != world->wheel.now_ms) return; /* an earlier one was set since, and happened */
    self->tick_at_ms = UINT64_MAX;
    if (gossip_deadline(self->gossip) > world->wheel.now_ms + 1000) {
        tick_set(world, node); /* it moved on */
        return;
    }
    self->ticked_ms = world->wheel.now_ms;
    scale_step(world, node, &event);
}

static void happen(struct scale_world *world, struct scale_item *item) {
    struct event event = {.kind = EVENT_MESSAGE};
    const struct scale_link *link = item->link;
    switch (item->kind) {
    case ITEM_TICK: tick(world, item->node); return;
    case ITEM_MESSAGE:
        if (!link->up || link->life[item->end] != item->life) return;
        if (item->blob->copy) tally_copy(&world->tally, world->wheel.now_ms);
        event.message.link = link->number[item->end], event.message.bytes = bytes_of(item->blob->bytes, item->blob->size);
        break;
    case ITEM_UP:
        if (!link->up) return;
        event.kind = EVENT_LINK_UP, event.link_up.link = link->number[item->end], event.link_up.outbound = item->end == 0;
        const struct identity *peer = &world->identities[link->ends[1 - item->end]];
        memcpy(event.link_up.curve_public, agency_node_find(&peer->agency, peer->node_id)->curve_public, CURVE_KEY_BYTES);
        break;
    case ITEM_DOWN:
        event.kind = EVENT_LINK_DOWN, event.link.link = link ? link->number[item->end] : (uint32_t)item->amount;
        if (link) link_forget(world, item->node, link);
        break;
    case ITEM_SIGN:
        event.kind = EVENT_SIGNED, event.signed_.ticket = item->ticket, event.signed_.signature = item->blob->bytes;
        break;
    case ITEM_STORED: event.kind = EVENT_STORED, event.stored.ticket = item->ticket; break;
    case ITEM_LOAD_ENTRIES:
    case ITEM_LOAD_PAYLOAD:
    case ITEM_SCAN: loaded(world, item); return;
    case ITEM_PUBLISH: publish(world, item->author, item->amount); return;
    }
    scale_step(world, item->node, &event);
}

/* Ten million events touch two gigabytes in no order: while one happens, the memory that the next one begins with is fetched. */
static void fetch_ahead(const struct scale_world *world, const struct scale_item *item) {
    const struct scale_item *next = (const struct scale_item *)item->row.next;
    if (!next) return;
    __builtin_prefetch(next->row.next);
    __builtin_prefetch(next->blob);
    __builtin_prefetch(next->link);
    __builtin_prefetch(world->nodes[next->node].gossip);
}

void scale_happen(struct scale_world *world, struct wheel_item *row) {
    struct scale_item *item = (struct scale_item *)row;
    const struct scale_node *self = &world->nodes[item->node];
    fetch_ahead(world, item);
    if (self->gossip && self->life == item->life) happen(world, item);
    scale_item_free(world, row);
}
