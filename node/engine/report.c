#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/formats/moment.h"
#include "node/identity/newnode.h"
#include "node/version.h"

#include <stdio.h>
#include <string.h>

/* Status and peers as documents: maps with their keys in order, printed by the client. */

static void put_uint(struct buf *out, const char *key, uint64_t value) {
    pack_write_str(out, bytes_of_text(key));
    pack_write_uint(out, value);
}

static void put_bool(struct buf *out, const char *key, bool value) {
    pack_write_str(out, bytes_of_text(key));
    pack_write_bool(out, value);
}

static void put_text(struct buf *out, const char *key, const char *value) {
    pack_write_str(out, bytes_of_text(key));
    pack_write_str(out, bytes_of_text(value));
}

static void put_hex(struct buf *out, const char *key, const uint8_t *data, size_t size) {
    char text[2 * 32 + 1];
    hex_encode(text, bytes_of(data, size));
    put_text(out, key, text);
}

static bool payload_count(void *context, uint64_t seq, size_t bytes) {
    uint64_t *count = context;
    (void)seq, (void)bytes;
    (*count)++;
    return true;
}

/* Why this node still waits for something of a log that was heard of; "" when it does not. */
static const char *log_waits(const struct gossip_log_view *view) {
    if (view->own && view->head_heard > view->head) return "peers hold entries of this node's own log that it has lost";
    if (view->own) return "";
    if (view->frozen) return "frozen: two entries contradict each other";
    if (view->missing_direct > 0 && !view->linked) return "direct payloads wait for a link to their author";
    if (view->missing_direct > 0) return "direct payloads are being asked of their author";
    if (view->missing > 0)
        return view->pathless ? "payloads wait for a link to a node that has them" : "payloads are being asked for";
    if (view->head_heard > view->head)
        return view->pathless ? "entries wait for a link to a node that has them" : "entries are being asked for";
    return view->pathless ? "no path: no link leads to a node that carries it" : "";
}

/* What is carried of one log. Which of it this node can read stands in its pages, not here. */
static void put_log(struct engine *engine, struct buf *out, size_t index) {
    struct gossip_log_view view;
    uint64_t payloads = 0;
    gossip_log_view(engine->gossip, index, &view);
    if (store_payloads(engine->store, view.node_id, payload_count, &payloads) != OK) payloads = 0;
    pack_write_map(out, 15);
    put_text(out, "agency", engine_agency_name(engine, view.agency_id));
    put_uint(out, "behind", view.head_heard > view.head ? view.head_heard - view.head : 0);
    put_uint(out, "entries", view.head_durable);
    put_bool(out, "frozen", view.frozen);
    put_uint(out, "head", view.head);
    put_uint(out, "heard", view.head_heard);
    put_bool(out, "linked", view.linked);
    put_uint(out, "missing", view.missing);
    put_uint(out, "missing_direct", view.missing_direct);
    put_bool(out, "no_path", view.pathless && !view.own);
    put_hex(out, "node", view.node_id, NODE_ID_BYTES);
    put_bool(out, "own", view.own);
    put_uint(out, "payloads", payloads);
    put_uint(out, "refused", view.refused);
    put_text(out, "waits", log_waits(&view));
}

/* --- direct blocks that wait for their readers --- */

#define DIRECT_ROWS_MAX    16
#define DIRECT_READERS_MAX 16

/* Why a reader has not acknowledged a block, as far as it is known here. */
static const char *reader_waits(const struct engine *engine, const uint8_t *node_id, struct gossip_log_view *log) {
    if (!gossip_log_find(engine->gossip, node_id, log)) return "no longer pinned";
    return log->linked ? "linked, and has not acknowledged it" : "no link to it yet";
}

static void put_reader(const struct engine *engine, struct buf *out, const uint8_t *node_id) {
    struct gossip_log_view log = {0};
    const char *why = reader_waits(engine, node_id, &log);
    pack_write_map(out, 3);
    put_text(out, "agency", engine_agency_name(engine, log.agency_id));
    put_hex(out, "node", node_id, NODE_ID_BYTES);
    put_text(out, "why", why);
}

