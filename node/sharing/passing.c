#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/policy/policy_context.h"
#include "node/recall/gone_terms.h"
#include "node/sharing/prove.h"
#include "node/sharing/shown.h"
#include "node/formats/document_put.h"

#include <stdlib.h>
#include <string.h>

/* Shares: another agency's object, passed on with its author's proof and permission. What was passed on stands in a record, so that it
   is not done twice, and goes when its author recalls it. */

#define READERS_MAX 64
#define ROW_FIELDS  9

/* What this node passed on. Array of 9: leaf bin 32, author bin 32, author's node bin 16, number uint, index uint, reader bin 32, object id
   str, id of the item that carries it str, gone bool. */
struct row {
    uint8_t leaf[HASH_BYTES], author[AGENCY_ID_BYTES], node_id[NODE_ID_BYTES], reader[AGENCY_ID_BYTES];
    uint64_t seq; /* of the author's block where it stands today */
    uint32_t index;
    struct bytes object_id, share_id;
    bool gone; /* its author took it back, and our recall of it is to be made */
};

static bool read_fixed(struct pack_reader *reader, uint8_t *out, size_t size) {
    struct bytes value = pack_read_bin(reader);
    if (value.size != size) return false;
    memcpy(out, value.data, size);
    return true;
}

static bool row_read(struct row *row, struct bytes value) {
    struct pack_reader reader = pack_reader_of(value);
    if (pack_read_array(&reader) != ROW_FIELDS) return false;
    if (!read_fixed(&reader, row->leaf, HASH_BYTES) || !read_fixed(&reader, row->author, AGENCY_ID_BYTES) ||
        !read_fixed(&reader, row->node_id, NODE_ID_BYTES))
        return false;
    row->seq = pack_read_uint(&reader);
    row->index = (uint32_t)pack_read_uint(&reader);
    if (!read_fixed(&reader, row->reader, AGENCY_ID_BYTES)) return false;
    row->object_id = pack_read_str(&reader);
    row->share_id = pack_read_str(&reader);
    row->gone = pack_read_bool(&reader);
    return pack_done(&reader) == OK;
}

static enum err row_write(struct buf *out, const struct row *row) {
    pack_write_array(out, ROW_FIELDS);
    pack_write_bin(out, bytes_of(row->leaf, HASH_BYTES));
    pack_write_bin(out, bytes_of(row->author, AGENCY_ID_BYTES));
    pack_write_bin(out, bytes_of(row->node_id, NODE_ID_BYTES));
    pack_write_uint(out, row->seq);
    pack_write_uint(out, row->index);
    pack_write_bin(out, bytes_of(row->reader, AGENCY_ID_BYTES));
    pack_write_str(out, row->object_id);
    pack_write_str(out, row->share_id);
    pack_write_bool(out, row->gone);
    return buf_result(out);
}

/* Was this version passed on to that reader already? It is known by its leaf, and where it was sealed again by its place. */
static bool passed(const struct engine *engine, const struct proof_facts *facts, uint32_t index, const uint8_t *reader) {
    const struct records *records = &engine->dealings.shares;
    struct row row;
    for (size_t i = 0; i < records->count; i++) {
        if (!row_read(&row, records_at(records, i)) || row.gone || memcmp(row.reader, reader, AGENCY_ID_BYTES) != 0) continue;
        bool there =
            row.seq == facts->entry.seq && row.index == index && memcmp(row.node_id, facts->entry.node_id, NODE_ID_BYTES) == 0;
        if (there || memcmp(row.leaf, facts->leaf, HASH_BYTES) == 0) return true;
    }
    return false;
}

/* --- what comes --- */

