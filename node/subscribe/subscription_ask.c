/* Subscriptions as clients ask for them: add, list, show, test, rewind, remove. */
#include "node/subscribe/take.h"

#include "node/engine/engine_core.h"
#include "node/formats/moment.h"
#include "node/process/clock.h"
#include "node/formats/document_put.h"

#include <string.h>

#define LIST_BYTES_MAX (512 * 1024) /* of one answer; the client asks on */
#define TEST_LIMIT_MAX 10000

struct asking {
    struct engine *engine;
    struct client *client;
    const struct frame *frame;
    struct pack_reader reader;
    uint32_t fields;
};

static void unformed(const struct asking *asking) {
    server_error(asking->client, asking->frame->tag, ERR_FORMAT, "the request about subscriptions is not well formed");
}

/* Null: it was answered. */
static struct subscription *named(const struct asking *asking, struct bytes name) {
    return wanted_subscription(asking->engine, asking->client, asking->frame->tag, name);
}

/* --- documents --- */

static uint64_t behind(const struct engine *engine, const struct subscription *subscription) {
    uint64_t last = last_cursor(engine);
    return last > subscription->at.cursor ? last - subscription->at.cursor : 0;
}

static void label_put(struct buf *out, const struct subscription *subscription) {
    const char *name = subscription->tlp_max == TLP_NONE ? "" : tlp_name(subscription->tlp_max);
    document_put_text(out, "tlp_max", name);
}

static void moment_put(struct buf *out, const char *key, uint64_t ms) {
    char text[MOMENT_TEXT_BYTES] = "";
    if (ms != 0) moment_text(text, ms);
    document_put_text(out, key, text);
}

static void row_put(const struct engine *engine, struct buf *out, const struct subscription *subscription) {
    pack_write_map(out, 7);
    document_put_uint(out, "behind", behind(engine, subscription));
    document_put_uint(out, "delivered", subscription->counts.delivered);
    document_put_text(out, "exit", policy_exit_name(subscription->exit));
    document_put_text(out, "filter", subscription->filter);
    document_put_text(out, "name", subscription->name);
    moment_put(out, "taken", subscription->taken_ms);
    label_put(out, subscription);
}

static void all_put(const struct engine *engine, struct buf *out, const struct subscription *subscription) {
    const struct subscription_counts *counts = &subscription->counts;
    pack_write_map(out, 13);
    document_put_uint(out, "behind", behind(engine, subscription));
    moment_put(out, "created", subscription->created_ms);
    document_put_uint(out, "cursor", subscription->at.cursor);
    document_put_uint(out, "delivered", counts->delivered);
    document_put_text(out, "exit", policy_exit_name(subscription->exit));
    document_put_text(out, "filter", subscription->filter);
    document_put_uint(out, "gone", subscription->at.gone);
    document_put_uint(out, "looked", counts->looked);
    document_put_uint(out, "matched", counts->matched);
    document_put_text(out, "name", subscription->name);
    document_put_uint(out, "refused", counts->refused);
    moment_put(out, "taken", subscription->taken_ms);
    label_put(out, subscription);
}

static void answer(const struct asking *asking, const struct subscription *subscription) {
    struct buf document = {0};
    all_put(asking->engine, &document, subscription);
    dealings_answer(asking->client, asking->frame, &document);
    buf_free(&document);
}

/* --- verbs --- */

static void commit(struct engine *engine, struct store_batch *batch, enum err err) {
    if (err == OK && batch)
        store_commit(engine->store, batch, 0);
    else
        engine_fail(engine, 5, "out of memory for a subscription");
}

/* There was one of this name, whose consumers may hold what this one does not show, and were not told what was withdrawn meanwhile: they begin
   anew, from the start, wherever it says that new ones begin. */
static bool former_heed(struct engine *engine, struct subscription *made) {
    struct consumer_stand stand;
    consumer_of_subscription(&stand, made);
    if (!consumers_find(&engine->consumers, &stand)) return false;
    made->told = true;
    made->high = last_cursor(engine);
    return true;
}

/* With the fence of who follows a name that was there before: its news wakes them. While something else is on its way to that list, this one goes
   up when the first of them comes, woken by that. */
static void made_keep(struct engine *engine, struct store_batch *batch, const struct subscription *made, bool former) {
    struct consumer_stand stand;
    enum err err = subscription_put_all(batch, made);
    former = former && !engine->recalls.writing;
    consumer_of_subscription(&stand, made);
    if (err == OK && former) err = consumers_fence(engine, batch, &stand, 1);
    if (err == OK && former)
        withdraw_commit(engine, batch);
    else
        commit(engine, batch, err);
}