static void put_direct(const struct engine *engine, struct buf *out) {
    uint64_t forgotten, now_ms = clock_monotonic_ms();
    size_t count = gossip_direct_count(engine->gossip, &forgotten), shown = count < DIRECT_ROWS_MAX ? count : DIRECT_ROWS_MAX;
    pack_write_str(out, bytes_of_text("direct_pending"));
    pack_write_array(out, (uint32_t)shown);
    for (size_t i = 0; i < shown; i++) {
        struct gossip_direct_view view;
        gossip_direct_view(engine->gossip, i, &view);
        size_t readers = view.waiting < DIRECT_READERS_MAX ? view.waiting : DIRECT_READERS_MAX;
        pack_write_map(out, 5);
        put_uint(out, "entry", view.seq);
        put_uint(out, "readers", view.readers_all);
        put_uint(out, "since_s", (now_ms - view.since_ms) / 1000);
        put_uint(out, "unacknowledged", view.waiting);
        pack_write_str(out, bytes_of_text("unacknowledged_by"));
        pack_write_array(out, (uint32_t)readers);
        for (size_t k = 0; k < readers; k++) put_reader(engine, out, view.readers[k]);
    }
    put_uint(out, "direct_pending_count", count);
    put_uint(out, "direct_pending_forgotten", forgotten);
}

static size_t links_open(const struct engine *engine) {
    struct gossip_link_view view;
    size_t count = 0;
    for (size_t i = 0; i < gossip_link_count(engine->gossip); i++) {
        gossip_link_view(engine->gossip, i, &view);
        count += view.open;
    }
    return count;
}

const struct live_counts *report_live(const struct engine *engine) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (engine->clients[i].used && engine->clients[i].live.told) return &engine->clients[i].live;
    return NULL;
}

/* Of the process of the live feed; null where there is none. */
static void put_live(struct engine *engine, struct buf *out) {
    const struct live_counts *live = report_live(engine);
    pack_write_str(out, bytes_of_text("live"));
    if (!live) {
        pack_write_nil(out);
        return;
    }
    pack_write_map(out, 5);
    put_uint(out, "refused", live->counts[CONTROL_LIVE_REFUSED] + live->counts[CONTROL_LIVE_KEYS_REFUSED]);
    put_uint(out, "sent", live->counts[CONTROL_LIVE_OBJECTS]);
    put_uint(out, "sessions", live->counts[CONTROL_LIVE_SESSIONS]);
    put_uint(out, "starving", live->counts[CONTROL_LIVE_STARVING]);
    put_uint(out, "withdrawn", live->counts[CONTROL_LIVE_WITHDRAWALS]);
}

static void put_counts(struct engine *engine, struct buf *out) {
    struct store_counts counts;
    uint64_t free_bytes = 0, size_bytes = 0;
    store_counts(engine->store, &counts);
    if (!store_disk(engine->store, &free_bytes, &size_bytes)) free_bytes = size_bytes = 0;
    put_uint(out, "disk_bytes", counts.disk_bytes);
    put_uint(out, "disk_free_bytes", free_bytes);
    put_uint(out, "disk_size_bytes", size_bytes);
    put_uint(out, "entries", counts.entries);
    put_uint(out, "items", counts.items);
}

static void put_notices(struct engine *engine, struct buf *out) {
    uint64_t count = engine->notice_count < 16 ? engine->notice_count : 16;
    pack_write_str(out, bytes_of_text("notices"));
    pack_write_array(out, (uint32_t)count);
    for (uint64_t i = engine->notice_count - count; i < engine->notice_count; i++)
        pack_write_str(out, bytes_of_text(engine->last_notices[i % 16]));
}

/* When each of them was. */
static void put_notice_times(struct engine *engine, struct buf *out) {
    uint64_t count = engine->notice_count < 16 ? engine->notice_count : 16;
    pack_write_str(out, bytes_of_text("notices_ms"));
    pack_write_array(out, (uint32_t)count);
    for (uint64_t i = engine->notice_count - count; i < engine->notice_count; i++) pack_write_uint(out, engine->notices_ms[i % 16]);
}

static uint64_t days_left(uint64_t ends_ms, uint64_t now_ms) { return ends_ms > now_ms ? (ends_ms - now_ms) / NEWNODE_DAY_MS : 0; }

static uint64_t prekey_days(const struct engine *engine, uint64_t now_ms) {
    const struct prekey *prekey = gossip_prekey(engine->gossip, engine->node_id);
    return prekey ? days_left(prekey->created_ms + PREKEY_SEAL_MS, now_ms) : 0;
}

