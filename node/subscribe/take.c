#include "node/subscribe/take.h"

#include "node/engine/engine_core.h"
#include "node/engine/page_record.h"
#include "node/policy/leaving.h"
#include "node/process/clock.h"
#include "node/sharing/shown.h"
#include "node/subscribe/take_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG_BYTES (512 * 1024)
#define FRAME_BYTES   (128 * 1024)
#define LOOKED_MAX    200000 /* items before an answer ends without being full */
#define TURN_ITEMS    4096
#define HITS_MAX      256

/* --- answers --- */

void take_end(struct client *client) {
    struct take_state *take = &client->take;
    wanted_free(&take->wanted);
    buf_free(&take->out), buf_free(&take->copy);
    *take = (struct take_state){0};
}

/* The ledger tells of who takes by sessions, of which one begins with the first thing shown: who waits for news asks every moment. */
static void look(struct engine *engine, struct client *client) {
    struct take_state *take = &client->take;
    if (take->count > 0 && take->told == 0) ledger_session_look(engine, client, take->exit, take->who);
    if (take->count > take->told) ledger_session_shown(engine, client, take->exit, take->who, take->count - take->told);
    take->told = take->count;
}

static void out_send(struct engine *engine, struct client *client) {
    struct take_state *take = &client->take;
    look(engine, client);
    if (take->out.size > 0) server_answer(client, FRAME_ANSWER_PAGE, take->tag, bytes_of_buf(&take->out));
    buf_clear(&take->out);
}

/* What one connection took of a subscription counts together, until it says how far it came. */
static void tally_add(struct client *client) {
    const struct take_state *take = &client->take;
    struct take_tally *tally = &client->tally;
    if (tally->number != take->number) *tally = (struct take_tally){.number = take->number};
    tally->looked += take->looked;
    tally->matched += take->matched;
    tally->refused += take->refused;
}

static void done(struct engine *engine, struct client *client) {
    struct take_state *take = &client->take;
    struct buf body = {0};
    out_send(engine, client);
    if (take->test) {
        pack_write_array(&body, 5);
        pack_write_uint(&body, take->count);
        pack_write_uint(&body, take->looked);
        pack_write_uint(&body, take->matched);
        pack_write_uint(&body, take->refused);
        pack_write_uint(&body, take->began);
    } else {
        const struct take_end end = {.count = take->count,
                                     .at = take->at,
                                     .more = take->more,
                                     .keeps = take->keeps,
                                     .terms = take->terms,
                                     .until_ms = take->until_ms};
        take_end_write(&body, &end);
    }
    server_answer(client, FRAME_ANSWER_DONE, take->tag, bytes_of_buf(&body));
    buf_free(&body);
    tally_add(client);
    take_end(client);
}

/* The consumer's position is none of this list and these pages: it has to begin anew. */
static void reset(struct engine *engine, struct client *client) {
    const struct take_end end = {.at.gone = engine->gone.last, .more = true, .reset = true, .keeps = client->take.keeps};
    struct buf body = {0};
    engine->tallies.consumers_reset++;
    take_end_write(&body, &end);
    server_answer(client, FRAME_ANSWER_DONE, client->take.tag, bytes_of_buf(&body));
    buf_free(&body);
    take_end(client);
}

/* All but the author's name, which is the engine's. */
static void record_put(struct engine *engine, struct client *client, const uint8_t *author_id, struct page_record record) {
    struct take_state *take = &client->take;
    record.author = bytes_of_text(engine_agency_name(engine, author_id));
    if (take->out.size > 0 && take->out.size + page_record_bytes(&record) > FRAME_BYTES) out_send(engine, client);
    page_record_write(&take->out, &record);
    take->count++;
    take->bytes += record.encoded.size;
    if (take->out.failed) engine_fail(engine, 5, "out of memory for an answer");
}

static bool full(const struct take_state *take) {
    return take->count >= take->limit || take->bytes > CONTROL_PAGE_BYTES_MAX || take->looked >= LOOKED_MAX;
}

/* --- withdrawals --- */