static void own_take(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    static struct item original;
    struct share_facts facts;
    struct share share;
    struct proof proof;
    struct proof_facts permission;
    static struct item grant_item;
    struct permit_grant grant;
    struct row row = {0};
    struct buf value = {0};
    if (share_read(&facts, &original, seen->item->text) != OK || share_decode(&share, seen->item->text) != OK) return;
    memcpy(row.leaf, facts.object.leaf, HASH_BYTES);
    memcpy(row.author, facts.object.entry.agency_id, AGENCY_ID_BYTES);
    memcpy(row.node_id, facts.object.entry.node_id, NODE_ID_BYTES);
    row.seq = facts.object.entry.seq;
    row.index = facts.item_index;
    row.object_id = original.id;
    row.share_id = seen->item->id;
    /* Without a permission (TLP:CLEAR) the reader stands nowhere: it may be passed on again. */
    if (share.permission.size > 0 && proof_decode(&proof, share.permission) == OK && proof_read(&permission, &proof) == OK &&
        item_decode(&grant_item, proof.item) == OK && permit_grant_decode(&grant, grant_item.text) == OK)
        memcpy(row.reader, grant.reader, AGENCY_ID_BYTES);
    /* It was taken back while the share waited to go out: nobody will say so again. */
    row.gone = share_was_recalled(engine, row.node_id, row.seq, row.index);
    if (row.gone) engine->dealings.withdrawing = true;
    enum err err = row_write(&value, &row);
    if (err == OK) err = records_add(&engine->dealings.shares, batch, engine->agency_id, bytes_of_buf(&value));
    dealings_kept(engine, engine->agency_id, err);
    buf_free(&value);
}

bool share_admitted(const struct engine *engine, const uint8_t via[static AGENCY_ID_BYTES], const struct item *original) {
    struct marks marks;
    return marks_decode(&marks, original->marks) == OK && groups_passes(engine, marks.group, via);
}

void share_take(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    static struct item original, scratch;
    struct share_facts facts;
    const char *why = "it is not well formed";
    if (memcmp(seen->agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0) {
        own_take(engine, batch, seen);
        return;
    }
    /* Whatever is wrong is looked at again whenever it would be shown; here it is told once. */
    enum err err = share_read(&facts, &original, seen->item->text);
    const struct agency *author = err == OK ? engine_agency(engine, facts.object.entry.agency_id) : NULL;
    struct share_way way = {seen->agency_id, engine->agency_id, err == OK && share_admitted(engine, seen->agency_id, &original)};
    if (author)
        err = share_verify(&facts, &original, &scratch, seen->item->text, author, &way, &why);
    else if (err == OK)
        err = ERR_UNKNOWN_AUTHOR, why = "its author is not pinned here, so that nothing vouches for it";
    if (err == ERR_UNKNOWN_AUTHOR && !author) gone_terms_await(engine, batch, facts.object.entry.agency_id);
    if (err != OK && author) gone_terms_arrived(engine, batch, original.marks);
    if (err != OK)
        engine_notice(engine, "%s passed an object on that is not shown: %s (%s)", engine_agency_name(engine, seen->agency_id), why,
                      err_text(err));
}

/* --- what is taken back --- */

void share_recalled(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES],
                    const struct recall *recall) {
    struct records *records = &engine->dealings.shares;
    for (size_t i = 0; i < records->count; i++) {
        struct row row;
        struct buf value = {0};
        if (!row_read(&row, records_at(records, i)) || row.gone || row.seq != recall->block) continue;
        if (memcmp(row.node_id, node_id, NODE_ID_BYTES) != 0) continue;
        row.gone = recall_marked(recall, row.index);
        if (!row.gone && recall->replacement == 0) continue;
        if (row.gone) engine->dealings.withdrawing = true;
        if (!row.gone) row.index = recall_index_behind(recall, row.index), row.seq = recall->replacement;
        enum err err = row_write(&value, &row);
        if (err == OK) err = records_change(records, batch, i, bytes_of_buf(&value));
        dealings_kept(engine, engine->agency_id, err);
        buf_free(&value);
    }
}

bool share_was_recalled(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, uint32_t index) {
    struct recall_row row;
    while (recall_row_get(engine, node_id, seq, &row) == OK) {
        if (recall_marked(&row.recall, index)) return true;
        if (row.recall.replacement <= seq) return false; /* it only grows: this ends */
        index = recall_index_behind(&row.recall, index);
        seq = row.recall.replacement;
    }
    return false;
}

/* The item that carried it, among our own: found under the object inside it. */
static enum err carrier_add(struct engine *engine, struct recall_task *task, const struct row *row) {
    static struct item item;
    uint64_t *cursors;
    size_t count;
    enum err err = store_find_id_all(engine->store, row->object_id, &cursors, &count);
    for (size_t i = 0; err == OK && i < count; i++) {
        struct page_head head;
        struct bytes encoded;
        if (store_item(engine->store, cursors[i], &head, &item, &encoded) != OK || !bytes_equal(item.id, row->share_id)) continue;
        if (memcmp(head.node_id, engine->node_id, NODE_ID_BYTES) != 0) continue;
        err = recall_task_add(engine, task, cursors[i]);
        break;
    }
    free(cursors);
    return err;
}