static uint64_t agencies_split(const struct engine *engine) {
    uint64_t count = 0;
    for (size_t i = 0; i < gossip_agency_count(engine->gossip); i++) count += gossip_agency_split(engine->gossip, i);
    return count;
}

static void put_recalls(const struct engine *engine, struct buf *out) {
    struct recall_dues dues = recall_due_count(engine);
    put_uint(out, "recalls_overdue", dues.overdue);
    put_uint(out, "recalls_receipts_missing", dues.receipts);
    put_uint(out, "recalls_waiting", dues.waiting);
}

/* Processes that ended by themselves. */
static uint64_t restarts(const struct engine *engine) {
    uint64_t count = 0;
    for (int role = ROLE_NET; role <= ROLE_LAST; role++) count += engine->tallies.restarts[role];
    return count;
}

static bool web_watches(const struct engine *engine) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (engine->clients[i].used && engine->clients[i].watching) return true;
    return false;
}

static void answer(struct client *client, const struct frame *frame, struct buf *body) {
    uint8_t empty = 0x90; /* an empty array */
    if (body->failed) {
        server_error(client, frame->tag, ERR_MEMORY, "out of memory");
        return;
    }
    server_answer(client, FRAME_ANSWER_DOCUMENT, frame->tag, bytes_of_buf(body));
    server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of(&empty, 1));
}

void report_status(struct engine *engine, struct client *client, const struct frame *frame) {
    struct buf body = {0};
    struct store_counts counts;
    char fingerprint[AGENCY_FINGERPRINT_CHARS + 1];
    const char *why = NULL;
    bool publishing = publisher_accepts(engine, &why);
    agency_fingerprint(fingerprint, engine->agency_id);
    store_counts(engine->store, &counts);
    const struct agency_node *self = agency_node_find(gossip_agency(engine->gossip, 0), engine->node_id);
    uint64_t now_ms = clock_wall_ms();
    pack_write_map(&body, 44);
    put_text(&body, "agency", engine->own_name);
    put_uint(&body, "agencies_pinned", gossip_agency_count(engine->gossip) - 1);
    put_uint(&body, "agencies_split", agencies_split(engine));
    put_bool(&body, "caught_up", gossip_caught_up(engine->gossip));
    put_uint(&body, "certificate_days", self ? days_left(self->not_after_ms, now_ms) : 0);
    put_uint(&body, "cursor", last_cursor(engine));
    put_direct(engine, &body);
    put_counts(engine, &body);
    put_text(&body, "fingerprint", fingerprint);
    put_uint(&body, "hooks", engine->hooks.count);
    put_uint(&body, "hooks_failing", engine->hooks.failing);
    put_uint(&body, "landlock", (uint64_t)engine->landlock_abi);
    put_uint(&body, "links", links_open(engine));
    put_live(engine, &body);
    pack_write_str(&body, bytes_of_text("logs"));
    pack_write_array(&body, (uint32_t)gossip_log_count(engine->gossip));
    for (size_t i = 0; i < gossip_log_count(engine->gossip); i++) put_log(engine, &body, i);
    put_hex(&body, "node", engine->node_id, NODE_ID_BYTES);
    put_notices(engine, &body);
    put_notice_times(engine, &body);
    put_uint(&body, "outbox", engine->outbox.items);
    put_uint(&body, "pages", counts.pages);
    put_uint(&body, "payload_bytes", counts.payload_bytes);
    put_uint(&body, "payloads", counts.payloads);
    put_uint(&body, "payloads_damaged", engine->reader.blocks_bad);
    put_uint(&body, "payloads_readable", engine->reader.blocks_read);
    put_uint(&body, "prekey_days", prekey_days(engine, now_ms));
    put_bool(&body, "publishing", publishing);
    put_text(&body, "publishing_reason", why ? why : "");
    put_recalls(engine, &body);
    put_uint(&body, "requests_overdue", inquiry_overdue(engine, now_ms));
    put_uint(&body, "restart_ago_s",
             engine->tallies.restarted_ms ? (clock_monotonic_ms() - engine->tallies.restarted_ms) / 1000 : 0);
    put_uint(&body, "restarts", restarts(engine));
    put_bool(&body, "revoked", self && self->revoked);
    put_bool(&body, "showing", !engine->replaying);
    put_uint(&body, "uptime_s", (clock_monotonic_ms() - engine->started_monotonic_ms) / 1000);
    put_text(&body, "version", COMITY_VERSION);
    put_bool(&body, "web", web_watches(engine));
    answer(client, frame, &body);
    buf_free(&body);
}

