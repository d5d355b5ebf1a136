#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/formats/document_put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* comity recall: what clients ask of own recalls. */

static void document_answer(struct client *client, uint64_t tag, struct buf *body) {
    static const uint8_t nothing = 0x90; /* an empty array */
    if (body->failed) {
        server_error(client, tag, ERR_MEMORY, "out of memory");
    } else {
        server_answer(client, FRAME_ANSWER_DOCUMENT, tag, bytes_of_buf(body));
        server_answer(client, FRAME_ANSWER_DONE, tag, bytes_of(&nothing, 1));
    }
    buf_free(body);
}

/* --- recall --- */

/* Every version of the object that this node published. False: the client was told why not. */
static bool object_add(struct engine *engine, struct client *client, uint64_t tag, struct bytes id) {
    static struct item item;
    uint64_t *cursors;
    size_t count;
    uint8_t agency_id[AGENCY_ID_BYTES];
    bool own = false, foreign = false;
    enum err found = store_find_id_all(engine->store, id, &cursors, &count);
    if (found != OK) {
        free(cursors);
        server_error(client, tag, found, "the versions of the object cannot be looked up: %s; nothing was recalled",
                     err_text(found));
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct page_head head;
        struct bytes encoded;
        if (store_item(engine->store, cursors[i], &head, &item, &encoded) != OK || !bytes_equal(item.id, id)) continue;
        if (statement_is(item.type)) continue;
        enum err err = recall_task_add(engine, &client->recall, cursors[i]);
        own = own || err == OK;
        if (err != ERR_DENIED) continue;
        foreign = true;
        memcpy(agency_id, head.agency_id, AGENCY_ID_BYTES);
    }
    free(cursors);
    client->recall.objects += own;
    if (own) return true;
    int shown = (int)(id.size < ITEM_ID_BYTES_MAX ? id.size : ITEM_ID_BYTES_MAX);
    if (foreign && memcmp(agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0)
        server_error(client, tag, ERR_DENIED,
                     "%.*s was published by another node of this agency: recall it there (if that one is lost: BACKUP.md, \"What "
                     "does not come back\")",
                     shown, id.data);
    else if (foreign)
        server_error(client, tag, ERR_DENIED, "%.*s is an object of %s: only its author can recall it", shown, id.data,
                     engine_agency_name(engine, agency_id));
    else
        server_error(client, tag, ERR_NOT_FOUND, "%.*s is not held here; `comity recall status` tells of what was recalled already",
                     shown, id.data);
    return false;
}

static uint64_t blocks_of(const struct recall_task *task) {
    uint64_t count = 0;
    for (size_t i = 0; i < task->item_count; i++) {
        bool before = false;
        for (size_t k = 0; k < i && !before; k++) before = task->items[k].holder == task->items[i].holder;
        count += !before;
    }
    return count;
}

static void task_answer(struct client *client, bool dry) {
    struct recall_task *task = &client->recall;
    struct buf body = {0};
    pack_write_map(&body, 4);
    document_put_uint(&body, "blocks", blocks_of(task));
    pack_write_str(&body, bytes_of_text("dry_run"));
    pack_write_bool(&body, dry);
    document_put_uint(&body, "objects", task->objects);
    document_put_uint(&body, "versions", task->item_count);
    document_answer(client, task->tag, &body);
    recall_task_free(task);
}

void recall_ask_go_on(struct engine *engine, struct client *client) {
    struct recall_task *task = &client->recall;
    const char *why = publisher_barred(engine);
    recall_task_go_on(engine, task);
    if (why && !recall_task_done(engine, task)) {
        server_error(client, task->tag, ERR_DENIED, "the recall stopped: %s", why);
        recall_task_free(task);
    } else if (task->failed && recall_task_done(engine, task)) {
        server_error(client, task->tag, ERR_CORRUPT, "some of it could not be recalled: `comity status` says why");
        recall_task_free(task);
    } else if (recall_task_done(engine, task)) {
        task_answer(client, false);
    }
}

void recall_ask_leave(struct engine *engine, struct client *client) {
    struct recalls *recalls = &engine->recalls;
    bool unfinished = client->recall.active && client->recall.at < client->recall.item_count;
    if (unfinished && recalls->left_count < RECALLS_LEFT_MAX) {
        recalls->left[recalls->left_count++] = client->recall;
        client->recall = (struct recall_task){0};
    } else if (unfinished) {
        engine_event(engine, LOG_RECALL_FAILED, NULL,
                     "a recall stopped half way with its client, because too many are under way: ask for it again");
    }
    recall_task_free(&client->recall);
}

void recall_ask_pump(struct engine *engine) {
    struct recalls *recalls = &engine->recalls;
    size_t kept = 0;
    for (size_t i = 0; i < recalls->left_count; i++) {
        struct recall_task task = recalls->left[i];
        const char *why = publisher_barred(engine);
        recall_task_go_on(engine, &task);
        bool done = recall_task_done(engine, &task);
        if (!done && !why) {
            recalls->left[kept++] = task;
            continue;
        }
        if (!done || task.failed)
            engine_event(engine, LOG_RECALL_FAILED, NULL, "a recall whose client went away is not complete: %s",
                         why ? why : "some of it could not be recalled");
        else
            log_info("a recall whose client went away is complete: %llu objects", (unsigned long long)task.objects);
        recall_task_free(&task);
    }
    recalls->left_count = kept;
}

void recall_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct recall_task *task = &client->recall;
    struct pack_reader reader = pack_reader_of(frame->body);
    char first[ITEM_ID_BYTES_MAX + 1] = "";
    recall_task_free(task);
    task->tag = frame->tag;
    uint32_t fields = pack_read_array(&reader);
    uint64_t cause = pack_read_uint(&reader);
    struct bytes reason = pack_read_str(&reader);
    bool dry = pack_read_bool(&reader);
    uint32_t count = pack_read_array(&reader);
    bool good = !pack_failed(&reader) && fields == 4 && count > 0 && count <= RECALL_IDS_MAX && reason.size > 0 &&
                reason.size <= RECALL_REASON_BYTES_MAX && (cause == RECALL_BY_AUTHOR || cause == RECALL_BY_ERASURE);
    task->cause = (enum recall_cause)cause;
    buf_put(&task->reason, reason);
    store_wait(engine->store);
    for (uint32_t i = 0; good && i < count; i++) {
        struct bytes id = pack_read_str(&reader);
        if (pack_failed(&reader)) break;
        if (i == 0)
            snprintf(first, sizeof first, "%.*s", (int)(id.size < sizeof first ? id.size : sizeof first - 1),
                     (const char *)id.data);
        if (object_add(engine, client, frame->tag, id)) continue;
        recall_task_free(task);
        return;
    }
    if (!good || pack_done(&reader) != OK) {
        server_error(client, frame->tag, ERR_FORMAT, "the recall is not well formed");
        recall_task_free(task);
        return;
    }
    if (dry) {
        task_answer(client, true);
        return;
    }
    task->active = true;
    ledger_act(engine, NULL, client, "recall", count == 1 ? first : "several objects");
    log_event(LOG_RECALL_ASKED, LOG_FIELDS(LOG_NUMBER("objects", task->objects), LOG_NUMBER("uid", client->uid)),
              "user %u recalled %llu object%s", (unsigned)client->uid, (unsigned long long)task->objects,
              task->objects == 1 ? "" : "s");
    recall_ask_go_on(engine, client);
}

