/* What the web process asks of the pages: objects behind a moment or a cursor, in the order of their arrival, in bounded bites. */
#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/engine/page_record.h"
#include "node/policy/leaving.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HITS_MAX           4096 /* cursors of one id that are looked at */
#define BACKLOG_BYTES      (2 * CLIENT_FULL_BYTES)
#define FRAME_BYTES        (64 * 1024)
#define LOOKED_MAX         200000 /* items before a page ends without being full */
#define TURN_ITEMS         4096
#define RECORD_BYTES_FIXED 23

static bool types_take(const struct page_state *page, struct bytes type) {
    for (size_t i = 0; i < page->type_count; i++)
        if (bytes_equal_text(type, page->types[i])) return true;
    return page->type_count == 0;
}

static bool ids_take(const struct page_state *page, struct bytes id) {
    for (size_t i = 0; i < page->id_count; i++)
        if (bytes_equal_text(id, page->ids[i])) return true;
    return page->id_count == 0;
}

static void record_put(struct engine *engine, struct page_state *page, uint64_t cursor, const struct page_head *head,
                       const struct item *item, unsigned versions, struct bytes encoded) {
    struct bytes author = bytes_of_text(engine_agency_name(engine, head->agency_id));
    const struct page_record record = {.cursor = cursor,
                                       .added_us = head->added_us + (cursor - head->cursor),
                                       .tlp = item->tlp,
                                       .versions = versions,
                                       .author = author,
                                       .encoded = encoded};
    page_record_write(&page->out, &record);
}

/* At once, if it may be shown: whoever asked reads the first objects while the next ones are looked for. */
static void out_send(struct engine *engine, struct client *client) {
    struct page_state *page = &client->page;
    if (page->out.size > 0) server_answer(client, FRAME_ANSWER_PAGE, page->tag, bytes_of_buf(&page->out));
    buf_clear(&page->out);
    if (!ledger_look_holds(engine, client) && channel_flush(&client->channel) != OK) client->closing = true;
}

void query_page_end(struct client *client) {
    free(client->page.hits);
    buf_free(&client->page.out);
    buf_free(&client->page.copy);
    client->page = (struct page_state){0};
}

static void page_done(struct engine *engine, struct client *client, bool more) {
    struct buf body = {0};
    ledger_session_shown(engine, client, client->page.exit, client->page.who, client->page.count);
    out_send(engine, client);
    pack_write_array(&body, 3);
    pack_write_uint(&body, client->page.count);
    pack_write_uint(&body, client->page.after);
    pack_write_bool(&body, more);
    server_answer(client, FRAME_ANSWER_DONE, client->page.tag, bytes_of_buf(&body));
    buf_free(&body);
    query_page_end(client);
}

/* Answers one item, or passes it over. False: it does not fit any more, so that there is more. */
static bool item_take(struct engine *engine, struct client *client, const struct policy_facts *facts, uint64_t cursor,
                      const struct page_head *head, const struct item *item, struct bytes encoded) {
    struct page_state *page = &client->page;
    unsigned versions = 0;
    if (((page->labels >> item->tlp) & 1) == 0 || !types_take(page, item->type) || !ids_take(page, item->id)) return true;
    const struct leaving leaving = {head, head->agency_id, item, &page->scope};
    if (item->tlp == TLP_RED || !leaving_allowed(engine, facts, &leaving)) return true;
    if (page->versions != 0) {
        versions = versions_of(engine, cursor, head, item);
        if ((versions & page->versions) == 0) return true;
    }
    if (page->count == page->limit || page->bytes > CONTROL_PAGE_BYTES_MAX) return false;
    if (page->out.size + encoded.size + TRUST_NAME_BYTES_MAX + RECORD_BYTES_FIXED > FRAME_BYTES) out_send(engine, client);
    record_put(engine, page, cursor, head, item, versions, encoded);
    page->count++;
    page->bytes += encoded.size;
    return true;
}