/* Of those whose recall is made, the rows go. */
static void gone_forget(struct engine *engine) {
    struct records *records = &engine->dealings.shares;
    struct buf *numbers = &engine->dealings.withdrawn_rows;
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) return; /* they are recalled once more: nothing is left to recall then */
    for (size_t at = 0; at < numbers->size; at += 8)
        for (size_t i = 0; i < records->count; i++)
            if (records->rows[i].number == get_be64(numbers->data + at)) {
                records_drop(records, batch, i);
                break;
            }
    store_commit(engine->store, batch, 0);
    buf_clear(numbers);
}

/* All that are to be recalled now, as one task; false: there are none. */
static bool gone_begin(struct engine *engine) {
    const struct records *records = &engine->dealings.shares;
    struct dealings *dealings = &engine->dealings;
    struct row row;
    engine_settle(engine); /* what carries it may have gone out a moment ago */
    buf_clear(&dealings->withdrawn_rows);
    dealings->withdrawing = false;
    for (size_t i = 0; i < records->count; i++) {
        if (!row_read(&row, records_at(records, i)) || !row.gone) continue;
        enum err err = carrier_add(engine, &dealings->withdrawn, &row);
        buf_put_u64(&dealings->withdrawn_rows, records->rows[i].number);
        if (err == ERR_MEMORY || dealings->withdrawn_rows.failed) engine_fail(engine, 5, "out of memory for a recall");
    }
    if (dealings->withdrawn_rows.size == 0) return false;
    dealings->withdrawn.cause = RECALL_BY_AUTHOR;
    buf_put_text(&dealings->withdrawn.reason, "its author took it back");
    dealings->withdrawn.active = true;
    return true;
}

void share_pump(struct engine *engine) {
    struct recall_task *task = &engine->dealings.withdrawn;
    if (!task->active && (!engine->dealings.withdrawing || !gone_begin(engine))) return;
    recall_task_go_on(engine, task);
    if (!recall_task_done(engine, task)) return;
    recall_task_free(task);
    gone_forget(engine);
}

/* --- what goes --- */

enum err share_object_proof(struct engine *engine, const struct shown *shown, struct buf *out, struct proof_facts *facts) {
    static struct item wrapper;
    struct share share;
    struct proof proof;
    struct page_head head;
    struct bytes encoded;
    if (!shown->via) return prove_item(engine, shown->cursor, out, facts);
    /* It came with its proof. */
    enum err err = store_item(engine->store, shown->cursor, &head, &wrapper, &encoded);
    if (err == OK) err = share_decode(&share, wrapper.text);
    buf_clear(out);
    if (err == OK) buf_put(out, share.object), err = buf_result(out);
    if (err == OK) err = proof_decode(&proof, bytes_of_buf(out));
    return err == OK ? proof_read(facts, &proof) : err;
}

/* One share under way. */
struct sharing {
    struct engine *engine;
    struct client *client;
    const struct frame *frame;
    struct store_batch *batch;
    struct buf object; /* the proof */
    struct proof_facts facts;
    uint32_t index;              /* in the block that proves it */
    struct policy_object policy; /* what the policy looks at */
    struct marks marks;
    uint64_t until_ms;                /* when the copy ends; 0: never */
    struct buf id, type, marks_bytes; /* behind the views in it */
    struct ledger_cause cause;        /* what lets it go to the reader under way */
    struct buf rows;
    uint32_t row_count;
};

static void row_put(struct sharing *sharing, const uint8_t *reader, const char *state) {
    pack_write_map(&sharing->rows, 2);
    dealings_agency(sharing->engine, &sharing->rows, "reader", reader);
    document_put_string(&sharing->rows, "state", bytes_of_text(state));
    sharing->row_count++;
}

static bool refused(struct sharing *sharing, const uint8_t *reader, enum err err, const char *reason) {
    server_error(sharing->client, sharing->frame->tag, err == ERR_NOT_FOUND || err == ERR_EXPIRED ? ERR_DENIED : err,
                 "to %s: %s; nothing was passed on", engine_agency_name(sharing->engine, reader), reason);
    return false;
}

