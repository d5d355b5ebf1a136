#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/policy/leaving.h"
#include "node/sharing/shown.h"

#include <stdio.h>
#include <string.h>

/* What local clients ask of the pages. */

#define QUERY_HITS_MAX     1024
#define FEED_BACKLOG_BYTES CLIENT_FULL_BYTES
#define FEED_LONG_ITEMS    20000 /* to be read still */

/* Counts of sightings only where one object is asked for: a feed has millions. */
static void answer_object(struct engine *engine, struct client *client, uint64_t tag, const struct shown *shown, bool counted) {
    struct buf *body = &engine->scratch;
    buf_clear(body);
    pack_write_array(body, 8);
    pack_write_uint(body, shown->cursor);
    pack_write_str(body, bytes_of_text(engine_agency_name(engine, shown->author)));
    pack_write_bin(body, bytes_of(shown->author, AGENCY_ID_BYTES));
    pack_write_uint(body, shown->item.tlp);
    pack_write_uint(body, shown->head.arrived_ms);
    pack_write_bin(body, shown->encoded);
    if (shown->via)
        pack_write_str(body, bytes_of_text(engine_agency_name(engine, shown->via)));
    else
        pack_write_nil(body);
    if (counted)
        sighting_totals(engine, body, shown);
    else
        pack_write_nil(body);
    server_answer(client, FRAME_ANSWER_OBJECT, tag, bytes_of_buf(body));
}

void query_object_answer(struct engine *engine, struct client *client, uint64_t tag, const struct shown *shown) {
    answer_object(engine, client, tag, shown, false);
}

static void done(struct client *client, uint64_t tag, uint64_t count) {
    struct buf body = {0};
    pack_write_array(&body, 1);
    pack_write_uint(&body, count);
    server_answer(client, FRAME_ANSWER_DONE, tag, bytes_of_buf(&body));
    buf_free(&body);
}