/* A page from the store; its items behind `after`. False: there is more than fits. */
static bool page_take(struct engine *engine, struct client *client, const struct policy_facts *facts, const struct page *stored) {
    static struct item item;
    struct page_state *page = &client->page;
    struct page_head head = stored->head;
    bool retracted = gone_revoked(engine, head.node_id, head.seq);
    struct cursor walk = cursor_of(bytes_of_buf(&page->copy));
    struct bytes encoded;
    for (uint64_t cursor = head.cursor; block_frame_next(&walk, &encoded); cursor++) {
        if (cursor <= page->after) continue;
        page->looked++;
        bool good = item_decode(&item, encoded) == OK;
        if (good) labelmap_note(&engine->labels, cursor, item.tlp);
        if (good && !retracted && !item_take(engine, client, facts, cursor, &head, &item, encoded)) return false;
        page->after = cursor;
    }
    page->after = head.cursor + head.item_count - 1;
    labelmap_known(&engine->labels, page->from + 1, page->after + 1);
    return true;
}

/* The next page that may hold what is wanted. The cache may lose it while other versions are looked for: it is copied. */
static enum err page_next(struct engine *engine, struct page_state *page, struct page *stored) {
    uint64_t end = store_cursor_end(engine->store);
    uint64_t cursor = labelmap_skip(&engine->labels, page->after + 1, end, page->labels);
    if (cursor > page->after + 1) page->after = page->from = cursor - 1;
    enum err err = store_page_from(engine->store, cursor, stored);
    if (err == ERR_CORRUPT && stored->head.item_count > 0) {
        page->after = page->from = stored->head.cursor + stored->head.item_count - 1; /* damaged: the others are still good */
        return ERR_BUSY;
    }
    buf_clear(&page->copy);
    if (err == OK) buf_put(&page->copy, stored->plain);
    return err == OK ? buf_result(&page->copy) : err;
}

/* The next cursor that is to be looked at; 0 when there is none. */
static uint64_t next_cursor(struct page_state *page) {
    if (page->id_count == 0) return page->after + 1;
    size_t at = 0;
    while (at < page->hit_count && page->hits[at] <= page->after) at++;
    return at < page->hit_count ? page->hits[at] : 0;
}

/* With ids, only the items that have them. */
static bool hit_take(struct engine *engine, struct client *client, const struct policy_facts *facts, uint64_t cursor) {
    static struct item item;
    struct buf *copy = &client->page.copy;
    struct page_head head;
    struct bytes encoded;
    bool fits = true;
    client->page.looked++;
    if (store_item(engine->store, cursor, &head, &item, &encoded) == OK && !gone_revoked(engine, head.node_id, head.seq)) {
        buf_clear(copy);
        buf_put(copy, encoded);
        encoded = bytes_of_buf(copy);
        if (!copy->failed && item_decode(&item, encoded) == OK)
            fits = item_take(engine, client, facts, cursor, &head, &item, encoded);
    }
    if (fits) client->page.after = cursor;
    return fits;
}

bool query_page_busy(const struct engine *engine) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct client *client = &engine->clients[i];
        if (client->used && client->page.active && channel_backlog(&client->channel) < BACKLOG_BYTES) return true;
    }
    return false;
}

/* A turn of it: others come in between. */
void query_page_pump(struct engine *engine, struct client *client) {
    static struct policy_facts facts; /* of the exit: the same for all objects of a turn */
    struct page_state *page = &client->page;
    uint64_t turn = page->looked + TURN_ITEMS;
    bool fits = true;
    enum err err = OK;
    policy_context_fill(&facts, engine, page->exit, NULL);
    while (fits && page->looked < LOOKED_MAX) {
        struct page stored;
        if (page->looked >= turn || channel_backlog(&client->channel) >= BACKLOG_BYTES) return; /* goes on later */
        uint64_t cursor = next_cursor(page);
        if (page->id_count > 0) {
            if (cursor == 0) break;
            fits = hit_take(engine, client, &facts, cursor);
            continue;
        }
        err = page_next(engine, page, &stored);
        if (err == ERR_BUSY) continue;
        if (err != OK) break;
        fits = page_take(engine, client, &facts, &stored);
    }
    if (err == OK || err == ERR_NOT_FOUND) {
        page_done(engine, client, !fits || page->looked >= LOOKED_MAX);
        return;
    }
    server_error(client, page->tag, err, "a stored page cannot be read: it is damaged on disk");
    query_page_end(client);
}

