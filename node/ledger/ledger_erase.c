/* ledger: erasing what is held about a value. Own objects are recalled; what waits in the outbox and those of others are taken out here, with the payloads that could
   bring them back; details of rows that hold the value go, and what clients were told of posts with it; and a row tells of it, without the value. */
#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdlib.h>
#include <string.h>

#define HITS_MAX       4096
#define CANDIDATES_MAX POST_SUBJECT_VALUES_MAX
#define ROWS_MAX       20000
#define REASON_MAX     1000
#define RETRY_MS       50

/* An item of another node, as an item of its block. */
struct target {
    uint8_t node_id[NODE_ID_BYTES], agency_id[AGENCY_ID_BYTES];
    uint64_t holder, cursor;
    uint32_t index;
};

struct erasing {
    struct engine *engine;
    struct client *client;
    struct store_batch *batch;
    struct observable candidates[CANDIDATES_MAX];
    size_t candidate_count;
    struct target *targets;
    size_t target_count, target_capacity;
    struct pack_reader rows;
    uint32_t row_count;
    struct bytes reason;
    struct buf ids;                         /* of objects that tell of the value, each behind its size */
    uint64_t own, others, waited, statuses; /* statuses: rows of them */
    enum err err;
};

/* --- the question --- */

static bool question_read(struct erasing *erasing, struct bytes body) {
    struct pack_reader reader = pack_reader_of(body);
    uint32_t fields = pack_read_array(&reader), candidates = pack_read_array(&reader);
    if (fields != 3 || candidates == 0 || candidates > CANDIDATES_MAX) return false;
    for (uint32_t i = 0; i < candidates; i++) {
        if (!ledger_asked_read(&erasing->candidates[erasing->candidate_count++], &reader)) return false;
    }
    erasing->row_count = pack_read_array(&reader);
    erasing->rows = reader;
    if (erasing->row_count > ROWS_MAX) return false;
    for (uint32_t i = 0; i < erasing->row_count; i++) pack_read_uint(&reader);
    erasing->reason = pack_read_str(&reader);
    return pack_done(&reader) == OK && erasing->reason.size > 0 && erasing->reason.size <= REASON_MAX;
}

/* --- what is held --- */

static void target_add(struct erasing *erasing, const struct page_head *head, uint64_t cursor) {
    for (size_t i = 0; i < erasing->target_count; i++)
        if (erasing->targets[i].cursor == cursor) return; /* under another meaning of the value */
    if (erasing->target_count == erasing->target_capacity) {
        size_t capacity = erasing->target_capacity ? 2 * erasing->target_capacity : 64;
        struct target *grown = realloc(erasing->targets, capacity * sizeof *grown);
        if (!grown) {
            erasing->err = ERR_MEMORY;
            return;
        }
        erasing->targets = grown, erasing->target_capacity = capacity;
    }
    struct target *target = &erasing->targets[erasing->target_count++];
    *target = (struct target){.holder = head->seq, .cursor = cursor, .index = head->item_first + (uint32_t)(cursor - head->cursor)};
    memcpy(target->node_id, head->node_id, NODE_ID_BYTES);
    memcpy(target->agency_id, head->agency_id, AGENCY_ID_BYTES);
}

static void held_find(struct erasing *erasing, struct observable asked) {
    static uint64_t cursors[HITS_MAX];
    static struct item item;
    struct store *store = erasing->engine->store;
    size_t hits = ledger_asked_find(store, asked, cursors, HITS_MAX);
    if (store_find_result(store) != OK) erasing->err = store_find_result(store);
    for (size_t i = 0; i < hits && erasing->err == OK; i++) {
        struct page_head head;
        struct bytes encoded;
        if (store_item(store, cursors[i], &head, &item, &encoded) != OK) continue;
        if (statement_is(item.type) || !ledger_asked_tells(&item, asked)) continue;
        ledger_id_add(&erasing->ids, item.id);
        if (memcmp(head.node_id, erasing->engine->node_id, NODE_ID_BYTES) != 0) {
            target_add(erasing, &head, cursors[i]);
            continue;
        }
        size_t before = erasing->client->recall.item_count;
        enum err err = recall_task_add(erasing->engine, &erasing->client->recall, cursors[i]);
        if (err == ERR_MEMORY) erasing->err = err;
        erasing->own += erasing->client->recall.item_count - before;
    }
}

