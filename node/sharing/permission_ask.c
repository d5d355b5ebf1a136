#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/sharing/permission_row.h"
#include "node/sharing/prove.h"
#include "node/sharing/shown.h"
#include "node/formats/document_put.h"

#include <stdio.h>
#include <string.h>

/* What local clients do about permissions to pass an object on: ask its author, grant or deny what was asked of us, list. */

#define READERS_MAX 64

static bool is_own(const struct engine *engine, const uint8_t *agency_id) {
    return memcmp(agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0;
}

struct asking {
    struct engine *engine;
    struct client *client;
    const struct frame *frame;
    struct store_batch *batch;
    struct buf document, rows; /* rows: of the document's list */
    uint32_t row_count;
    uint8_t readers[READERS_MAX][AGENCY_ID_BYTES];
    size_t reader_count;
};

static enum err say(struct asking *asking, const char *type, struct buf *text, const uint8_t *to, enum tlp tlp) {
    struct statement statement = {.type = type,
                                  .text = bytes_of_buf(text),
                                  .agencies = to,
                                  .agency_count = 1,
                                  .tlp = tlp,
                                  .carriage = tlp >= TLP_AMBER_STRICT ? CARRIAGE_DIRECT : CARRIAGE_RELAY};
    enum err err = buf_result(text);
    if (err == OK) err = statement_publish(asking->engine, asking->batch, &statement);
    buf_free(text);
    return err;
}

static void row_put(struct asking *asking, const uint8_t *other, const uint8_t *reader, const char *state) {
    struct buf *out = &asking->rows;
    pack_write_map(out, 3);
    dealings_agency(asking->engine, out, "agency", other);
    dealings_agency(asking->engine, out, "reader", reader);
    document_put_text(out, "state", state);
    asking->row_count++;
}

/* Commits and answers, or says what went wrong. */
static void finish(struct asking *asking, struct bytes object_id, enum err err) {
    struct buf document = {0};
    if (err == OK) {
        store_commit(asking->engine->store, asking->batch, 0);
        asking->batch = NULL;
        store_wait(asking->engine->store);
        pack_write_map(&document, 2);
        document_put_string(&document, "object", object_id);
        pack_write_str(&document, bytes_of_text("permissions"));
        pack_write_array(&document, asking->row_count);
        buf_put(&document, bytes_of_buf(&asking->rows));
        dealings_answer(asking->client, asking->frame, &document);
    } else {
        server_error(asking->client, asking->frame->tag, err, "nothing was said to anybody: %s", err_text(err));
    }
    buf_free(&document);
}

static void ask(struct asking *asking, struct pack_reader *reader) {
    static struct shown shown;
    struct engine *engine = asking->engine;
    struct permit_ask ask = {0};
    struct proof_facts facts;
    struct buf proof = {0};
    struct bytes id = pack_read_str(reader), author = pack_skip_nil(reader) ? bytes_of(NULL, 0) : pack_read_str(reader);
    if (!dealings_readers(engine, asking->client, asking->frame, reader, asking->readers, READERS_MAX, &asking->reader_count))
        return;
    ask.reason = pack_read_str(reader);
    if (pack_done(reader) != OK || asking->reader_count == 0 || ask.reason.size > PERMIT_REASON_BYTES_MAX) {
        server_error(asking->client, asking->frame->tag, ERR_FORMAT,
                     "the question is not well formed: name who is to get the object");
        return;
    }
    if (!dealings_object(engine, asking->client, asking->frame, id, author, &shown)) return;
    if (is_own(engine, shown.author)) {
        server_error(asking->client, asking->frame->tag, ERR_DENIED,
                     "the object is this agency's own: publish it to whom you like, there is nobody to ask");
        return;
    }
    enum err err = share_object_proof(engine, &shown, &proof, &facts);
    if (err != OK) {
        server_error(asking->client, asking->frame->tag, err, "the object cannot be proved to be its author's: %s", err_text(err));
        buf_free(&proof);
        return;
    }
    uint8_t author_id[AGENCY_ID_BYTES];
    enum tlp tlp = shown.item.tlp;
    struct proof parts;
    if (proof_decode(&parts, bytes_of_buf(&proof)) == OK) ask.object.index = parts.item_index;
    memcpy(author_id, facts.entry.agency_id, AGENCY_ID_BYTES);
    ask.object.id = id;
    memcpy(ask.object.node_id, facts.entry.node_id, NODE_ID_BYTES);
    ask.object.seq = facts.entry.seq;
    memcpy(ask.object.leaf, facts.leaf, HASH_BYTES);
    for (size_t i = 0; i < asking->reader_count && err == OK; i++) {
        struct buf text = {0};
        memcpy(ask.reader, asking->readers[i], AGENCY_ID_BYTES);
        err = permit_ask_encode(&text, &ask);
        if (err == OK) err = say(asking, PERMIT_ASK_TYPE, &text, author_id, tlp);
        row_put(asking, author_id, ask.reader, permission_state_name(PERMISSION_ASKED));
    }
    finish(asking, id, err);
    buf_free(&proof);
}

/* --- the author's side --- */

/* Did a node of this agency get our block? Its readers stand sealed in our own store. */
static bool was_reader(struct engine *engine, uint64_t seq, const struct agency *agency) {
    struct buf nodes = {0};
    bool found = false;
    if (recall_block_readers(engine, seq, &nodes) == OK)
        for (size_t at = 0; at + NODE_ID_BYTES <= nodes.size; at += NODE_ID_BYTES)
            found = found || agency_node_find(agency, nodes.data + at) != NULL;
    buf_free(&nodes);
    return found;
}

/* The version of our object that the grantee has: the one that it asked about, or the newest that it got. */
static enum err version_find(struct engine *engine, struct permit_object *object, enum tlp *tlp, struct bytes id,
                             const struct permission_row *asked, const uint8_t *grantee) {
    static struct item item;
    uint64_t cursors[256];
    struct buf proof = {0};
    const struct agency *agency = engine_agency(engine, grantee);
    enum err result = ERR_NOT_FOUND;
    size_t count = store_find_id(engine->store, id, cursors, 256);
    for (size_t i = count; i-- > 0 && result != OK;) {
        struct page_head head;
        struct bytes encoded;
        struct proof_facts facts;
        if (store_item(engine->store, cursors[i], &head, &item, &encoded) != OK || !bytes_equal(item.id, id)) continue;
        if (!is_own(engine, head.agency_id)) continue;
        if (!asked &&
            (!agency || memcmp(head.node_id, engine->node_id, NODE_ID_BYTES) != 0 || !was_reader(engine, head.seq, agency)))
            continue;
        *tlp = item.tlp;
        result = prove_item(engine, cursors[i], &proof, &facts);
        if (result == OK && asked && memcmp(facts.leaf, asked->object.leaf, HASH_BYTES) != 0) result = ERR_NOT_FOUND;
        if (result == OK) memcpy(object->leaf, facts.leaf, HASH_BYTES);
    }
    buf_free(&proof);
    return result;
}

static bool wanted(const struct asking *asking, const uint8_t *reader) {
    for (size_t i = 0; i < asking->reader_count; i++)
        if (memcmp(asking->readers[i], reader, AGENCY_ID_BYTES) == 0) return true;
    return asking->reader_count == 0;
}

/* Whom the answer is for: who was named, or the only one that asked about this object. False: it was answered. */
static bool grantee_find(struct asking *asking, struct bytes id, struct bytes name, uint8_t *grantee) {
    struct engine *engine = asking->engine;
    const struct records *records = &engine->dealings.permissions;
    bool found = false;
    if (name.size > 0) return dealings_named(engine, asking->client, asking->frame, name, grantee);
    for (size_t i = 0; i < records->count; i++) {
        struct permission_row row;
        if (!permission_row_read(&row, records_at(records, i)) || !row.ours || !bytes_equal(row.object.id, id)) continue;
        if (row.state != PERMISSION_ASKED || !wanted(asking, row.reader)) continue;
        if (found && memcmp(grantee, row.other, AGENCY_ID_BYTES) != 0) {
            server_error(asking->client, asking->frame->tag, ERR_DENIED,
                         "several agencies asked about this object: say who is answered with --for NAME");
            return false;
        }
        memcpy(grantee, row.other, AGENCY_ID_BYTES);
        found = true;
    }
    if (!found)
        server_error(asking->client, asking->frame->tag, ERR_NOT_FOUND,
                     "nobody asked for that; a permission that nobody asked for names its holder: --for NAME --to NAME");
    return found;
}

/* The rows that this grantee asked for become the readers, unless some were named. */
static void readers_default(struct asking *asking, struct bytes id, const uint8_t *grantee) {
    const struct records *records = &asking->engine->dealings.permissions;
    if (asking->reader_count > 0) return;
    for (size_t i = 0; i < records->count && asking->reader_count < READERS_MAX; i++) {
        struct permission_row row;
        if (!permission_row_read(&row, records_at(records, i)) || !row.ours || !bytes_equal(row.object.id, id)) continue;
        if (row.state != PERMISSION_ASKED || memcmp(row.other, grantee, AGENCY_ID_BYTES) != 0) continue;
        memcpy(asking->readers[asking->reader_count++], row.reader, AGENCY_ID_BYTES);
    }
}

/* What this agency asked of us about the object for that reader; false: nothing. */
static bool asked_find(const struct engine *engine, struct permission_row *out, size_t *at, struct bytes id, const uint8_t *grantee,
                       const uint8_t *reader) {
    const struct records *records = &engine->dealings.permissions;
    for (size_t i = records->count; i-- > 0;) {
        if (!permission_row_read(out, records_at(records, i)) || !out->ours || !bytes_equal(out->object.id, id)) continue;
        if (out->object.seq == 0 || memcmp(out->other, grantee, AGENCY_ID_BYTES) != 0) continue;
        if (memcmp(out->reader, reader, AGENCY_ID_BYTES) != 0) continue;
        *at = i;
        return true;
    }
    return false;
}

static enum err grant_one(struct asking *asking, struct bytes id, const uint8_t *grantee, const uint8_t *reader, uint64_t until_ms,
                          uint8_t codes) {
    struct permission_row asked;
    struct permit_object object;
    struct permit_grant grant = {.object_id = id, .until_ms = until_ms, .codes = codes};
    struct buf text = {0};
    enum tlp tlp = TLP_RED;
    size_t at;
    bool known = asked_find(asking->engine, &asked, &at, id, grantee, reader);
    enum err err = version_find(asking->engine, &object, &tlp, id, known ? &asked : NULL, grantee);
    if (err != OK) return err;
    memcpy(grant.leaf, object.leaf, HASH_BYTES);
    memcpy(grant.grantee, grantee, AGENCY_ID_BYTES);
    memcpy(grant.reader, reader, AGENCY_ID_BYTES);
    err = permit_grant_encode(&text, &grant);
    if (err == OK) err = say(asking, PERMIT_GRANT_TYPE, &text, grantee, tlp);
    row_put(asking, grantee, reader, permission_state_name(PERMISSION_GRANTED));
    return err;
}

static void grant(struct asking *asking, struct pack_reader *reader) {
    uint8_t grantee[AGENCY_ID_BYTES];
    struct bytes id = pack_read_str(reader), name = pack_skip_nil(reader) ? bytes_of(NULL, 0) : pack_read_str(reader);
    if (!dealings_readers(asking->engine, asking->client, asking->frame, reader, asking->readers, READERS_MAX,
                          &asking->reader_count))
        return;
    uint64_t until_ms = pack_read_uint(reader), codes = pack_read_uint(reader);
    if (pack_done(reader) != OK || codes > PERMIT_CODES_MAX || id.size == 0 || id.size > ITEM_ID_BYTES_MAX) {
        server_error(asking->client, asking->frame->tag, ERR_FORMAT, "the permission is not well formed");
        return;
    }
    if (!grantee_find(asking, id, name, grantee)) return;
    readers_default(asking, id, grantee);
    if (asking->reader_count == 0) {
        server_error(asking->client, asking->frame->tag, ERR_NOT_FOUND,
                     "that agency asked for nothing about this object: say who may get it with --to NAME");
        return;
    }
    enum err err = OK;
    for (size_t i = 0; i < asking->reader_count && err == OK; i++)
        err = grant_one(asking, id, grantee, asking->readers[i], until_ms, (uint8_t)codes);
    if (err == ERR_NOT_FOUND)
        server_error(asking->client, asking->frame->tag, err,
                     "this agency published no such version of '%.*s' to %s that is still held here: nothing was permitted",
                     (int)id.size, (const char *)id.data, engine_agency_name(asking->engine, grantee));
    else
        finish(asking, id, err);
}

static void deny(struct asking *asking, struct pack_reader *reader) {
    struct engine *engine = asking->engine;
    uint8_t grantee[AGENCY_ID_BYTES];
    struct permit_denial denial = {.object_id = pack_read_str(reader)};
    struct bytes name = pack_skip_nil(reader) ? bytes_of(NULL, 0) : pack_read_str(reader);
    if (!dealings_readers(engine, asking->client, asking->frame, reader, asking->readers, READERS_MAX, &asking->reader_count))
        return;
    denial.reason = pack_read_str(reader);
    if (pack_done(reader) != OK || denial.reason.size > PERMIT_REASON_BYTES_MAX) {
        server_error(asking->client, asking->frame->tag, ERR_FORMAT, "the denial is not well formed");
        return;
    }
    if (!grantee_find(asking, denial.object_id, name, grantee)) return;
    readers_default(asking, denial.object_id, grantee);
    enum err err = OK;
    for (size_t i = 0; i < asking->reader_count && err == OK; i++) {
        struct permission_row row;
        struct buf text = {0};
        size_t at;
        if (!asked_find(engine, &row, &at, denial.object_id, grantee, asking->readers[i]) || row.state != PERMISSION_ASKED)
            continue;
        memcpy(denial.leaf, row.object.leaf, HASH_BYTES);
        memcpy(denial.reader, row.reader, AGENCY_ID_BYTES);
        err = permit_denial_encode(&text, &denial);
        if (err == OK) err = say(asking, PERMIT_DENY_TYPE, &text, grantee, TLP_RED);
        row_put(asking, grantee, row.reader, permission_state_name(PERMISSION_DENIED));
        row.state = PERMISSION_DENIED;
        row.reason = denial.reason;
        row.at_ms = clock_wall_ms();
        permission_keep(engine, asking->batch, at, grantee, &row);
    }
    if (err == OK && asking->row_count == 0)
        server_error(asking->client, asking->frame->tag, ERR_NOT_FOUND, "nothing of that waits for an answer");
    else
        finish(asking, denial.object_id, err);
}

/* --- list --- */

static void list_row(struct asking *asking, const struct permission_row *row) {
    struct buf *out = &asking->rows;
    pack_write_map(out, 9);
    dealings_agency(asking->engine, out, "agency", row->other);
    document_put_uint(out, "at_ms", row->at_ms);
    document_put_uint(out, "codes", row->codes);
    document_put_text(out, "direction", row->ours ? "asked of us" : "asked by us");
    document_put_string(out, "object", row->object.id);
    dealings_agency(asking->engine, out, "reader", row->reader);
    document_put_string(out, "reason", row->reason);
    document_put_text(out, "state", permission_state_name(row->state));
    document_put_uint(out, "until_ms", row->until_ms);
    asking->row_count++;
}

static void list(struct asking *asking) {
    const struct records *records = &asking->engine->dealings.permissions;
    struct buf document = {0};
    for (size_t i = 0; i < records->count && asking->rows.size < FRAME_BODY_BYTES_MAX - 16 * 1024; i++) {
        struct permission_row row;
        if (permission_row_read(&row, records_at(records, i))) list_row(asking, &row);
    }
    pack_write_map(&document, 2);
    document_put_uint(&document, "count", records->count);
    pack_write_str(&document, bytes_of_text("permissions"));
    pack_write_array(&document, asking->row_count);
    buf_put(&document, bytes_of_buf(&asking->rows));
    dealings_answer(asking->client, asking->frame, &document);
    buf_free(&document);
}

void permission_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct asking asking = {.engine = engine, .client = client, .frame = frame};
    struct pack_reader reader = pack_reader_of(frame->body);
    uint32_t fields = pack_read_array(&reader);
    uint64_t verb = pack_read_uint(&reader);
    asking.batch = store_batch_new(engine->store);
    if (!asking.batch)
        server_error(client, frame->tag, ERR_MEMORY, "out of memory");
    else if (verb == 1 && fields == 5)
        ask(&asking, &reader);
    else if (verb == 2 && fields == 6)
        grant(&asking, &reader);
    else if (verb == 3 && fields == 5)
        deny(&asking, &reader);
    else if (verb == 4 && fields == 1 && pack_done(&reader) == OK)
        list(&asking);
    else
        server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
    if (asking.batch) store_batch_free(asking.batch);
    buf_free(&asking.rows);
}