/* For a local user of this node too. */
static bool may_leave(struct engine *engine, const struct policy_facts *facts, const struct shown *shown) {
    const struct leaving leaving = {.head = &shown->head, .author = shown->author, .item = &shown->item};
    return leaving_allowed(engine, facts, &leaving);
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
bool query_superseded(struct engine *engine, const struct shown *shown) {
    static struct shown other;
    static uint64_t cursors[QUERY_HITS_MAX];
    uint8_t id_copy[ITEM_ID_BYTES_MAX], author[AGENCY_ID_BYTES];
    if (versions_single(engine, &shown->item)) return false;
    size_t id_bytes = shown->item.id.size, count = store_find_id(engine->store, shown->item.id, cursors, QUERY_HITS_MAX);
    if (count <= 1) return false;
    memcpy(id_copy, shown->item.id.data, id_bytes); /* the page that holds it may leave the cache */
    memcpy(author, shown->author, AGENCY_ID_BYTES);
    for (size_t i = 0; i < count; i++) {
        if (cursors[i] == shown->cursor || shown_at(engine, &other, cursors[i]) != OK) continue;
        if (memcmp(other.author, author, AGENCY_ID_BYTES) != 0 || !bytes_equal(other.item.id, bytes_of(id_copy, id_bytes)))
            continue;
        if (shown_superseded(shown, &other)) return true;
    }
    return false;
}

/* Answers the newest version of the object at `cursor`, if it is one; returns whether it did. */
static bool hit_answer(struct engine *engine, struct client *client, uint64_t tag, uint64_t cursor, const struct observable *asked,
                       struct bytes asked_id, const uint8_t *from) {
    static struct shown shown;
    static struct policy_facts facts;
    if (shown_at(engine, &shown, cursor) != OK) return false;
    if (asked && !item_has(&shown.item, *asked)) return false;
    if (!asked && !bytes_equal(shown.item.id, asked_id)) return false;
    if (from && memcmp(shown.author, from, AGENCY_ID_BYTES) != 0) return false;
    policy_context_fill(&facts, engine, POLICY_LOCAL, NULL);
    if (!may_leave(engine, &facts, &shown)) return false;
    if (query_superseded(engine, &shown)) return false;
    /* Asking for other versions may have moved the page. */
    if (shown_at(engine, &shown, cursor) != OK) return false;
    answer_object(engine, client, tag, &shown, true);
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
    ledger_look(engine, client, "search");
    for (uint32_t i = 0; i < candidates && candidates <= 16; i++) {
        struct observable asked;
        if (!ledger_asked_read(&asked, &reader) || asked.kind == 0) break;
        ledger_look_asked(engine, client, (uint8_t)asked.kind, asked.value);
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
    client->look.shown += answered_count;
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
        server_error(client, frame->tag, ERR_NOT_FOUND, "no agency is pinned under that name; `comity trust list` shows who is");
        return;
    }
    ledger_look(engine, client, "get");
    ledger_look_asked(engine, client, 0, id);
    size_t hits = store_find_id(engine->store, id, cursors, QUERY_HITS_MAX);
    if (store_find_result(engine->store) != OK) {
        index_unreadable(engine, client, frame->tag);
        return;
    }
    for (size_t i = 0; i < hits; i++) count += hit_answer(engine, client, frame->tag, cursors[i], NULL, id, from_set ? from : NULL);
    client->look.shown += count;
    done(client, frame->tag, count);
}

/* --- feed --- */

/* Those that lead out of the node without another agency's key; 0: none of them. */
static enum policy_exit feed_exit(uint64_t number) {
    return number >= POLICY_LOCAL && number <= POLICY_CONSOLE ? (enum policy_exit)number : (enum policy_exit)0;
}

/* A row: "feed", or the exit that it goes to; and how many objects were shown so far. */
static void feed_look(struct engine *engine, struct client *client, const char *how) {
    char command[LEDGER_COMMAND_MAX];
    const struct feed_state *feed = &client->feed;
    snprintf(command, sizeof command, "%s%s", feed->exit == POLICY_LOCAL ? "feed" : policy_exit_name(feed->exit), how);
    ledger_look(engine, client, command);
    client->look.shown += feed->count;
    ledger_look_end(engine, client);
}

void query_feed_end(struct engine *engine, struct client *client) {
    if (!client->feed.active) return;
    client->feed.active = false;
    wanted_free(&client->feed.wanted);
    feed_look(engine, client, " ended");
}

void query_feed(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    struct feed_state *feed = &client->feed;
    query_feed_end(engine, client); /* one before it that was not read to its end */
    *feed = (struct feed_state){.tag = frame->tag};
    uint32_t fields = pack_read_array(&reader);
    feed->after = pack_read_uint(&reader);
    feed->follow = pack_read_bool(&reader);
    struct bytes type = pack_skip_nil(&reader) ? bytes_of(NULL, 0) : pack_read_str(&reader);
    uint64_t tlp_max = pack_read_uint(&reader);
    feed->from_set = !pack_skip_nil(&reader);
    struct bytes from = feed->from_set ? pack_read_str(&reader) : bytes_of(NULL, 0);
    feed->limit = pack_read_uint(&reader);
    feed->exit = fields > 6 ? feed_exit(pack_read_uint(&reader)) : POLICY_LOCAL;
    struct bytes filter = fields == 9 ? pack_read_str(&reader) : bytes_of(NULL, 0);
    struct bytes name = fields == 9 ? pack_read_str(&reader) : bytes_of(NULL, 0);
    if ((fields != 6 && fields != 7 && fields != 9) || filter.size > FILTER_BYTES_MAX || feed->exit == 0 ||
        pack_done(&reader) != OK || type.size > ITEM_TYPE_BYTES_MAX || tlp_max > TLP_RED) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    if (feed->from_set && !engine_agency_of_name(engine, from, feed->from)) {
        server_error(client, frame->tag, ERR_NOT_FOUND, "no agency is pinned under that name; `comity trust list` shows who is");
        return;
    }
    const struct subscription *subscription = name.size > 0 ? wanted_subscription(engine, client, frame->tag, name) : NULL;
    if (name.size > 0 && !subscription) return;
    if (!wanted_read(&feed->wanted, client, frame->tag, subscription, filter)) return;
    if (type.size) memcpy(feed->type, type.data, type.size);
    feed->tlp_max = (enum tlp)tlp_max;
    feed->active = true;
    /* Told when it begins, since it may go on for long, and again with its number when it ends. */
    feed_look(engine, client, "");
    query_feed_pump(engine, client);
}

static bool feed_takes(struct engine *engine, struct feed_state *feed, const struct policy_facts *facts,
                       const struct shown *shown) {
    if (feed->from_set && memcmp(feed->from, shown->author, AGENCY_ID_BYTES) != 0) return false;
    if (feed->type[0] && !bytes_equal_text(shown->item.type, feed->type)) return false;
    if (feed->tlp_max != TLP_NONE && shown->item.tlp > feed->tlp_max) return false;
    if (!wanted_label(&feed->wanted, shown->item.tlp)) return false;
    if (!wanted_matches(engine, &feed->wanted, shown, clock_wall_ms())) return false;
    if (may_leave(engine, facts, shown)) return true;
    feed->withheld += !statement_is(shown->item.type);
    return false;
}

static bool feed_page(struct engine *engine, struct client *client, const struct policy_facts *facts, const struct page *page) {
    static struct shown shown;
    struct feed_state *feed = &client->feed;
    const char *why;
    /* A look at other versions may move the page out of the cache. */
    buf_clear(&engine->scratch_page);
    buf_put(&engine->scratch_page, page->plain);
    struct cursor walk = cursor_of(bytes_of_buf(&engine->scratch_page));
    struct bytes encoded;
    for (uint64_t cursor = page->head.cursor; block_frame_next(&walk, &encoded); cursor++) {
        if (cursor <= feed->after) continue;
        feed->after = cursor;
        if (shown_of(engine, &shown, &page->head, cursor, encoded, &why) != OK || !feed_takes(engine, feed, facts, &shown))
            continue;
        /* PROTOCOL.md 5.12: a feed tells of today's state: who reads on meets the newer version later. */
        if (query_superseded(engine, &shown)) continue;
        answer_object(engine, client, feed->tag, &shown, false);
        if (++feed->count == feed->limit) return false;
    }
    return true;
}

/* To look for other versions of every object in the index takes longer than to read all of them: a long feed waits until it is known
   which ids stand once. */
static bool feed_waits(struct engine *engine, const struct feed_state *feed) {
    if (store_cursor_next(engine->store) < feed->after + FEED_LONG_ITEMS) return false;
    versions_begin(engine);
    return versions_busy(engine);
}

void query_feed_pump(struct engine *engine, struct client *client) {
    struct feed_state *feed = &client->feed;
    static struct policy_facts facts;
    struct page page;
    bool more = true;
    if (feed_waits(engine, feed)) return;
    policy_context_fill(&facts, engine, feed->exit, NULL);
    while (more && channel_backlog(&client->channel) < FEED_BACKLOG_BYTES) {
        enum err err = store_page_from(engine->store, feed->after + 1, &page);
        if (err == ERR_NOT_FOUND) {
            if (feed->follow) return; /* goes on when the next page arrives */
            break;
        }
        if (err != OK) {
            server_error(client, feed->tag, err, "a stored page cannot be read: it is damaged on disk");
            query_feed_end(engine, client);
            return;
        }
        more = feed_page(engine, client, &facts, &page);
    }
    if (more && channel_backlog(&client->channel) >= FEED_BACKLOG_BYTES) return; /* goes on when the client has read */
    struct buf body = {0};
    pack_write_array(&body, 3);
    pack_write_uint(&body, feed->count);
    pack_write_uint(&body, feed->after);
    pack_write_uint(&body, feed->withheld);
    server_answer(client, FRAME_ANSWER_DONE, feed->tag, bytes_of_buf(&body));
    buf_free(&body);
    query_feed_end(engine, client);
}