/* Does this node's policy let it go there? False: it was answered. */
static bool decided(struct sharing *sharing, const uint8_t *reader, enum carriage *carriage) {
    static struct policy_facts facts;
    static struct verdict verdict;
    static struct item carried;
    struct policy_permission permission[1];
    struct engine *engine = sharing->engine;
    policy_context_fill(&facts, engine, POLICY_RESHARE, reader);
    policy_context_author(&facts, engine, sharing->facts.entry.agency_id);
    /* Of this version alone: another author's object may have the same id. */
    facts.context.permissions = permission;
    facts.context.permission_count =
        permission_facts(engine, permission, 1, sharing->facts.leaf, sharing->facts.entry.agency_id, reader);
    policy_decide(&verdict, &sharing->policy, &facts.reader, &facts.context);
    *carriage = verdict.carriage;
    sharing->cause = (struct ledger_cause){0};
    carried = (struct item){.tlp = sharing->policy.tlp, .marks = bytes_of_buf(&sharing->marks_bytes)};
    ledger_cause_add(&sharing->cause, &carried, verdict.rule);
    ledger_clause_add(sharing->cause.clauses, &verdict);
    if (verdict.allow) return true;
    server_error(sharing->client, sharing->frame->tag, ERR_DENIED,
                 "to %s: %s [%s]; nothing was passed on. `comity permission ask` asks its author",
                 engine_agency_name(engine, reader), verdict.reason, verdict.rule);
    return false;
}

/* Its author's permission, where there must be one. */
static enum err permission_take(struct sharing *sharing, const uint8_t *reader, struct buf *permission, const char **reason) {
    enum err err = permission_proof(sharing->engine, permission, sharing->facts.leaf, sharing->facts.entry.agency_id, reader);
    bool needed = share_needs_permission(sharing->policy.tlp, &sharing->marks);
    if (!needed && (err == ERR_NOT_FOUND || err == ERR_EXPIRED)) {
        buf_clear(permission);
        err = OK;
    }
    *reason = err_text(err);
    if (err == ERR_NOT_FOUND) *reason = "its author has given no permission: ask with `comity permission ask`";
    if (err == ERR_EXPIRED) *reason = "its author's permission has ended";
    return err;
}

/* The statement that carries the object to one reader. False: it was answered. */
static bool share_one(struct sharing *sharing, const uint8_t *reader) {
    struct engine *engine = sharing->engine;
    struct share share = {.shared_ms = clock_wall_ms(), .object = bytes_of_buf(&sharing->object)};
    struct buf permission = {0}, text = {0};
    const char *reason;
    enum carriage carriage;
    if (!engine_agency(engine, reader))
        return refused(sharing, reader, ERR_DENIED, "that agency is not pinned here, so that nothing can be sealed to it");
    if (passed(engine, &sharing->facts, sharing->index, reader)) {
        row_put(sharing, reader, "known");
        return true;
    }
    enum err err = permission_take(sharing, reader, &permission, &reason);
    if (err == OK && !decided(sharing, reader, &carriage)) {
        buf_free(&permission);
        return false;
    }
    share.permission = bytes_of_buf(&permission);
    if (err == OK) err = share_encode(&text, &share), reason = err_text(err);
    if (err == OK && text.size > STATEMENT_TEXT_BYTES_MAX)
        err = ERR_TOO_BIG, reason = "the object is too large to be passed on with its proofs";
    if (err == OK) {
        struct statement statement = {.type = SHARE_TYPE,
                                      .text = bytes_of_buf(&text),
                                      .agencies = reader,
                                      .agency_count = 1,
                                      .tlp = sharing->policy.tlp,
                                      .carriage = carriage,
                                      .valid_until_ms = sharing->until_ms,
                                      .cause = &sharing->cause};
        err = statement_publish(engine, sharing->batch, &statement);
        reason = err_text(err);
    }
    if (err == OK) row_put(sharing, reader, "shared");
    buf_free(&permission), buf_free(&text);
    return err == OK || refused(sharing, reader, err, reason);
}

