#include "node/clock.h"
#include "node/engine_core.h"

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

/* What is carried of one log. Which of it this node can read stands in its pages, not here. */
static void put_log(struct engine *engine, struct buf *out, size_t index) {
    struct gossip_log_view view;
    uint64_t payloads = 0;
    gossip_log_view(engine->gossip, index, &view);
    if (store_payloads(engine->store, view.node_id, payload_count, &payloads) != OK) payloads = 0;
    pack_write_map(out, 10);
    put_text(out, "agency", engine_agency_name(engine, view.agency_id));
    put_uint(out, "entries", view.head_durable);
    put_bool(out, "frozen", view.frozen);
    put_uint(out, "head", view.head);
    put_uint(out, "heard", view.head_heard);
    put_uint(out, "missing", view.missing);
    put_hex(out, "node", view.node_id, NODE_ID_BYTES);
    put_bool(out, "own", view.own);
    put_uint(out, "payloads", payloads);
    put_uint(out, "refused", view.refused);
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

static void put_counts(struct engine *engine, struct buf *out) {
    struct store_counts counts;
    store_counts(engine->store, &counts);
    put_uint(out, "disk_bytes", counts.disk_bytes);
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
    pack_write_map(&body, 22);
    put_text(&body, "agency", engine->own_name);
    put_uint(&body, "agencies_pinned", gossip_agency_count(engine->gossip) - 1);
    put_bool(&body, "caught_up", gossip_caught_up(engine->gossip));
    put_uint(&body, "cursor", last_cursor(engine));
    put_counts(engine, &body);
    put_text(&body, "fingerprint", fingerprint);
    put_uint(&body, "landlock", (uint64_t)engine->landlock_abi);
    put_uint(&body, "links", links_open(engine));
    pack_write_str(&body, bytes_of_text("logs"));
    pack_write_array(&body, (uint32_t)gossip_log_count(engine->gossip));
    for (size_t i = 0; i < gossip_log_count(engine->gossip); i++) put_log(engine, &body, i);
    put_hex(&body, "node", engine->node_id, NODE_ID_BYTES);
    put_notices(engine, &body);
    put_uint(&body, "outbox", engine->outbox.items);
    put_uint(&body, "pages", counts.pages);
    put_uint(&body, "payload_bytes", counts.payload_bytes);
    put_uint(&body, "payloads", counts.payloads);
    put_uint(&body, "payloads_damaged", engine->reader.blocks_bad);
    put_uint(&body, "payloads_readable", engine->reader.blocks_read);
    put_bool(&body, "publishing", publishing);
    put_text(&body, "publishing_reason", why ? why : "");
    put_uint(&body, "uptime_s", (clock_monotonic_ms() - engine->started_monotonic_ms) / 1000);
    answer(client, frame, &body);
    buf_free(&body);
}

static void put_link(struct engine *engine, struct buf *out, size_t index) {
    struct gossip_link_view view;
    gossip_link_view(engine->gossip, index, &view);
    pack_write_map(out, 14);
    put_text(out, "agency", engine_agency_name(engine, view.agency_id));
    put_uint(out, "broken_answers", view.broken_answers);
    put_uint(out, "bytes_in", view.bytes_in);
    put_uint(out, "bytes_out", view.bytes_out);
    put_uint(out, "copies_in", view.copies_in);
    put_text(out, "direction", view.outbound ? "out" : "in");
    put_uint(out, "ignored", view.ignored_tags);
    put_uint(out, "messages_in", view.messages_in);
    put_uint(out, "messages_out", view.messages_out);
    put_hex(out, "node", view.node_id, NODE_ID_BYTES);
    put_uint(out, "pushes_dropped", view.pushes_dropped);
    put_uint(out, "rtt_ms", view.rtt_ms);
    put_uint(out, "since_s", (clock_monotonic_ms() - view.since_ms) / 1000);
    put_text(out, "state", view.open ? "open" : "handshake");
}

void report_peers(struct engine *engine, struct client *client, const struct frame *frame) {
    struct buf body = {0};
    size_t count = gossip_link_count(engine->gossip);
    pack_write_map(&body, 4);
    put_uint(&body, "connections_cut", engine->net_cut);
    pack_write_str(&body, bytes_of_text("links"));
    pack_write_array(&body, (uint32_t)count);
    for (size_t i = 0; i < count; i++) put_link(engine, &body, i);
    put_notices(engine, &body);
    put_uint(&body, "strangers_refused", engine->net_refused);
    answer(client, frame, &body);
    buf_free(&body);
}