/* --- status --- */

struct status {
    struct engine *engine;
    struct buf rows;
    uint32_t row_count;
    uint64_t blocks, since_ms, waiting;
    struct buf reason;
};

static void row_put(struct status *status, uint64_t block, const uint8_t *node_id, const struct receipt *receipt, bool self,
                    bool third) {
    static const char *const states[] = {"not reached", "withdrawn", "erased"};
    struct gossip_log_view log;
    char hex[2 * NODE_ID_BYTES + 1];
    bool known = gossip_log_find(status->engine->gossip, node_id, &log);
    hex_encode(hex, bytes_of(node_id, NODE_ID_BYTES));
    pack_write_map(&status->rows, 8);
    document_put_text(&status->rows, "agency",
                      self    ? status->engine->own_name
                      : known ? engine_agency_name(status->engine, log.agency_id)
                              : "(no longer pinned)");
    document_put_uint(&status->rows, "block", block);
    document_put_uint(&status->rows, "erased_ms", receipt->erased_ms);
    document_put_text(&status->rows, "node", hex);
    document_put_uint(&status->rows, "objects", receipt->count);
    document_put_text(&status->rows, "state", states[receipt->state]);
    if (third)
        dealings_agency(status->engine, &status->rows, "through", receipt->via);
    else
        document_put_text(&status->rows, "through", "");
    document_put_uint(&status->rows, "withdrawn_ms", receipt->withdrawn_ms);
    status->row_count++;
    status->waiting += receipt->state != RECALL_ERASED;
}