static void share_all(struct sharing *sharing, struct bytes id, uint8_t (*readers)[AGENCY_ID_BYTES], size_t count) {
    struct buf document = {0};
    sharing->batch = store_batch_new(sharing->engine->store);
    if (!sharing->batch) {
        server_error(sharing->client, sharing->frame->tag, ERR_MEMORY, "out of memory");
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (!share_one(sharing, readers[i])) {
            store_batch_free(sharing->batch);
            return;
        }
    store_commit(sharing->engine->store, sharing->batch, 0);
    store_wait(sharing->engine->store);
    pack_write_map(&document, 3);
    dealings_agency(sharing->engine, &document, "author", sharing->facts.entry.agency_id);
    document_put_string(&document, "object", id);
    pack_write_str(&document, bytes_of_text("shares"));
    pack_write_array(&document, sharing->row_count);
    buf_put(&document, bytes_of_buf(&sharing->rows));
    dealings_answer(sharing->client, sharing->frame, &document);
    buf_free(&document);
}

/* Making the proof moves pages: what the policy looks at is copied. */
static enum err object_keep(struct sharing *sharing, const struct item *item) {
    buf_put(&sharing->id, item->id);
    buf_put(&sharing->type, item->type);
    buf_put(&sharing->marks_bytes, item->marks);
    if (sharing->id.failed || sharing->type.failed || sharing->marks_bytes.failed) return ERR_MEMORY;
    sharing->policy = (struct policy_object){.tlp = item->tlp,
                                             .valid_until_ms = item->valid_until_ms,
                                             .id = bytes_of_buf(&sharing->id),
                                             .type = bytes_of_buf(&sharing->type),
                                             .marks = &sharing->marks,
                                             .foreign = true};
    enum err err = marks_decode(&sharing->marks, bytes_of_buf(&sharing->marks_bytes));
    /* The item that carries it has no marks of its own: it ends with the first of both. */
    uint64_t retain_ms = sharing->marks.retain_until_ms, valid_ms = item->valid_until_ms;
    sharing->until_ms = valid_ms == 0 || (retain_ms != 0 && retain_ms < valid_ms) ? retain_ms : valid_ms;
    return err;
}

void share_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    static struct shown shown;
    static struct sharing sharing;
    struct pack_reader reader = pack_reader_of(frame->body);
    uint8_t readers[READERS_MAX][AGENCY_ID_BYTES];
    struct proof proof;
    size_t count;
    engine_settle(engine); /* a permission that is listed is one that can be proved */
    sharing = (struct sharing){.engine = engine, .client = client, .frame = frame};
    uint32_t fields = pack_read_array(&reader);
    struct bytes id = pack_read_str(&reader), author = pack_skip_nil(&reader) ? bytes_of(NULL, 0) : pack_read_str(&reader);
    if (!dealings_readers(engine, client, frame, &reader, readers, READERS_MAX, &count)) return;
    if (pack_done(&reader) != OK || fields != 3 || count == 0) {
        server_error(client, frame->tag, ERR_FORMAT, "the request to pass an object on is not well formed");
        return;
    }
    if (!dealings_object(engine, client, frame, id, author, &shown)) return;
    if (memcmp(shown.author, engine->agency_id, AGENCY_ID_BYTES) == 0) {
        server_error(client, frame->tag, ERR_DENIED, "the object is this agency's own: publish it to whom you like");
        return;
    }
    if (retention_over(engine, &shown.head, &shown.item, clock_wall_ms())) {
        server_error(client, frame->tag, ERR_NOT_FOUND,
                     "the time for which it may be kept here has passed: nobody may have it any more");
        return;
    }
    enum err err = object_keep(&sharing, &shown.item);
    sharing.policy.author_removed = groups_shut_out(engine, sharing.marks.group, shown.author, shown.head.arrived_ms);
    if (err == OK) err = share_object_proof(engine, &shown, &sharing.object, &sharing.facts);
    if (err != OK)
        server_error(client, frame->tag, err, "the object cannot be proved to be its author's: %s", err_text(err));
    else if (proof_decode(&proof, bytes_of_buf(&sharing.object)) == OK) {
        sharing.index = proof.item_index;
        share_all(&sharing, id, readers, count);
    }
    buf_free(&sharing.object), buf_free(&sharing.rows);
    buf_free(&sharing.id), buf_free(&sharing.type), buf_free(&sharing.marks_bytes);
}