/* --- those of others --- */

static int target_compare(const void *a, const void *b) {
    const struct target *x = a, *y = b;
    int order = memcmp(x->node_id, y->node_id, NODE_ID_BYTES);
    if (order != 0) return order;
    return x->holder < y->holder ? -1 : x->holder > y->holder;
}

static void others_erase(struct erasing *erasing) {
    static struct recall_place place;
    static struct recall marked;
    if (erasing->target_count > 1) qsort(erasing->targets, erasing->target_count, sizeof *erasing->targets, target_compare);
    for (size_t at = 0; at < erasing->target_count;) {
        const struct target *target = &erasing->targets[at];
        marked = (struct recall){0};
        for (; at < erasing->target_count && target_compare(target, &erasing->targets[at]) == 0; at++)
            recall_mark(&marked, erasing->targets[at].index);
        if (!recall_place_find(erasing->engine, target->node_id, target->holder, &place)) continue;
        erasing->others += withdraw_items(erasing->engine, erasing->batch, &place, &marked, GONE_ERASURE);
        withdraw_bar(erasing->engine, erasing->batch, target->node_id, target->agency_id, target->holder, &marked);
    }
}

/* --- what clients of the web process were told of their posts --- */

void ledger_id_add(struct buf *ids, struct bytes id) {
    buf_put_u16(ids, (uint16_t)id.size);
    buf_put(ids, id);
}

static void statuses_erase(struct erasing *erasing) {
    const struct post_subject subject = {erasing->candidates, erasing->candidate_count, bytes_of_buf(&erasing->ids)};
    erasing->err = buf_result(&erasing->ids);
    if (erasing->err == OK) erasing->err = kept_erase(erasing->engine, erasing->batch, &subject, &erasing->statuses);
}

/* --- the record --- */

static void key_put(struct buf *out, const char *key) { pack_write_str(out, bytes_of_text(key)); }

static void record(struct erasing *erasing) {
    uint8_t salt[DISCLOSURE_SALT_BYTES], asked[DISCLOSURE_ASKED_BYTES];
    struct buf details = {0};
    struct pack_reader rows = erasing->rows;
    random_bytes(&erasing->engine->random, salt, sizeof salt);
    pack_write_map(&details, 9);
    key_put(&details, "asked");
    pack_write_array(&details, (uint32_t)erasing->candidate_count);
    for (size_t i = 0; i < erasing->candidate_count; i++) {
        disclosure_asked(asked, salt, (uint8_t)erasing->candidates[i].kind, erasing->candidates[i].value);
        pack_write_bin(&details, bytes_of(asked, sizeof asked));
    }
    key_put(&details, "others");
    pack_write_uint(&details, erasing->others);
    key_put(&details, "own");
    pack_write_uint(&details, erasing->own);
    key_put(&details, "pid");
    pack_write_uint(&details, erasing->client->pid);
    key_put(&details, "reason");
    pack_write_str(&details, erasing->reason);
    key_put(&details, "rows");
    pack_write_array(&details, erasing->row_count);
    for (uint32_t i = 0; i < erasing->row_count; i++) {
        uint64_t number = pack_read_uint(&rows);
        pack_write_uint(&details, number);
        store_batch_disclosure_erase(erasing->batch, number);
    }
    key_put(&details, "statuses");
    pack_write_uint(&details, erasing->statuses);
    key_put(&details, "uid");
    pack_write_uint(&details, erasing->client->uid);
    key_put(&details, "waited");
    pack_write_uint(&details, erasing->waited);
    if (details.failed) erasing->err = ERR_MEMORY;
    store_batch_disclosure(erasing->batch, DISCLOSURE_ERASE, clock_wall_ms(), salt, bytes_of_buf(&details));
    buf_free(&details);
    uint32_t uid = erasing->client->uid;
    log_event(LOG_ADMIN_ACT, LOG_FIELDS(LOG_TEXT("act", "erase"), LOG_NUMBER("uid", uid), LOG_NUMBER("pid", erasing->client->pid)),
              "user %u: erase", (unsigned)uid);
}

