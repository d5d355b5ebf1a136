#include "node/clock.h"
#include "node/engine_core.h"
#include "node/policy_context.h"

#include <string.h>

/* What local clients ask of the pages. */

#define QUERY_HITS_MAX     1024
#define FEED_BACKLOG_BYTES (256 * 1024)

static void object_answer(struct engine *engine, struct client *client, uint64_t tag, uint64_t cursor, const struct page_head *head,
                          const struct item *item, struct bytes encoded) {
    struct buf *body = &engine->scratch;
    buf_clear(body);
    pack_write_array(body, 6);
    pack_write_uint(body, cursor);
    pack_write_str(body, bytes_of_text(engine_agency_name(engine, head->agency_id)));
    pack_write_bin(body, bytes_of(head->agency_id, AGENCY_ID_BYTES));
    pack_write_uint(body, item->tlp);
    pack_write_uint(body, head->arrived_ms);
    pack_write_bin(body, encoded);
    server_answer(client, FRAME_ANSWER_OBJECT, tag, bytes_of_buf(body));
}

static void done(struct client *client, uint64_t tag, uint64_t count) {
    struct buf body = {0};
    pack_write_array(&body, 1);
    pack_write_uint(&body, count);
    server_answer(client, FRAME_ANSWER_DONE, tag, bytes_of_buf(&body));
    buf_free(&body);
}

/* Every exit asks the policy: a local user of this node is one too. */
static bool may_show(struct engine *engine, const struct page_head *head, const struct item *item) {
    static struct marks marks;
    static struct policy_facts facts;
    struct verdict verdict;
    if (statement_is(item->type)) return false;
    if (item->valid_until_ms != 0 && item->valid_until_ms <= clock_wall_ms()) return false; /* also before it is taken out */
    struct policy_object object = {
        .tlp = item->tlp, .valid_until_ms = item->valid_until_ms, .id = item->id, .type = item->type, .marks = &marks};
    if (marks_decode(&marks, item->marks) != OK) return false;
    object.foreign = memcmp(head->agency_id, engine->agency_id, AGENCY_ID_BYTES) != 0;
    policy_context_fill(&facts, engine, POLICY_LOCAL, NULL);
    policy_decide(&verdict, &object, &facts.reader, &facts.context);
    return verdict.allow;
}

static bool addresses_match(struct observable held, struct observable asked) {
    size_t bytes = held.value.size - 1;
    unsigned bits = held.value.data[bytes];
    if (asked.value.data[bytes] < bits) return false;
    for (size_t i = 0; i < bytes && bits > 0; i++) {
        unsigned take = bits < 8 ? bits : 8;
        uint8_t mask = (uint8_t)(0xff << (8 - take));
        if ((held.value.data[i] ^ asked.value.data[i]) & mask) return false;
        bits -= take;
    }
    return true;
}

/* The index knows hashes: the item itself is what counts. */
static bool item_has(const struct item *item, struct observable asked) {
    for (size_t i = 0; i < item->observable_count; i++) {
        struct observable held = item->observables[i];
        if (held.kind != asked.kind) continue;
        if (asked.kind == OBSERVABLE_IPV4 || asked.kind == OBSERVABLE_IPV6) {
            if (held.value.size == asked.value.size && addresses_match(held, asked)) return true;
        } else if (bytes_equal(held.value, asked.value)) {
            return true;
        }
    }
    return false;
}

/* Is there a later version of this object by the same agency? (One cursor under the id means: only this one.) */
static bool superseded(struct engine *engine, uint64_t cursor, const uint8_t *agency_id, struct bytes id, uint64_t modified_ms) {
    static struct item other;
    static uint64_t cursors[QUERY_HITS_MAX];
    uint8_t id_copy[ITEM_ID_BYTES_MAX];
    size_t count = store_find_id(engine->store, id, cursors, QUERY_HITS_MAX);
    if (count <= 1) return false;
    memcpy(id_copy, id.data, id.size); /* the page that holds it may leave the cache */
    for (size_t i = 0; i < count; i++) {
        struct page_head head;
        struct bytes encoded;
        if (cursors[i] == cursor || store_item(engine->store, cursors[i], &head, &other, &encoded) != OK) continue;
        if (gossip_retracted(engine->gossip, head.node_id, head.seq)) continue;
        if (memcmp(head.agency_id, agency_id, AGENCY_ID_BYTES) != 0 || !bytes_equal(other.id, bytes_of(id_copy, id.size))) continue;
        if (other.modified_ms > modified_ms || (other.modified_ms == modified_ms && cursors[i] > cursor)) return true;
    }
    return false;
}