static void gone_put(struct engine *engine, struct client *client, const struct gone_row *row, unsigned held) {
    static struct item item;
    struct buf encoded = {0}, text = {0};
    take_cause_write(&text, gone_cause_name(row->cause));
    item = (struct item){.type = bytes_of_text(row->type), .id = bytes_of_text(row->id), .modified_ms = row->time_ms};
    item.tlp = row->tlp;
    item.text = bytes_of_buf(&text);
    if (text.failed || item_encode(&encoded, &item) != OK)
        engine_fail(engine, 5, "out of memory for an answer");
    else
        record_put(engine, client, row->author,
                   (struct page_record){.cursor = row->cursor,
                                        .added_us = row->number,
                                        .tlp = row->tlp,
                                        .versions = CONTROL_VERSION_GONE | held,
                                        .encoded = bytes_of_buf(&encoded)});
    buf_free(&text);
    buf_free(&encoded);
}

struct gone_walk {
    struct engine *engine;
    struct client *client;
    uint64_t turn, now_ms;
    bool stopped; /* the turn or the answer is full */
};

static bool on_gone(void *context, const struct gone_row *row) {
    struct gone_walk *walk = context;
    struct take_state *take = &walk->client->take;
    if (take->looked >= walk->turn || full(take)) {
        walk->stopped = true;
        return false;
    }
    take->looked++;
    bool seen = row->cursor <= take->seen && wanted_label(&take->wanted, row->tlp) && ((row->exits >> take->exit) & 1);
    seen = seen && scope_takes(&take->scope, bytes_of(row->group, row->grouped ? HASH_BYTES : 0));
    if (seen && wanted_may_match(walk->engine, &take->wanted, row, walk->now_ms)) {
        bool held = !gone_for_good(walk->engine, row);
        if (!held || take->keeps) gone_put(walk->engine, walk->client, row, held ? CONTROL_VERSION_HELD : 0);
    }
    take->at.gone = row->number;
    return true;
}

/* --- objects --- */

enum taking { TAKE_PASS, TAKE_NO_MATCH, TAKE_REFUSED, TAKE_GIVE };

static enum taking judge(struct engine *engine, struct take_state *take, const struct policy_facts *facts,
                         const struct shown *shown) {
    if (statement_is(shown->item.type)) return TAKE_PASS;
    if (!wanted_matches(engine, &take->wanted, shown, facts->context.now_ms)) return TAKE_NO_MATCH;
    const struct leaving leaving = {&shown->head, shown->author, &shown->item, &take->scope};
    if (!wanted_label(&take->wanted, shown->item.tlp) || !leaving_allowed(engine, facts, &leaving)) return TAKE_REFUSED;
    return TAKE_GIVE;
}

/* The newest version of an object is not for this consumer. Was one before it, that it may hold? Then it hears that this one is gone. */
static void newer_tell(struct engine *engine, struct client *client, const struct policy_facts *facts, const struct shown *newest) {
    static struct shown other;
    uint64_t cursors[HITS_MAX];
    struct take_state *take = &client->take;
    struct gone_row row = {.time_ms = newest->item.modified_ms, .cause = GONE_NEWER, .tlp = newest->item.tlp};
    memcpy(row.author, newest->author, AGENCY_ID_BYTES);
    memcpy(row.id, newest->item.id.data, newest->item.id.size);
    memcpy(row.type, newest->item.type.data, newest->item.type.size);
    size_t count = store_find_id(engine->store, bytes_of_text(row.id), cursors, HITS_MAX);
    for (size_t i = count; i > 0; i--) {
        uint64_t cursor = cursors[i - 1];
        if (cursor > take->began || shown_at(engine, &other, cursor) != OK || !bytes_equal_text(other.item.id, row.id)) continue;
        if (memcmp(other.author, row.author, AGENCY_ID_BYTES) != 0) continue;
        if (judge(engine, take, facts, &other) != TAKE_GIVE) continue;
        row.cursor = cursor;
        row.tlp = other.item.tlp; /* what it was shown under */
        gone_put(engine, client, &row, 0);
        return;
    }
}

/* Is there a later version? Then nothing is said of this one: who reads on meets the later one. */
static bool item_later(struct engine *engine, const struct shown *shown, bool *single) {
    *single = versions_single(engine, &shown->item);
    return !*single && query_superseded(engine, shown);
}