static void put_link(struct engine *engine, struct buf *out, size_t index) {
    struct gossip_link_view view;
    gossip_link_view(engine->gossip, index, &view);
    pack_write_map(out, 21);
    put_text(out, "agency", engine_agency_name(engine, view.agency_id));
    put_uint(out, "announces_in", view.announces_in);
    put_uint(out, "broken_answers", view.broken_answers);
    put_uint(out, "bytes_in", view.bytes_in);
    put_uint(out, "bytes_out", view.bytes_out);
    put_uint(out, "copies_in", view.copies_in);
    put_text(out, "direction", view.outbound ? "out" : "in");
    put_bool(out, "eager_in", view.eager_in);
    put_bool(out, "eager_out", view.eager_out);
    put_uint(out, "grafts_out", view.grafts_out);
    put_uint(out, "ignored", view.ignored_tags);
    put_uint(out, "memory_bytes", view.charge);
    put_uint(out, "messages_in", view.messages_in);
    put_uint(out, "messages_out", view.messages_out);
    put_hex(out, "node", view.node_id, NODE_ID_BYTES);
    put_bool(out, "probe", view.probe);
    put_uint(out, "prunes_out", view.prunes_out);
    put_uint(out, "pushes_dropped", view.pushes_dropped);
    put_uint(out, "rtt_ms", view.rtt_ms);
    put_uint(out, "since_s", (clock_monotonic_ms() - view.since_ms) / 1000);
    put_text(out, "state", view.open ? "open" : "handshake");
}

static const char *node_state(const struct gossip_peer_view *view, uint64_t now_ms, uint64_t monotonic_ms) {
    if (view->self) return "this node";
    if (view->revoked) return "revoked";
    if (now_ms >= view->not_after_ms) return "certificate ended";
    if (now_ms + NEWNODE_DAY_MS <= view->not_before_ms) return "certificate not valid yet";
    if (view->linked) return "linked";
    if (monotonic_ms < view->refused_until_ms) return "refused";
    if (view->dialling) return "dialling";
    return view->reachable ? "not linked" : "not linked: it has to dial";
}

/* A node of a pinned agency: linked or not, and what it did that no network fault explains. */
static void put_node(struct engine *engine, struct buf *out, size_t index) {
    struct gossip_peer_view view;
    char until[MOMENT_TEXT_BYTES];
    uint64_t now_ms = clock_wall_ms(), monotonic_ms = clock_monotonic_ms();
    gossip_peer_view(engine->gossip, index, &view);
    bool refused = monotonic_ms < view.refused_until_ms;
    moment_text(until, view.not_after_ms);
    pack_write_map(out, 8);
    put_text(out, "agency", engine_agency_name(engine, view.agency_id));
    put_text(out, "misdeed", view.misdeed == OK ? "" : err_text(view.misdeed));
    put_uint(out, "misdeed_ago_s", view.misdeed == OK ? 0 : (monotonic_ms - view.misdeed_ms) / 1000);
    put_uint(out, "misdeeds", view.misdeeds);
    put_hex(out, "node", view.node_id, NODE_ID_BYTES);
    put_uint(out, "refused_for_s", refused ? (view.refused_until_ms - monotonic_ms) / 1000 : 0);
    put_text(out, "state", node_state(&view, now_ms, monotonic_ms));
    put_text(out, "valid_until", until);
}

void report_peers(struct engine *engine, struct client *client, const struct frame *frame) {
    struct buf body = {0};
    size_t count = gossip_link_count(engine->gossip), nodes = gossip_log_count(engine->gossip);
    pack_write_map(&body, 5);
    put_uint(&body, "connections_cut", engine->net_cut);
    pack_write_str(&body, bytes_of_text("links"));
    pack_write_array(&body, (uint32_t)count);
    for (size_t i = 0; i < count; i++) put_link(engine, &body, i);
    pack_write_str(&body, bytes_of_text("nodes"));
    pack_write_array(&body, (uint32_t)nodes);
    for (size_t i = 0; i < nodes; i++) put_node(engine, &body, i);
    put_notices(engine, &body);
    put_uint(&body, "strangers_refused", engine->net_refused);
    answer(client, frame, &body);
    buf_free(&body);
}
