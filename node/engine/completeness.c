#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/formats/document_put.h"

#include <string.h>

/* comity verify: what a peer signed about where the common logs end, beside what this node holds, as a document. */

#define ANSWER_MS 15000

/* Who is ahead; when we are, whether what the peer signed is a part of ours. */
static const char *state_of(struct engine *engine, const struct verified_row *row) {
    struct entry entry;
    bool verified;
    if (row->equal) return "equal";
    if (row->ours < row->theirs) return "behind";
    if (row->ours == row->theirs) return "different";
    if (row->theirs == 0) return "ahead";
    buf_clear(&engine->scratch_entry);
    bool part = store_entry(engine->store, row->node_id, row->theirs, &engine->scratch_entry, &verified) == OK &&
                entry_parse(&entry, bytes_of_buf(&engine->scratch_entry)) == OK &&
                memcmp(entry.id, row->theirs_id, HASH_BYTES) == 0;
    return part ? "ahead" : "different";
}

static void put_row(struct engine *engine, struct buf *out, const struct verified_row *row) {
    struct gossip_log_view log;
    bool known = gossip_log_find(engine->gossip, row->node_id, &log);
    pack_write_map(out, 7);
    document_put_text(out, "agency", known ? engine_agency_name(engine, log.agency_id) : "");
    document_put_bool(out, "frozen", row->frozen);
    document_put_uint(out, "missing", row->missing);
    document_put_hex(out, "node", row->node_id, NODE_ID_BYTES);
    document_put_uint(out, "ours", row->ours);
    document_put_text(out, "state", state_of(engine, row));
    document_put_uint(out, "theirs", row->theirs);
}

static void document(struct engine *engine, struct buf *out, const struct action *action) {
    struct gossip_log_view peer;
    bool same = engine->reader.blocks_bad == 0, looking = false, known;
    uint64_t missing = 0;
    for (size_t i = 0; i < action->verified.count; i++) {
        const struct verified_row *row = &action->verified.rows[i];
        same = same && row->equal && row->missing == 0 && !row->looking;
        looking = looking || row->looking;
        missing += row->missing;
    }
    known = gossip_log_find(engine->gossip, action->verified.node_id, &peer);
    pack_write_map(out, 8);
    document_put_text(out, "agency", known ? engine_agency_name(engine, peer.agency_id) : "");
    pack_write_str(out, bytes_of_text("logs"));
    pack_write_array(out, (uint32_t)action->verified.count);
    for (size_t i = 0; i < action->verified.count; i++) put_row(engine, out, &action->verified.rows[i]);
    document_put_bool(out, "looking", looking);
    document_put_uint(out, "missing", missing);
    document_put_uint(out, "missing_there", action->verified.missing);
    document_put_hex(out, "node", action->verified.node_id, NODE_ID_BYTES);
    document_put_bool(out, "same", same);
    document_put_uint(out, "unreadable", engine->reader.blocks_bad);
}

void completeness_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    struct event event = {.kind = EVENT_VERIFY};
    uint8_t id[AGENCY_ID_BYTES];
    uint32_t fields = pack_read_array(&reader);
    struct bytes name = pack_read_str(&reader);
    if (fields != 1 || pack_done(&reader) != OK) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    int shown = (int)(name.size < 64 ? name.size : 64);
    if (!engine_agency_of_name(engine, name, id) || memcmp(id, engine->agency_id, sizeof id) == 0) {
        server_error(client, frame->tag, ERR_NOT_FOUND, "'%.*s' is not pinned here. `comity trust list` shows who is.", shown,
                     (const char *)name.data);
        return;
    }
    event.verify.agency_id = id;
    event.verify.number = ++engine->verify_numbers;
    enum err err = engine_step(engine, &event);
    if (err != OK) {
        server_error(client, frame->tag, ERR_DENIED, "%s '%.*s'; `comity peers` shows the links",
                     err == ERR_NOT_FOUND ? "no link is open to" : "such a question is under way to", shown,
                     (const char *)name.data);
        return;
    }
    client->verify_number = event.verify.number;
    client->verify_tag = frame->tag;
    client->verify_due_ms = clock_monotonic_ms() + ANSWER_MS;
}

static void end(struct engine *engine, struct client *client) {
    struct event event = {.kind = EVENT_VERIFY_END, .verify = {.number = client->verify_number}};
    client->verify_number = 0;
    engine_must_step(engine, &event);
}

void completeness_end(struct engine *engine, struct client *client) {
    if (client->verify_number != 0) end(engine, client);
}

void completeness_tick(struct engine *engine, struct client *client) {
    if (client->verify_number == 0 || clock_monotonic_ms() < client->verify_due_ms) return;
    end(engine, client);
    server_error(client, client->verify_tag, ERR_DENIED, "the peer did not answer within %d s", ANSWER_MS / 1000);
}

void completeness_answer(struct engine *engine, const struct action *action) {
    static const uint8_t nothing = 0x90; /* an empty array */
    struct buf out = {0};
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &engine->clients[i];
        if (!client->used || client->verify_number != action->verified.number) continue;
        client->verify_number = 0;
        document(engine, &out, action);
        if (out.failed) {
            server_error(client, client->verify_tag, ERR_MEMORY, "out of memory");
        } else {
            server_answer(client, FRAME_ANSWER_DOCUMENT, client->verify_tag, bytes_of_buf(&out));
            server_answer(client, FRAME_ANSWER_DONE, client->verify_tag, bytes_of(&nothing, 1));
        }
        buf_free(&out);
    }
}