/* --- the request --- */

static void refuse(struct erasing *erasing, uint64_t tag) {
    struct client *client = erasing->client;
    if (erasing->err == ERR_FORMAT)
        server_error(client, tag, ERR_FORMAT, "the erasure is not well formed");
    else
        server_error(client, tag, erasing->err, "nothing was erased: %s", err_text(erasing->err));
    store_batch_free(erasing->batch);
    gone_dropped(erasing->engine);
    recall_task_free(&client->recall);
}

static void answer(struct erasing *erasing, uint64_t tag) {
    struct client *client = erasing->client;
    struct buf body = {0};
    pack_write_array(&body, 4);
    pack_write_uint(&body, erasing->others);
    pack_write_uint(&body, erasing->row_count);
    pack_write_uint(&body, erasing->waited);
    pack_write_uint(&body, erasing->statuses);
    server_answer(client, FRAME_ANSWER_LEDGER, tag, bytes_of_buf(&body));
    buf_free(&body);
    /* With own objects the answer goes on when their RECALL entries are stored; recall_ask.c says so. */
    client->recall.tag = tag;
    client->recall.cause = RECALL_BY_ERASURE;
    client->recall.objects = erasing->own;
    buf_put(&client->recall.reason, erasing->reason);
    client->recall.active = true;
    recall_ask_go_on(erasing->engine, client);
}

/* Pages are changed by one commit at a time. */
static bool busy(struct engine *engine) { return engine->recalls.writing || !store_terms_ready(engine->store); }

void ledger_erase_go_on(struct engine *engine, struct client *client) {
    struct erasing erasing = {.engine = engine, .client = client};
    if (busy(engine)) {
        engine->ledger.due_ms = clock_monotonic_ms() + RETRY_MS;
        return;
    }
    engine->ledger.due_ms = UINT64_MAX;
    store_wait(engine->store);
    recall_task_free(&client->recall);
    erasing.batch = store_batch_new(engine->store);
    erasing.err = !erasing.batch ? ERR_MEMORY : question_read(&erasing, bytes_of_buf(&client->erase)) ? OK : ERR_FORMAT;
    for (size_t i = 0; i < erasing.candidate_count && erasing.err == OK; i++) held_find(&erasing, erasing.candidates[i]);
    if (erasing.err == OK) others_erase(&erasing);
    if (erasing.err == OK)
        erasing.err =
            outbox_erase(engine, erasing.batch, erasing.candidates, erasing.candidate_count, &erasing.ids, &erasing.waited);
    if (erasing.err == OK) statuses_erase(&erasing);
    if (erasing.err == OK) record(&erasing);
    if (erasing.err == OK) {
        withdraw_commit(engine, erasing.batch);
        engine_settle(engine); /* it is done when it is said to be, and the outbox reads its records again */
        answer(&erasing, client->erase_tag);
    } else {
        refuse(&erasing, client->erase_tag);
    }
    free(erasing.targets);
    buf_free(&erasing.ids);
    client->erase_waits = false;
    buf_free(&client->erase);
}

void ledger_erase_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    buf_clear(&client->erase);
    buf_put(&client->erase, frame->body);
    client->erase_tag = frame->tag;
    client->erase_waits = true;
    if (client->erase.failed)
        client->closing = true;
    else
        ledger_erase_go_on(engine, client);
}