static void reader_put(void *context, uint64_t block, const uint8_t *node_id, const struct receipt *receipt) {
    row_put(context, block, node_id, receipt, false, false);
}

static void third_put(void *context, uint64_t block, const uint8_t *node_id, const struct receipt *receipt) {
    row_put(context, block, node_id, receipt, false, true);
}

/* The readers of one recalled block. */
static void block_put(struct status *status, uint64_t block) {
    struct engine *engine = status->engine;
    struct recall_row row;
    if (recall_row_get(engine, engine->node_id, block, &row) != OK) return; /* its entry is not stored yet */
    status->blocks++;
    struct receipt own = {.state = row.state, .count = row.count, .withdrawn_ms = row.withdrawn_ms, .erased_ms = row.erased_ms};
    row_put(status, block, engine->node_id, &own, true, false);
    recall_readers(engine, block, reader_put, status);
    recall_thirds(engine, block, third_put, status);
}

static bool recalled_visit(void *context, const char *key, struct bytes value) {
    struct status *status = context;
    struct pack_reader reader = pack_reader_of(value);
    uint32_t fields = pack_read_array(&reader);
    uint64_t time_ms = pack_read_uint(&reader);
    pack_read_uint(&reader);
    struct bytes reason = pack_read_str(&reader);
    if (fields != 3 || pack_done(&reader) != OK) return true;
    if (status->since_ms == 0 || time_ms < status->since_ms) status->since_ms = time_ms;
    buf_clear(&status->reason);
    buf_put(&status->reason, reason);
    block_put(status, strtoull(key + strlen(key) - 16, NULL, 16));
    return true;
}

void recall_status_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct pack_reader reader = pack_reader_of(frame->body);
    struct status status = {.engine = engine};
    struct buf body = {0};
    char prefix[64];
    uint32_t fields = pack_read_array(&reader);
    struct bytes id = pack_read_str(&reader);
    if (fields != 1 || pack_done(&reader) != OK || id.size > ITEM_ID_BYTES_MAX) {
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
        return;
    }
    snprintf(prefix, sizeof prefix, "secret/recalled/%016llx/", (unsigned long long)store_id_mark(engine->store, id));
    enum err err = store_meta_each(engine->store, prefix, recalled_visit, &status);
    if (err != OK || status.blocks == 0) {
        server_error(client, frame->tag, err == OK ? ERR_NOT_FOUND : err, "%s",
                     err == OK ? "no recall of this object by this node is known" : err_text(err));
    } else {
        pack_write_map(&body, 6);
        document_put_uint(&body, "blocks", status.blocks);
        pack_write_str(&body, bytes_of_text("complete"));
        pack_write_bool(&body, status.waiting == 0);
        pack_write_str(&body, bytes_of_text("reason"));
        pack_write_str(&body, bytes_of_buf(&status.reason));
        pack_write_str(&body, bytes_of_text("receipts"));
        pack_write_array(&body, status.row_count);
        buf_put(&body, bytes_of_buf(&status.rows));
        document_put_uint(&body, "since_ms", status.since_ms);
        document_put_uint(&body, "waiting", status.waiting);
        document_answer(client, frame->tag, &body);
    }
    buf_free(&status.rows);
    buf_free(&status.reason);
}