/* Answers the newest version of the object at `cursor`, if it is one; returns whether it did. */
static bool hit_answer(struct engine *engine, struct client *client, uint64_t tag, uint64_t cursor, const struct observable *asked,
                       struct bytes asked_id, const uint8_t *from) {
    static struct item item;
    struct page_head head;
    struct bytes encoded;
    if (store_item(engine->store, cursor, &head, &item, &encoded) != OK) return false;
    if (gossip_retracted(engine->gossip, head.node_id, head.seq)) return false;
    if (asked && !item_has(&item, *asked)) return false;
    if (!asked && !bytes_equal(item.id, asked_id)) return false;
    if ((from && memcmp(head.agency_id, from, AGENCY_ID_BYTES) != 0) || !may_show(engine, &head, &item)) return false;
    if (superseded(engine, cursor, head.agency_id, item.id, item.modified_ms)) return false;
    /* Asking for other versions may have moved the page. */
    if (store_item(engine->store, cursor, &head, &item, &encoded) != OK) return false;
    object_answer(engine, client, tag, cursor, &head, &item, encoded);
    return true;
}

/* A miss that is none is worse than no answer. */
static void index_unreadable(struct engine *engine, struct client *client, uint64_t tag) {
    server_error(client, tag, ERR_CORRUPT, "the index cannot be read (%s): stop the node and run `comity rebuild`",
                 err_text(store_find_result(engine->store)));
}

void query_search(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    uint64_t cursors[QUERY_HITS_MAX], answered[QUERY_HITS_MAX];
    size_t answered_count = 0;
    uint32_t candidates = pack_read_array(&reader);
    for (uint32_t i = 0; i < candidates && candidates <= 16; i++) {
        struct observable asked;
        if (pack_read_array(&reader) != 2) break;
        uint64_t kind = pack_read_uint(&reader);
        asked.kind = (enum observable_kind)kind;
        asked.value = pack_read_bin(&reader);
        if (pack_failed(&reader) || kind == 0 || kind >= OBSERVABLE_KIND_COUNT || !observable_valid(asked)) break;
        size_t count = store_find_value(engine->store, asked, cursors, QUERY_HITS_MAX);
        for (size_t j = 0; j < count && answered_count < QUERY_HITS_MAX; j++) {
            bool before = false;
            for (size_t k = 0; k < answered_count && !before; k++) before = answered[k] == cursors[j];
            if (!before && hit_answer(engine, client, frame->tag, cursors[j], &asked, bytes_of(NULL, 0), NULL))
                answered[answered_count++] = cursors[j];
        }
    }
    if (pack_done(&reader) != OK)
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
    else if (store_find_result(engine->store) != OK)
        index_unreadable(engine, client, frame->tag);
    else
        done(client, frame->tag, answered_count);
}

void query_get(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    uint64_t cursors[QUERY_HITS_MAX], count = 0;
    uint8_t from[AGENCY_ID_BYTES];
    uint32_t fields = pack_read_array(&reader);
    struct bytes id = pack_read_str(&reader);
    bool from_set = !pack_skip_nil(&reader);
    struct bytes from_name = from_set ? pack_read_str(&reader) : bytes_of(NULL, 0);
    if (fields != 2 || pack_done(&reader) != OK || id.size > ITEM_ID_BYTES_MAX) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    if (from_set && !engine_agency_of_name(engine, from_name, from)) {
        server_error(client, frame->tag, ERR_NOT_FOUND, "no agency is pinned under that name");
        return;
    }
    size_t hits = store_find_id(engine->store, id, cursors, QUERY_HITS_MAX);
    if (store_find_result(engine->store) != OK) {
        index_unreadable(engine, client, frame->tag);
        return;
    }
    for (size_t i = 0; i < hits; i++) count += hit_answer(engine, client, frame->tag, cursors[i], NULL, id, from_set ? from : NULL);
    done(client, frame->tag, count);
}