/* --- the question --- */

static int cursors_compare(const void *a, const void *b) {
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static enum err hits_find(struct engine *engine, struct page_state *page) {
    static uint64_t cursors[HITS_MAX];
    for (size_t i = 0; i < page->id_count; i++) {
        size_t count = store_find_id(engine->store, bytes_of_text(page->ids[i]), cursors, HITS_MAX);
        uint64_t *grown = realloc(page->hits, (page->hit_count + count + 1) * sizeof *grown);
        if (!grown) return ERR_MEMORY;
        page->hits = grown;
        memcpy(page->hits + page->hit_count, cursors, count * sizeof *cursors);
        page->hit_count += count;
    }
    if (page->hit_count > 0) qsort(page->hits, page->hit_count, sizeof *page->hits, cursors_compare);
    return page->id_count > 0 ? store_find_result(engine->store) : OK;
}

static bool text_read(struct pack_reader *reader, char *out, size_t size) {
    struct bytes text = pack_read_str(reader);
    if (pack_failed(reader) || text.size >= size || (text.size > 0 && memchr(text.data, 0, text.size))) return false;
    if (text.size > 0) memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return true;
}

static bool page_read(struct page_state *page, struct bytes body, uint64_t *after_us) {
    struct pack_reader reader = pack_reader_of(body);
    uint32_t fields = pack_read_array(&reader);
    page->after = pack_read_uint(&reader);
    *after_us = pack_read_uint(&reader);
    page->labels = (unsigned)pack_read_uint(&reader) & ~(1u << TLP_NONE | 1u << TLP_RED);
    page->versions = (unsigned)pack_read_uint(&reader);
    page->limit = pack_read_uint(&reader);
    page->exit = (enum policy_exit)pack_read_uint(&reader);
    bool good = text_read(&reader, page->who, sizeof page->who);
    page->type_count = pack_read_array(&reader);
    good = good && (fields == 9 || fields == 11) && page->exit > POLICY_LOCAL && page->exit < POLICY_EXIT_END &&
           page->type_count <= PAGE_TYPES_MAX;
    for (size_t i = 0; good && i < page->type_count; i++) good = text_read(&reader, page->types[i], sizeof page->types[i]);
    page->id_count = good ? pack_read_array(&reader) : 0;
    good = good && page->id_count <= PAGE_IDS_MAX;
    for (size_t i = 0; good && i < page->id_count; i++) good = text_read(&reader, page->ids[i], sizeof page->ids[i]);
    if (good && fields == 11) good = scope_read(&page->scope, &reader);
    return good && pack_done(&reader) == OK;
}

void query_page(struct engine *engine, struct client *client, const struct frame *frame) {
    struct page_state *page = &client->page;
    uint64_t after_us = 0, cursor = 0;
    *page = (struct page_state){0};
    bool good = page_read(page, frame->body, &after_us);
    page->tag = frame->tag;
    if (!good) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        query_page_end(client);
        return;
    }
    enum err err = after_us > 0 ? store_cursor_at(engine->store, after_us, &cursor) : OK;
    if (err == OK) err = hits_find(engine, page);
    if (err != OK) {
        server_error(client, frame->tag, err, "the index or the pages cannot be read (%s): stop the node and run `comity rebuild`",
                     err_text(err));
        query_page_end(client);
        return;
    }
    if (cursor > page->after) page->after = cursor;
    page->from = page->after;
    page->active = true;
    ledger_session_look(engine, client, page->exit, page->who);
    query_page_pump(engine, client);
}
