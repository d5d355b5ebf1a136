#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/sharing/recipients.h"
#include "node/sharing/shown.h"
#include "node/sharing/sighting_row.h"
#include "node/formats/document_put.h"

#include <string.h>

#define SIGHTERS_MAX      1024 /* agencies whose words about one object are told apart */
#define SIGHTERS_TOLD_MAX 256  /* of them named to a client */

/* Sightings and opinions: running totals and last words, one row for each object, node and kind. What is said here goes to the object's
   author; the author's node tells the audience where the object's marks say so (sighting_tell.c). */

static bool row_is(const struct sighting_row *row, const uint8_t *node_id, const struct sighting *sighting) {
    return row->sighting.kind == sighting->kind && memcmp(row->node_id, node_id, NODE_ID_BYTES) == 0 &&
           memcmp(row->sighting.author, sighting->author, AGENCY_ID_BYTES) == 0 &&
           bytes_equal(row->sighting.object_id, sighting->object_id);
}

static uint64_t id_mark(struct bytes id) {
    uint64_t mark = 14695981039346656037u; /* FNV-1a: who makes ids collide slows down his own objects alone */
    for (size_t i = 0; i < id.size; i++) mark = (mark ^ id.data[i]) * 1099511628211u;
    return mark;
}

uint64_t sighting_mark(struct bytes value) {
    struct sighting_row row;
    return sighting_row_read(&row, value) ? id_mark(row.sighting.object_id) : 0;
}

/* Any may go: the oldest object was seen first. */
static bool may_go(struct bytes value) { return value.size > 0; }

static size_t row_find(const struct records *records, struct sighting_row *row, const uint8_t *node_id,
                       const struct sighting *sighting) {
    uint64_t mark = id_mark(sighting->object_id);
    for (size_t i = 0; i < records->count; i++)
        if (records->rows[i].mark == mark && sighting_row_read(row, records_at(records, i)) && row_is(row, node_id, sighting))
            return i;
    return SIZE_MAX;
}

/* Keeps what a node of `row->agency_id` said, unless the same or more is known. `cause` said it to this node. */
static enum err row_keep(struct engine *engine, struct store_batch *batch, const uint8_t *cause, struct sighting_row *row) {
    struct records *records = &engine->dealings.sightings;
    struct buf value = {0};
    struct sighting_row held;
    size_t at = row_find(records, &held, row->node_id, &row->sighting);
    if (at != SIZE_MAX && !sighting_follows(&held.sighting, &row->sighting)) return OK;
    /* Of own objects the audience may have to hear. */
    row->tell = memcmp(row->sighting.author, engine->agency_id, AGENCY_ID_BYTES) == 0;
    enum err err = sighting_row_write(&value, row);
    if (err == OK)
        err = at == SIZE_MAX ? records_add(records, batch, cause, bytes_of_buf(&value))
                             : records_change(records, batch, at, bytes_of_buf(&value));
    if (err == ERR_FULL && records_make_room(records, batch, cause, may_go))
        err = records_add(records, batch, cause, bytes_of_buf(&value));
    if (err == OK && row->tell) engine->dealings.telling = true;
    buf_free(&value);
    return err;
}

