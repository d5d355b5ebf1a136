/* ledger: what local commands ask of it, over the control socket. Rows are handed out as they stand; the command judges them. */
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <string.h>

#define BACKLOG_BYTES (2 * CLIENT_FULL_BYTES)
#define HITS_MAX      4096

static void done(struct client *client, uint64_t tag, uint64_t first, uint64_t second) {
    struct buf body = {0};
    pack_write_array(&body, 2);
    pack_write_uint(&body, first);
    pack_write_uint(&body, second);
    server_answer(client, FRAME_ANSWER_DONE, tag, bytes_of_buf(&body));
    buf_free(&body);
}

/* --- rows, signed ends, own blocks --- */

void ledger_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    struct ledger_walk *walk = &client->ledger_walk;
    uint8_t hash[HASH_BYTES];
    uint32_t fields = pack_read_array(&reader);
    uint64_t part = pack_read_uint(&reader), from = pack_read_uint(&reader), until = pack_read_uint(&reader);
    if (fields != 3 || pack_done(&reader) != OK || part < LEDGER_ROWS || part > LEDGER_BLOCKS) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    store_wait(engine->store); /* what was committed is read, and a walk has an end */
    uint64_t last = store_disclosure_last(engine->store, hash);
    if (part != LEDGER_ROWS) last = UINT64_MAX;
    if (part == LEDGER_ROWS) ledger_look(engine, client, "ledger");
    *walk = (struct ledger_walk){.active = true, .part = (enum ledger_part)part, .tag = frame->tag, .next = from ? from : 1};
    walk->until = until == 0 || until > last ? last : until;
    ledger_ask_pump(engine, client);
}

static bool row_answer(void *context, uint64_t number, const struct disclosure_record *record) {
    struct client *client = context;
    struct buf body = {0};
    pack_write_array(&body, 7);
    pack_write_uint(&body, number);
    pack_write_bin(&body, bytes_of(record->row, record->row_state == DISCLOSURE_GOOD ? sizeof record->row : 0));
    pack_write_uint(&body, record->row_state);
    pack_write_uint(&body, record->details_state);
    bool details = record->details_state == DISCLOSURE_GOOD;
    pack_write_bin(&body, bytes_of(record->written, details ? sizeof record->written : 0));
    pack_write_bin(&body, bytes_of(record->salt, details ? sizeof record->salt : 0));
    pack_write_bin(&body, bytes_of(record->details.data, details ? record->details.size : 0));
    server_answer(client, FRAME_ANSWER_LEDGER, client->ledger_walk.tag, bytes_of_buf(&body));
    buf_free(&body);
    client->ledger_walk.next = number + 1;
    client->ledger_walk.count++;
    return true;
}

static enum err rows_pump(struct engine *engine, struct client *client) {
    const struct ledger_walk *walk = &client->ledger_walk;
    if (walk->next > walk->until) return OK;
    uint64_t until = walk->until - walk->next >= LEDGER_RUN_ROWS ? walk->next + LEDGER_RUN_ROWS - 1 : walk->until;
    return store_disclosures(engine->store, walk->next, until, row_answer, client);
}

static bool head_answer(void *context, const struct disclosure_head *head) {
    struct client *client = context;
    uint8_t bytes[DISCLOSURE_HEAD_BYTES];
    struct buf body = {0};
    disclosure_head_write(bytes, head);
    pack_write_array(&body, 1);
    pack_write_bin(&body, bytes_of(bytes, head->number ? sizeof bytes : 0));
    server_answer(client, FRAME_ANSWER_LEDGER, client->ledger_walk.tag, bytes_of_buf(&body));
    buf_free(&body);
    client->ledger_walk.count++;
    return true;
}

struct blocks_walk {
    struct client *client;
    unsigned seen;
    bool more;
};

static bool block_answer(void *context, uint64_t seq, bool verified, struct bytes bytes) {
    struct blocks_walk *blocks = context;
    struct ledger_walk *walk = &blocks->client->ledger_walk;
    struct entry entry;
    struct block_body block;
    struct buf body = {0};
    (void)verified;
    if (blocks->seen++ == LEDGER_RUN_ROWS) {
        blocks->more = true;
        return false;
    }
    walk->next = seq + 1;
    if (entry_parse(&entry, bytes) != OK || entry.type != ENTRY_BLOCK || block_body_read(&block, entry.body) != OK) return true;
    pack_write_array(&body, 3);
    pack_write_uint(&body, seq);
    pack_write_bin(&body, bytes_of(entry.node_id, NODE_ID_BYTES));
    pack_write_bin(&body, bytes_of(block.seal.root, HASH_BYTES));
    server_answer(blocks->client, FRAME_ANSWER_LEDGER, walk->tag, bytes_of_buf(&body));
    buf_free(&body);
    walk->count++;
    return true;
}

void ledger_ask_pump(struct engine *engine, struct client *client) {
    struct ledger_walk *walk = &client->ledger_walk;
    struct blocks_walk blocks = {.client = client};
    enum err err = OK;
    bool more = true;
    while (more && err == OK && channel_backlog(&client->channel) < BACKLOG_BYTES) {
        blocks.seen = 0, blocks.more = false;
        if (walk->part == LEDGER_ROWS) err = rows_pump(engine, client);
        if (walk->part == LEDGER_HEADS) err = store_disclosure_heads(engine->store, walk->next, head_answer, client);
        if (walk->part == LEDGER_BLOCKS) err = store_entries(engine->store, engine->node_id, walk->next, block_answer, &blocks);
        more = walk->part == LEDGER_ROWS ? walk->next <= walk->until : blocks.more;
    }
    if (more && err == OK) return; /* goes on when the client has read */
    walk->active = false;
    if (err == OK)
        done(client, walk->tag, walk->count, walk->part == LEDGER_ROWS ? walk->until : walk->next - 1);
    else
        server_error(client, walk->tag, err, "the ledger cannot be read: %s", err_text(err));
}