static void object_put(struct engine *engine, struct client *client, const struct shown *shown) {
    struct take_state *take = &client->take;
    if (take->test || take->as_objects) {
        if (take->count >= take->limit) return;
        take->count++, take->bytes += shown->encoded.size;
        out_send(engine, client);
        query_object_answer(engine, client, take->tag, shown);
        return;
    }
    uint64_t added_us = shown->head.added_us + (shown->cursor - shown->head.cursor);
    if (take->keeps) added_us = shown->head.arrived_ms * 1000; /* as exports have it: it decides which of several is written */
    record_put(engine, client, shown->author,
               (struct page_record){.cursor = shown->cursor,
                                    .added_us = added_us,
                                    .tlp = shown->item.tlp,
                                    .versions = CONTROL_VERSION_LAST,
                                    .encoded = shown->encoded});
}

/* False: the answer is full, and the item is to be looked at again. */
static bool item_take(struct engine *engine, struct client *client, const struct policy_facts *facts, const struct page_head *head,
                      uint64_t cursor, struct bytes encoded) {
    static struct shown shown;
    struct take_state *take = &client->take;
    const char *why;
    bool single;
    if (!take->test && full(take)) return false;
    take->looked++;
    if (shown_of(engine, &shown, head, cursor, encoded, &why) != OK) return true;
    enum taking taking = judge(engine, take, facts, &shown);
    if (taking == TAKE_PASS) return true;
    if (take->keeps && taking != TAKE_NO_MATCH) take_until_object(&take->until_ms, &shown.item, facts->context.now_ms);
    if (taking != TAKE_GIVE && (take->test || take->began == 0)) {
        take->matched += taking == TAKE_REFUSED;
        take->refused += taking == TAKE_REFUSED;
        return true;
    }
    if (item_later(engine, &shown, &single)) return true;
    take->matched += taking != TAKE_NO_MATCH;
    take->refused += taking == TAKE_REFUSED;
    if (taking == TAKE_GIVE)
        object_put(engine, client, &shown);
    else if (!single)
        newer_tell(engine, client, facts, &shown);
    return true;
}

/* The items of the page behind the position. The page was copied: looks at other versions move it out of the cache. */
static bool page_take(struct engine *engine, struct client *client, const struct policy_facts *facts,
                      const struct page_head *head) {
    struct take_state *take = &client->take;
    struct cursor walk = cursor_of(bytes_of_buf(&take->copy));
    struct bytes encoded;
    for (uint64_t cursor = head->cursor; block_frame_next(&walk, &encoded); cursor++) {
        if (cursor <= take->at.cursor) continue;
        if (!item_take(engine, client, facts, head, cursor, encoded)) return false;
        take->at.cursor = cursor;
    }
    take->at.cursor = head->cursor + head->item_count - 1;
    return true;
}

/* The next page. ERR_BUSY: it is damaged, and passed over. */
static enum err page_next(struct engine *engine, struct take_state *take, struct page_head *head) {
    struct page stored;
    enum err err = store_page_from(engine->store, take->at.cursor + 1, &stored);
    if (err == ERR_CORRUPT && stored.head.item_count > 0) {
        take->at.cursor = stored.head.cursor + stored.head.item_count - 1;
        return ERR_BUSY;
    }
    if (err != OK) return err;
    *head = stored.head;
    buf_clear(&take->copy);
    buf_put(&take->copy, stored.plain);
    return buf_result(&take->copy);
}

/* --- under which terms, and from where --- */

/* The subscription through which it is taken; null: none, or it was removed meanwhile. */
static struct subscription *through(struct engine *engine, const struct take_state *take) {
    struct subscription *found = take->name[0] ? subscription_find(engine, bytes_of_text(take->name)) : NULL;
    return found && found->number == take->number ? found : NULL;
}

/* Are the terms under which it is asked those that are on disk, with their fence in take->fence? Else a fence goes up for them first. */
static bool terms_stand(struct engine *engine, struct take_state *take) {
    if (consumers_agree(&engine->consumers, take->stands, take->stand_count, &take->fence)) return take->fence <= engine->gone.last;
    if (engine->recalls.writing) return false;
    bool own = take->stand_count > (take->name[0] ? 1 : 0);
    const struct consumer_row *row = own ? consumers_find(&engine->consumers, &take->stands[0]) : NULL;
    if (row && memcmp(row->stand.terms, take->stands[0].terms, CONSUMERS_HASH_BYTES) != 0)
        log_event(LOG_CONSUMER_ANEW, LOG_FIELDS(LOG_TEXT("consumer", take->who)),
                  "what %s may have has changed: it is told to forget what it was told of, and gets what it may have", take->who);
    struct store_batch *batch = store_batch_new(engine->store);
    enum err err = batch ? consumers_fence(engine, batch, take->stands, take->stand_count) : ERR_MEMORY;
    if (err == OK)
        withdraw_commit(engine, batch);
    else
        engine_fail(engine, 5, "out of memory for the terms of a consumer");
    return false;
}