void sighting_take(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    struct sighting_row row = {0};
    if (sighting_decode(&row.sighting, seen->item->text) != OK) {
        engine->reader.blocks_bad++;
        return;
    }
    /* To us of our objects; from a node of ours of anybody's. */
    bool ours = memcmp(seen->agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0;
    if (!ours && memcmp(row.sighting.author, engine->agency_id, AGENCY_ID_BYTES) != 0) return;
    memcpy(row.node_id, seen->node_id, NODE_ID_BYTES);
    memcpy(row.agency_id, seen->agency_id, AGENCY_ID_BYTES);
    dealings_kept(engine, seen->agency_id, row_keep(engine, batch, seen->agency_id, &row));
}

void sighting_take_told(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    struct sighting_told told;
    struct sighting_row row = {0};
    if (sighting_told_decode(&told, seen->item->text) != OK) {
        engine->reader.blocks_bad++;
        return;
    }
    /* The author's word about its own object, and about others than us: what we said is known here, and at our other nodes. */
    if (memcmp(told.sighting.author, seen->agency_id, AGENCY_ID_BYTES) != 0) return;
    if (memcmp(seen->agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0) return;
    if (memcmp(told.agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0) return;
    row.sighting = told.sighting;
    memcpy(row.node_id, told.node_id, NODE_ID_BYTES);
    memcpy(row.agency_id, told.agency_id, AGENCY_ID_BYTES);
    dealings_kept(engine, seen->agency_id, row_keep(engine, batch, seen->agency_id, &row));
}

/* --- what is shown --- */

struct sighter {
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint64_t totals[SIGHTING_KINDS];
    uint64_t opinion, opinion_ms; /* 0: none */
};

struct sighters {
    struct sighter list[SIGHTERS_MAX];
    size_t count;
    uint64_t totals[SIGHTING_KINDS];
};

/* What the row's agency said is one with what its other nodes said. */
static void sighters_add(struct sighters *sighters, const struct sighting_row *row) {
    const struct sighting *sighting = &row->sighting;
    size_t at = 0;
    if (sighting->kind < SIGHTING_KINDS) sighters->totals[sighting->kind] += sighting->total;
    while (at < sighters->count && memcmp(sighters->list[at].agency_id, row->agency_id, AGENCY_ID_BYTES) != 0) at++;
    if (at == SIGHTERS_MAX) return;
    struct sighter *sighter = &sighters->list[at];
    if (at == sighters->count) {
        *sighter = (struct sighter){0};
        memcpy(sighter->agency_id, row->agency_id, AGENCY_ID_BYTES);
        sighters->count++;
    }
    if (sighting->kind < SIGHTING_KINDS)
        sighter->totals[sighting->kind] += sighting->total;
    else if (sighting->last_ms >= sighter->opinion_ms)
        sighter->opinion = sighting->total, sighter->opinion_ms = sighting->last_ms;
}

void sighting_totals(struct engine *engine, struct buf *out, const struct shown *shown) {
    static struct sighters sighters;
    const struct records *records = &engine->dealings.sightings;
    uint64_t mark = id_mark(shown->item.id);
    sighters.count = 0;
    memset(sighters.totals, 0, sizeof sighters.totals);
    for (size_t i = 0; i < records->count; i++) {
        struct sighting_row row;
        if (records->rows[i].mark != mark || !sighting_row_read(&row, records_at(records, i)) ||
            !bytes_equal(row.sighting.object_id, shown->item.id))
            continue;
        if (memcmp(row.sighting.author, shown->author, AGENCY_ID_BYTES) == 0) sighters_add(&sighters, &row);
    }
    pack_write_array(out, SIGHTING_KINDS + 2);
    for (size_t i = 0; i < SIGHTING_KINDS; i++) pack_write_uint(out, sighters.totals[i]);
    pack_write_uint(out, sighters.count);
    size_t told = sighters.count < SIGHTERS_TOLD_MAX ? sighters.count : SIGHTERS_TOLD_MAX;
    pack_write_array(out, (uint32_t)told);
    for (size_t i = 0; i < told; i++) {
        const struct sighter *sighter = &sighters.list[i];
        pack_write_array(out, SIGHTING_KINDS + 2);
        recipients_name_write(engine, out, sighter->agency_id);
        for (size_t kind = 0; kind < SIGHTING_KINDS; kind++) pack_write_uint(out, sighter->totals[kind]);
        pack_write_uint(out, sighter->opinion);
    }
}

/* --- a local client saw something --- */

/* The new total or opinion, in the row and on its way to the author, in one batch. */
static enum err count_up(struct engine *engine, struct sighting *sighting, uint64_t count, enum tlp tlp) {
    struct store_batch *batch = store_batch_new(engine->store);
    struct buf text = {0};
    struct sighting_row row = {0}, held;
    uint64_t now_ms = clock_wall_ms();
    size_t at = row_find(&engine->dealings.sightings, &held, engine->node_id, sighting);
    bool counted = sighting->kind != SIGHTING_OPINION;
    sighting->total = count + (at == SIZE_MAX || !counted ? 0 : held.sighting.total);
    sighting->first_ms = at == SIZE_MAX ? now_ms : held.sighting.first_ms;
    /* Of two opinions within a millisecond, and behind a clock that was set back, the later one counts. */
    sighting->last_ms = at == SIZE_MAX || now_ms > held.sighting.last_ms ? now_ms : held.sighting.last_ms + !counted;
    row.sighting = *sighting;
    memcpy(row.node_id, engine->node_id, NODE_ID_BYTES);
    memcpy(row.agency_id, engine->agency_id, AGENCY_ID_BYTES);
    enum err err = batch ? sighting_encode(&text, sighting) : ERR_MEMORY;
    bool foreign = memcmp(sighting->author, engine->agency_id, AGENCY_ID_BYTES) != 0;
    struct statement statement = {.type = SIGHTING_TYPE,
                                  .text = bytes_of_buf(&text),
                                  .agencies = sighting->author,
                                  .agency_count = foreign,
                                  .tlp = tlp,
                                  .carriage = tlp >= TLP_AMBER_STRICT ? CARRIAGE_DIRECT : CARRIAGE_RELAY};
    if (err == OK) err = statement_publish(engine, batch, &statement);
    if (err == OK) err = row_keep(engine, batch, engine->agency_id, &row);
    if (err == OK) {
        store_commit(engine->store, batch, 0);
        store_wait(engine->store);
    } else if (batch) {
        store_batch_free(batch);
    }
    buf_free(&text);
    return err;
}

void sighting_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    static struct shown shown;
    static struct marks marks;
    struct pack_reader reader = pack_reader_of(frame->body);
    struct sighting sighting = {0};
    struct buf document = {0};
    uint8_t id[ITEM_ID_BYTES_MAX];
    uint32_t fields = pack_read_array(&reader);
    struct bytes asked = pack_read_str(&reader), author = pack_skip_nil(&reader) ? bytes_of(NULL, 0) : pack_read_str(&reader);
    uint64_t kind = pack_read_uint(&reader), count = pack_read_uint(&reader);
    bool opinion = kind == SIGHTING_OPINION;
    if (pack_done(&reader) != OK || fields != 4 || kind > SIGHTING_OPINION || count == 0 || count > SIGHTING_COUNT_MAX / 2 ||
        (opinion && !opinion_name(count))) {
        server_error(client, frame->tag, ERR_FORMAT, "the sighting is not well formed");
        return;
    }
    if (!dealings_object(engine, client, frame, asked, author, &shown)) return;
    enum sightings_to to = marks_decode(&marks, shown.item.marks) == OK ? marks.sightings : SIGHTINGS_TO_AUTHOR;
    memcpy(id, shown.item.id.data, shown.item.id.size);
    sighting.object_id = bytes_of(id, shown.item.id.size);
    sighting.kind = (enum sighting_kind)kind;
    memcpy(sighting.author, shown.author, AGENCY_ID_BYTES);
    enum err err = count_up(engine, &sighting, count, shown.item.tlp);
    if (err == ERR_RANGE) {
        server_error(client, frame->tag, err, "the count would be too large");
        return;
    }
    if (err != OK) {
        server_error(client, frame->tag, err, "the sighting was not taken: %s", err_text(err));
        return;
    }
    pack_write_map(&document, 5);
    dealings_agency(engine, &document, "author", sighting.author);
    document_put_text(&document, "kind", opinion ? "opinion" : sighting_kind_name(sighting.kind));
    document_put_string(&document, "object", sighting.object_id);
    document_put_text(&document, "to", sightings_to_name(to));
    if (opinion)
        document_put_text(&document, "opinion", opinion_name(sighting.total));
    else
        document_put_uint(&document, "total", sighting.total);
    dealings_answer(client, frame, &document);
    buf_free(&document);
}