/* --- the signed end --- */

static void sign_answer(struct engine *engine, struct client *client, enum err err) {
    client->sign_waits = false;
    if (err == OK)
        done(client, client->sign_tag, engine->ledger.signed_number, 0);
    else
        server_error(client, client->sign_tag, err, "the key process did not sign the ledger's end: see the node's log");
}

void ledger_ask_sign(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    char about[128];
    uint32_t fields = pack_read_array(&reader);
    struct bytes text = pack_read_str(&reader);
    uint8_t hash[HASH_BYTES];
    if (fields != 1 || pack_done(&reader) != OK || text.size >= sizeof about) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    snprintf(about, sizeof about, "%.*s", (int)text.size, (const char *)text.data);
    ledger_act(engine, NULL, client, "ledger export", about);
    client->sign_tag = frame->tag;
    client->sign_waits = true;
    ledger_sign(engine);
    client->sign_number = store_disclosure_last(engine->store, hash);
}

void ledger_ask_signed(struct engine *engine, enum err err) {
    const struct ledger *ledger = &engine->ledger;
    bool durable = ledger->tickets_durable >= ledger->head_ticket;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &engine->clients[i];
        if (!client->used || !client->sign_waits) continue;
        if (err != OK || (durable && ledger->signed_number >= client->sign_number))
            sign_answer(engine, client, err);
        else if (ledger->signed_number < client->sign_number)
            ledger_sign(engine); /* the signature was for an earlier end */
    }
}

/* --- what is held about a value --- */

bool ledger_asked_tells(const struct item *item, struct observable asked) {
    if (asked.kind == 0) return bytes_equal(item->id, asked.value);
    for (size_t i = 0; i < item->observable_count; i++)
        if (item->observables[i].kind == asked.kind && bytes_equal(item->observables[i].value, asked.value)) return true;
    return false;
}

static bool held_answer(struct engine *engine, struct client *client, uint64_t tag, uint64_t cursor, struct observable asked) {
    static struct item item;
    struct page_head head;
    struct bytes encoded;
    struct buf body = {0};
    if (store_item(engine->store, cursor, &head, &item, &encoded) != OK || !ledger_asked_tells(&item, asked)) return false;
    pack_write_array(&body, 7);
    pack_write_uint(&body, cursor);
    pack_write_str(&body, bytes_of_text(engine_agency_name(engine, head.agency_id)));
    pack_write_bin(&body, bytes_of(head.agency_id, AGENCY_ID_BYTES));
    pack_write_bin(&body, bytes_of(head.node_id, NODE_ID_BYTES));
    pack_write_uint(&body, head.seq);
    pack_write_uint(&body, head.arrived_ms);
    pack_write_bin(&body, encoded);
    server_answer(client, FRAME_ANSWER_HELD, tag, bytes_of_buf(&body));
    buf_free(&body);
    return true;
}

static bool asked_valid(struct observable asked) {
    if (asked.kind == 0) return asked.value.size > 0 && asked.value.size <= ITEM_ID_BYTES_MAX;
    return (unsigned)asked.kind < OBSERVABLE_KIND_COUNT && observable_valid(asked);
}

bool ledger_asked_read(struct observable *out, struct pack_reader *reader) {
    if (pack_read_array(reader) != 2) return false;
    uint64_t kind = pack_read_uint(reader);
    *out = (struct observable){.kind = (enum observable_kind)kind, .value = pack_read_bin(reader)};
    return !pack_failed(reader) && kind < OBSERVABLE_KIND_COUNT && asked_valid(*out);
}

size_t ledger_asked_find(struct store *store, struct observable asked, uint64_t *cursors, size_t max) {
    return asked.kind == 0 ? store_find_id(store, asked.value, cursors, max) : store_find_value(store, asked, cursors, max);
}

/* All versions, expired and withdrawn ones too: whoever is told what is held is told everything. */
void ledger_ask_subject(struct engine *engine, struct client *client, const struct frame *frame) {
    static uint64_t cursors[HITS_MAX];
    struct pack_reader reader = pack_reader_of(frame->body);
    uint64_t count = 0, full = 0;
    uint32_t candidates = pack_read_array(&reader);
    ledger_look(engine, client, "subject");
    for (uint32_t i = 0; i < candidates && candidates <= 16; i++) {
        struct observable asked;
        if (!ledger_asked_read(&asked, &reader)) break;
        ledger_look_asked(engine, client, (uint8_t)asked.kind, asked.value);
        size_t hits = ledger_asked_find(engine->store, asked, cursors, HITS_MAX);
        full |= hits == HITS_MAX;
        for (size_t j = 0; j < hits; j++) count += held_answer(engine, client, frame->tag, cursors[j], asked);
    }
    client->look.shown += count;
    if (pack_done(&reader) != OK)
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
    else if (store_find_result(engine->store) != OK)
        server_error(client, frame->tag, ERR_CORRUPT, "the index cannot be read (%s): stop the node and run `comity rebuild`",
                     err_text(store_find_result(engine->store)));
    else
        done(client, frame->tag, count, full);
}