static void add(struct asking *asking) {
    struct engine *engine = asking->engine;
    struct client *client = asking->client;
    uint64_t tag = asking->frame->tag;
    struct wanted wanted;
    struct bytes name = pack_read_str(&asking->reader), text = pack_read_str(&asking->reader);
    uint64_t tlp_max = pack_read_uint(&asking->reader), exit = pack_read_uint(&asking->reader);
    bool from_start = pack_read_bool(&asking->reader);
    bool good = asking->fields == 6 && pack_done(&asking->reader) == OK && tlp_max <= TLP_RED && text.size <= FILTER_BYTES_MAX;
    if (!good || exit < POLICY_LOCAL || exit > POLICY_CONSOLE) {
        unformed(asking);
        return;
    }
    if (!fields_name_valid(name)) {
        server_error(client, tag, ERR_RANGE,
                     "this is no name for a subscription: letters, digits, '.', '-' and '_', at most %d of them",
                     SUBSCRIPTION_NAME_BYTES_MAX);
        return;
    }
    if (!wanted_read(&wanted, client, tag, NULL, text)) return;
    wanted_free(&wanted);
    struct subscription *made = subscription_new(name, text);
    struct store_batch *batch = made ? store_batch_new(engine->store) : NULL;
    enum err err = batch ? OK : ERR_MEMORY;
    if (batch) {
        made->tlp_max = (enum tlp)tlp_max, made->exit = (enum policy_exit)exit;
        made->created_ms = clock_wall_ms();
        made->at = (struct take_position){from_start ? 0 : last_cursor(engine), engine->gone.last};
        made->high = made->at.cursor;
        err = subscription_insert(engine, &made);
    }
    bool former = err == OK && former_heed(engine, made);
    if (err != OK) {
        store_batch_free(batch);
        server_error(client, tag, err, "the subscription was not made: %s",
                     err == ERR_EXISTS ? "there is one of this name; `comity subscription show` tells of it"
                     : err == ERR_FULL ? "there are as many as this node keeps"
                                       : err_text(err));
        return;
    }
    made_keep(engine, batch, made, former);
    answer(asking, made);
}

static void list(struct asking *asking) {
    struct engine *engine = asking->engine;
    struct bytes after = asking->fields == 2 ? pack_read_str(&asking->reader) : bytes_of(NULL, 0);
    if (asking->fields > 2 || pack_done(&asking->reader) != OK) {
        unformed(asking);
        return;
    }
    struct buf rows = {0}, document = {0};
    size_t at = after.size > 0 ? subscriptions_behind(engine, after) : 0;
    uint32_t count = 0;
    for (; at < engine->subscriptions.count && rows.size < LIST_BYTES_MAX; at++, count++)
        row_put(engine, &rows, engine->subscriptions.list[at]);
    pack_write_map(&document, 2);
    document_put_bool(&document, "more", at < engine->subscriptions.count);
    pack_write_str(&document, bytes_of_text("subscriptions"));
    pack_write_array(&document, count);
    buf_put(&document, bytes_of_buf(&rows));
    if (rows.failed) document.failed = true;
    dealings_answer(asking->client, asking->frame, &document);
    buf_free(&rows);
    buf_free(&document);
}

static void show(struct asking *asking) {
    struct bytes name = pack_read_str(&asking->reader);
    if (asking->fields != 2 || pack_done(&asking->reader) != OK) {
        unformed(asking);
        return;
    }
    const struct subscription *subscription = named(asking, name);
    if (subscription) answer(asking, subscription);
}

static void rewind_to(struct asking *asking) {
    struct engine *engine = asking->engine;
    struct bytes name = pack_read_str(&asking->reader);
    uint64_t cursor = pack_read_uint(&asking->reader);
    if (asking->fields != 3 || pack_done(&asking->reader) != OK) {
        unformed(asking);
        return;
    }
    struct subscription *subscription = named(asking, name);
    if (!subscription) return;
    if (cursor > last_cursor(engine)) {
        server_error(asking->client, asking->frame->tag, ERR_RANGE,
                     "the newest object has the cursor %llu: nothing stands behind %llu", (unsigned long long)last_cursor(engine),
                     (unsigned long long)cursor);
        return;
    }
    struct store_batch *batch = store_batch_new(engine->store);
    subscription->at.cursor = cursor;
    subscription->rewound = true;
    if (cursor > subscription->high) subscription->high = cursor;
    if (batch) subscription_put(batch, subscription);
    commit(engine, batch, OK);
    answer(asking, subscription);
}

static void remove_named(struct asking *asking) {
    struct engine *engine = asking->engine;
    struct bytes name = pack_read_str(&asking->reader);
    if (asking->fields != 2 || pack_done(&asking->reader) != OK) {
        unformed(asking);
        return;
    }
    struct subscription *subscription = named(asking, name);
    if (!subscription) return;
    answer(asking, subscription);
    struct store_batch *batch = store_batch_new(engine->store);
    if (batch) subscription_remove(engine, batch, subscription);
    commit(engine, batch, OK);
}

static void test(struct asking *asking) {
    const struct subscription *subscription = NULL;
    struct bytes name = pack_read_str(&asking->reader), text = pack_read_str(&asking->reader);
    uint64_t limit = pack_read_uint(&asking->reader);
    if (asking->fields != 4 || pack_done(&asking->reader) != OK || text.size > FILTER_BYTES_MAX || limit > TEST_LIMIT_MAX) {
        unformed(asking);
        return;
    }
    if (name.size > 0) {
        subscription = named(asking, name);
        if (!subscription) return;
    }
    take_test(asking->engine, asking->client, asking->frame->tag, subscription, text, limit);
}

void subscription_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct asking asking = {.engine = engine, .client = client, .frame = frame, .reader = pack_reader_of(frame->body)};
    asking.fields = pack_read_array(&asking.reader);
    struct bytes verb = pack_read_str(&asking.reader);
    if (bytes_equal_text(verb, "add"))
        add(&asking);
    else if (bytes_equal_text(verb, "list"))
        list(&asking);
    else if (bytes_equal_text(verb, "show"))
        show(&asking);
    else if (bytes_equal_text(verb, "rewind"))
        rewind_to(&asking);
    else if (bytes_equal_text(verb, "remove"))
        remove_named(&asking);
    else if (bytes_equal_text(verb, "test"))
        test(&asking);
    else
        unformed(&asking);
}
