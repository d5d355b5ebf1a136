#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/policy/policy_context.h"
#include "node/sharing/recipients.h"
#include "node/sharing/shown.h"
#include "node/sharing/sighting_row.h"

#include <stdlib.h>
#include <string.h>

/* What readers said of an own object goes on to its other readers, where the object's marks say so: only its author knows who they are, and
   asks the policy of each, as it stands now. Counts that come close together are told together. Nothing is said of who is none of those
   readers: that it has the object is between it and who gave it. PROTOCOL.md 5.11 */

#define TELL_EVERY_MS 1000
#define TELL_MAX      64 /* rows in one go */

struct telling {
    struct engine *engine;
    struct shown shown; /* the newest version of the object */
    struct marks marks;
    struct buf readers; /* agency ids of all to whom this node published it, and that may have it today */
    struct buf id;
};

static void reader_add(struct telling *telling, const uint8_t *agency_id) {
    for (size_t at = 0; at < telling->readers.size; at += AGENCY_ID_BYTES)
        if (memcmp(telling->readers.data + at, agency_id, AGENCY_ID_BYTES) == 0) return;
    buf_put_raw(&telling->readers, agency_id, AGENCY_ID_BYTES);
}

/* The agencies whose nodes could read a block of this node. */
static void block_readers(struct telling *telling, uint64_t seq) {
    struct engine *engine = telling->engine;
    struct buf nodes = {0};
    struct gossip_log_view log;
    if (recall_block_readers(engine, seq, &nodes) == OK)
        for (size_t at = 0; at + NODE_ID_BYTES <= nodes.size; at += NODE_ID_BYTES)
            if (gossip_log_find(engine->gossip, nodes.data + at, &log)) reader_add(telling, log.agency_id);
    buf_free(&nodes);
}

static bool may_have(struct telling *telling, const uint8_t *agency_id) {
    static struct policy_facts facts;
    static struct verdict verdict;
    const struct item *item = &telling->shown.item;
    struct policy_object object = {
        .tlp = item->tlp, .valid_until_ms = item->valid_until_ms, .id = item->id, .type = item->type, .marks = &telling->marks};
    policy_context_fill(&facts, telling->engine, POLICY_PUBLISH, agency_id);
    policy_decide(&verdict, &object, &facts.reader, &facts.context);
    return verdict.allow;
}

/* Where else it stands in own pages. */
static void copies_look(struct telling *telling) {
    static struct item item;
    struct engine *engine = telling->engine;
    uint64_t *cursors;
    size_t count;
    enum err err = store_find_id_all(engine->store, bytes_of_buf(&telling->id), &cursors, &count);
    for (size_t i = 0; err == OK && i < count; i++) {
        struct page_head head;
        struct bytes encoded;
        if (store_item(engine->store, cursors[i], &head, &item, &encoded) != OK) continue;
        bool own = memcmp(head.node_id, engine->node_id, NODE_ID_BYTES) == 0;
        if (own && bytes_equal(item.id, bytes_of_buf(&telling->id)) && !statement_is(item.type)) block_readers(telling, head.seq);
    }
    free(cursors);
}

/* Finds the object and who may hear; false: nobody. */
static bool object_find(struct telling *telling, struct bytes id) {
    struct engine *engine = telling->engine;
    struct buf allowed = {0};
    buf_clear(&telling->id), buf_clear(&telling->readers);
    buf_put(&telling->id, id);
    if (telling->id.failed) return false;
    copies_look(telling);
    if (shown_newest(engine, &telling->shown, bytes_of_buf(&telling->id), engine->agency_id) != OK || telling->shown.via ||
        memcmp(telling->shown.head.node_id, engine->node_id, NODE_ID_BYTES) != 0)
        return false;
    if (marks_decode(&telling->marks, telling->shown.item.marks) != OK || telling->marks.sightings != SIGHTINGS_TO_AUDIENCE)
        return false;
    for (size_t at = 0; at < telling->readers.size; at += AGENCY_ID_BYTES) {
        const uint8_t *agency_id = telling->readers.data + at;
        if (memcmp(agency_id, engine->agency_id, AGENCY_ID_BYTES) != 0 && may_have(telling, agency_id))
            buf_put_raw(&allowed, agency_id, AGENCY_ID_BYTES);
    }
    buf_free(&telling->readers);
    telling->readers = allowed;
    return allowed.size > 0 && !allowed.failed;
}