/* Does the position belong to these pages and this list, and to the terms of now? One that the node keeps may be behind what its consumer was
   given by a node that was lost, also at the start. */
static bool reaches(const struct engine *engine, const struct take_state *take) {
    const struct gone *gone = &engine->gone;
    if (take->at.cursor > last_cursor(engine) || take->at.gone > gone->last) return false;
    if (take->stored && !gone_same_life(gone, take->at.gone)) return false;
    return (take->seen == 0 && !take->holds) ||
           (take->at.gone + 1 >= gone->first && !gone_fenced(gone, take->exit, take->at.gone) && take->at.gone >= take->fence);
}

/* The place that the node keeps changes with what a consumer is told, and not only with what it says. */
static void place_keep(struct engine *engine, const struct subscription *subscription) {
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) {
        engine_fail(engine, 5, "out of memory for a position");
        return;
    }
    subscription_put(batch, subscription);
    store_commit(engine->store, batch, 0);
}

/* Where it is taken from. Nobody was ever given anything from a place that is new; of one that came from a backup nobody knows. */
static void place_find(struct engine *engine, struct take_state *take, struct subscription *subscription) {
    bool fresh = take->fresh || (take->stored && !subscription->told && gone_same_life(&engine->gone, subscription->at.gone));
    if (take->stored) {
        take->holds = subscription->told; /* perhaps what it did not say that it has */
        subscription->rewound = false, subscription->taken_exit = take->exit;
        if (fresh) subscription->at.gone = engine->gone.last;
        subscription->told = true;
        if (fresh) place_keep(engine, subscription);
        take->at = subscription->at;
    }
    take->seen = take->at.cursor;
    if (take->stored && subscription->high > take->seen) take->seen = subscription->high;
    if (fresh) take->at.gone = engine->gone.last;
}

static void keep_begin(struct engine *engine, struct take_state *take, const struct subscription *subscription) {
    static struct policy_facts facts;
    policy_context_fill(&facts, engine, take->exit, NULL);
    take->terms = take_terms(engine, take, subscription);
    take->until_ms = take_until(&take->wanted, &facts);
}

/* The terms stand: from where, or is it to begin anew? False: it was answered. */
static bool place_take(struct engine *engine, struct client *client) {
    struct take_state *take = &client->take;
    struct subscription *subscription = through(engine, take);
    take->placed = true;
    if (take->name[0] && !subscription) {
        server_error(client, take->tag, ERR_NOT_FOUND, "the subscription was removed meanwhile");
        take_end(client);
        return false;
    }
    uint64_t asked = take->at.gone;
    if (take->keeps) keep_begin(engine, take, subscription);
    place_find(engine, take, subscription);
    take->gone_last = engine->gone.last;
    if (!reaches(engine, take)) {
        /* Who was told so, and comes again without a position of its own, goes on from the start, also after a restart. */
        if (subscription && subscription->at.cursor > 0 && (take->stored || subscription->at.gone < take->fence)) {
            subscription->at.cursor = 0;
            place_keep(engine, subscription);
        }
        reset(engine, client);
        return false;
    }
    if (take->seen == 0) take->at.gone = take->gone_last; /* it has seen nothing that could be gone */
    take->began = take->at.cursor;
    if (take->stored) client->tally = (struct take_tally){0};
    /* It is told where it begins before it is told of anything: what it is told of, it keeps with its position. */
    if (!take->holds && take->at.gone != asked) {
        take->more = true;
        done(engine, client);
        return false;
    }
    versions_begin(engine);
    return true;
}

/* --- turns --- */

static void gone_go_on(struct engine *engine, struct client *client, uint64_t turn) {
    struct take_state *take = &client->take;
    struct gone_walk walk = {.engine = engine, .client = client, .turn = turn, .now_ms = clock_wall_ms()};
    take->err = gone_each(engine, take->at.gone, on_gone, &walk);
    /* Rows that are missing, as after a tidying up, are passed over. */
    if (take->err == OK && !walk.stopped) take->at.gone = take->gone_last > take->at.gone ? take->gone_last : take->at.gone;
    if (full(take)) take->more = true;
}