/* --- feed --- */

void query_feed(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    struct feed_state *feed = &client->feed;
    *feed = (struct feed_state){.tag = frame->tag};
    uint32_t fields = pack_read_array(&reader);
    feed->after = pack_read_uint(&reader);
    feed->follow = pack_read_bool(&reader);
    struct bytes type = pack_skip_nil(&reader) ? bytes_of(NULL, 0) : pack_read_str(&reader);
    uint64_t tlp_max = pack_read_uint(&reader);
    feed->from_set = !pack_skip_nil(&reader);
    struct bytes from = feed->from_set ? pack_read_str(&reader) : bytes_of(NULL, 0);
    feed->limit = pack_read_uint(&reader);
    if (fields != 6 || pack_done(&reader) != OK || type.size > ITEM_TYPE_BYTES_MAX || tlp_max > TLP_RED) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    if (feed->from_set && !engine_agency_of_name(engine, from, feed->from)) {
        server_error(client, frame->tag, ERR_NOT_FOUND, "no agency is pinned under that name");
        return;
    }
    if (type.size) memcpy(feed->type, type.data, type.size);
    feed->tlp_max = (enum tlp)tlp_max;
    feed->active = true;
    query_feed_pump(engine, client);
}

static bool feed_takes(struct engine *engine, const struct feed_state *feed, const struct page_head *head,
                       const struct item *item) {
    if (feed->from_set && memcmp(feed->from, head->agency_id, AGENCY_ID_BYTES) != 0) return false;
    if (feed->type[0] && !bytes_equal_text(item->type, feed->type)) return false;
    if (feed->tlp_max != TLP_NONE && item->tlp > feed->tlp_max) return false;
    return may_show(engine, head, item);
}

static bool feed_page(struct engine *engine, struct client *client, const struct page *page) {
    static struct item item;
    struct feed_state *feed = &client->feed;
    bool retracted = gossip_retracted(engine->gossip, page->head.node_id, page->head.seq);
    struct cursor walk = cursor_of(page->plain);
    struct bytes encoded;
    for (uint64_t cursor = page->head.cursor; block_frame_next(&walk, &encoded); cursor++) {
        if (cursor <= feed->after) continue;
        feed->after = cursor;
        if (retracted || item_decode(&item, encoded) != OK || !feed_takes(engine, feed, &page->head, &item)) continue;
        object_answer(engine, client, feed->tag, cursor, &page->head, &item, encoded);
        if (++feed->count == feed->limit) return false;
    }
    return true;
}

void query_feed_pump(struct engine *engine, struct client *client) {
    struct feed_state *feed = &client->feed;
    struct page page;
    bool more = true;
    while (more && channel_backlog(&client->channel) < FEED_BACKLOG_BYTES) {
        enum err err = store_page_from(engine->store, feed->after + 1, &page);
        if (err == ERR_NOT_FOUND) {
            if (feed->follow) return; /* goes on when the next page arrives */
            break;
        }
        if (err != OK) {
            server_error(client, feed->tag, err, "a stored page cannot be read: it is damaged on disk");
            feed->active = false;
            return;
        }
        more = feed_page(engine, client, &page);
    }
    if (more && channel_backlog(&client->channel) >= FEED_BACKLOG_BYTES) return; /* goes on when the client has read */
    struct buf body = {0};
    pack_write_array(&body, 2);
    pack_write_uint(&body, feed->count);
    pack_write_uint(&body, feed->after);
    server_answer(client, FRAME_ANSWER_DONE, feed->tag, bytes_of_buf(&body));
    buf_free(&body);
    feed->active = false;
}