/* The readers but for the one that said it; false: that one is none of them. */
static bool others_of(struct telling *telling, const uint8_t *agency_id, struct buf *others) {
    bool reader = memcmp(agency_id, telling->engine->agency_id, AGENCY_ID_BYTES) == 0;
    for (size_t at = 0; at < telling->readers.size; at += AGENCY_ID_BYTES) {
        bool itself = memcmp(telling->readers.data + at, agency_id, AGENCY_ID_BYTES) == 0;
        reader = reader || itself;
        if (!itself) buf_put_raw(others, telling->readers.data + at, AGENCY_ID_BYTES);
    }
    return reader && others->size > 0;
}

static enum err row_tell(struct telling *telling, struct store_batch *batch, const struct sighting_row *row) {
    struct sighting_told told = {.sighting = row->sighting};
    struct buf text = {0}, others = {0};
    memcpy(told.agency_id, row->agency_id, AGENCY_ID_BYTES);
    memcpy(told.node_id, row->node_id, NODE_ID_BYTES);
    enum err err = OK;
    if (object_find(telling, row->sighting.object_id) && others_of(telling, row->agency_id, &others)) {
        enum tlp tlp = telling->shown.item.tlp;
        struct statement statement = {.type = SIGHTING_TOLD_TYPE, .tlp = tlp, .agencies = others.data};
        statement.agency_count = others.size / AGENCY_ID_BYTES;
        statement.carriage = tlp >= TLP_AMBER_STRICT ? CARRIAGE_DIRECT : CARRIAGE_RELAY;
        statement.valid_until_ms = expiry_end_ms(&telling->shown.item);
        err = sighting_told_encode(&text, &told);
        statement.text = bytes_of_buf(&text);
        if (err == OK) err = recipients_say(telling->engine, batch, &statement);
    }
    buf_free(&text), buf_free(&others);
    return err;
}

/* Tells of the rows that wait; true: of all of them. */
static bool rows_tell(struct telling *telling, struct store_batch *batch) {
    struct records *records = &telling->engine->dealings.sightings;
    size_t told = 0;
    for (size_t i = 0; i < records->count; i++) {
        struct sighting_row row;
        struct buf value = {0};
        if (!sighting_row_read(&row, records_at(records, i)) || !row.tell) continue;
        if (told++ == TELL_MAX) return false;
        enum err err = row_tell(telling, batch, &row);
        if (err == ERR_FULL) return false; /* once there is room for statements */
        row.tell = false;
        if (err == OK) err = sighting_row_write(&value, &row);
        if (err == OK) err = records_change(records, batch, i, bytes_of_buf(&value));
        buf_free(&value);
        if (err != OK) {
            engine_fail(telling->engine, 5, "a sighting cannot be told: %s", err_text(err));
            return false;
        }
    }
    return true;
}

void sightings_pump(struct engine *engine) {
    struct dealings *dealings = &engine->dealings;
    uint64_t now_ms = clock_monotonic_ms();
    if (!dealings->telling) return;
    if (now_ms >= dealings->tell_due_ms && store_terms_ready(engine->store)) {
        struct telling *telling = calloc(1, sizeof *telling);
        struct store_batch *batch = telling ? store_batch_new(engine->store) : NULL;
        if (batch) {
            telling->engine = engine;
            dealings->telling = !rows_tell(telling, batch);
            store_commit(engine->store, batch, 0);
        }
        if (telling) buf_free(&telling->readers), buf_free(&telling->id);
        free(telling);
        dealings->tell_due_ms = now_ms + TELL_EVERY_MS;
    }
    if (dealings->telling && engine->recalls.due_ms > dealings->tell_due_ms) engine->recalls.due_ms = dealings->tell_due_ms;
}