void take_pump(struct engine *engine, struct client *client) {
    static struct policy_facts facts; /* of the exit: the same for all objects of a turn */
    struct take_state *take = &client->take;
    uint64_t turn = take->looked + TURN_ITEMS;
    bool more = true;
    if (channel_backlog(&client->channel) >= BACKLOG_BYTES) return;
    if (!take->placed && (!terms_stand(engine, take) || !place_take(engine, client))) return;
    if (take->at.gone < take->gone_last) gone_go_on(engine, client, turn);
    policy_context_fill(&facts, engine, take->exit, NULL);
    while (take->err == OK && !take->more && more) {
        struct page_head head;
        if (take->looked >= turn || channel_backlog(&client->channel) >= BACKLOG_BYTES) return; /* goes on later */
        enum err err = page_next(engine, take, &head);
        if (err == ERR_BUSY) continue;
        more = err == OK;
        if (err != OK && err != ERR_NOT_FOUND) take->err = err;
        if (err == OK && !page_take(engine, client, &facts, &head)) take->more = true;
    }
    if (take->err == OK) {
        done(engine, client);
        return;
    }
    server_error(client, take->tag, take->err, "what is stored cannot be read: it is damaged on disk");
    take_end(client);
}

bool take_busy(const struct engine *engine) {
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct client *client = &engine->clients[i];
        if (client->used && client->take.active && channel_backlog(&client->channel) < BACKLOG_BYTES) return true;
    }
    return false;
}

/* --- the questions --- */

static void begin(struct engine *engine, struct client *client, const struct take_question *question,
                  struct subscription *subscription) {
    struct take_state *take = &client->take;
    take->wanted.labels &= question->labels;
    take->as_objects = question->as_objects;
    take->scope = question->scope;
    take->keeps = question->keeps;
    take->exit = question->exit;
    if (take->exit == 0 && subscription) take->exit = subscription->exit;
    take->limit = question->limit == 0 ? TAKE_LIMIT_DEFAULT : question->limit > TAKE_LIMIT_MAX ? TAKE_LIMIT_MAX : question->limit;
    take->stored = question->stored, take->fresh = question->fresh;
    take->at = question->at;
    if (question->who.size > 0) memcpy(take->who, question->who.data, question->who.size);
    if (take->exit < POLICY_LOCAL) {
        server_error(client, take->tag, ERR_RANGE, "this exit shows nothing to a subscriber");
        take_end(client);
        return;
    }
    if (consumer_of(&take->stands[0], question)) take->stand_count = 1;
    if (subscription) {
        take->number = subscription->number;
        snprintf(take->name, sizeof take->name, "%s", subscription->name);
        consumer_of_subscription(&take->stands[take->stand_count++], subscription);
    }
    take->active = true;
    take_pump(engine, client);
}

void take_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct take_question question;
    struct take_state *take = &client->take;
    struct subscription *subscription = NULL;
    take_end(client);
    *take = (struct take_state){.tag = frame->tag};
    if (!take_question_read(&question, frame->body)) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    if (question.subscription.size > 0) {
        subscription = wanted_subscription(engine, client, frame->tag, question.subscription);
        if (!subscription) return;
    }
    if (wanted_read(&take->wanted, client, frame->tag, subscription, question.filter))
        begin(engine, client, &question, subscription);
}

void take_test(struct engine *engine, struct client *client, uint64_t tag, const struct subscription *subscription,
               struct bytes text, uint64_t limit) {
    struct take_state *take = &client->take;
    uint64_t last = last_cursor(engine);
    *take = (struct take_state){.tag = tag, .test = true, .limit = limit, .exit = POLICY_LOCAL, .scope.any = true};
    if (!wanted_read(&take->wanted, client, tag, subscription, text)) return;
    if (subscription) take->exit = subscription->exit;
    snprintf(take->who, sizeof take->who, "test");
    take->at.cursor = last > TAKE_TEST_ITEMS ? last - TAKE_TEST_ITEMS : 0;
    take->began = take->at.cursor;
    take->active = take->placed = true;
    take_pump(engine, client);
}
