#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/sharing/shown.h"

#include <string.h>

/* Sightings: running totals, one row for each object, node and kind. What is counted here goes to the object's author alone. */

/* A row: array of 2: node bin 16, the text of its sighting bin. */
#define ROW_FIELDS 2

struct row {
    uint8_t node_id[NODE_ID_BYTES];
    struct sighting sighting;
};

static bool row_read(struct row *row, struct bytes value) {
    struct pack_reader reader = pack_reader_of(value);
    if (pack_read_array(&reader) != ROW_FIELDS) return false;
    struct bytes node = pack_read_bin(&reader), text = pack_read_bin(&reader);
    if (pack_done(&reader) != OK || node.size != NODE_ID_BYTES) return false;
    memcpy(row->node_id, node.data, NODE_ID_BYTES);
    return sighting_decode(&row->sighting, text) == OK;
}

static enum err row_write(struct buf *out, const uint8_t *node_id, const struct sighting *sighting) {
    struct buf text = {0};
    enum err err = sighting_encode(&text, sighting);
    pack_write_array(out, ROW_FIELDS);
    pack_write_bin(out, bytes_of(node_id, NODE_ID_BYTES));
    pack_write_bin(out, bytes_of_buf(&text));
    buf_free(&text);
    return err == OK ? buf_result(out) : err;
}

static bool same(const struct row *row, const uint8_t *node_id, const struct sighting *sighting) {
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
    struct row row;
    return row_read(&row, value) ? id_mark(row.sighting.object_id) : 0;
}

/* Any may go: the oldest object was seen first. */
static bool may_go(struct bytes value) { return value.size > 0; }

static size_t row_find(const struct records *records, struct row *row, const uint8_t *node_id, const struct sighting *sighting) {
    uint64_t mark = id_mark(sighting->object_id);
    for (size_t i = 0; i < records->count; i++)
        if (records->rows[i].mark == mark && row_read(row, records_at(records, i)) && same(row, node_id, sighting)) return i;
    return SIZE_MAX;
}

/* The larger total counts, in whatever order they come. */
static enum err row_keep(struct engine *engine, struct store_batch *batch, const uint8_t *agency_id, const uint8_t *node_id,
                         const struct sighting *sighting) {
    struct records *records = &engine->dealings.sightings;
    struct buf value = {0};
    struct row row;
    size_t at = row_find(records, &row, node_id, sighting);
    if (at != SIZE_MAX && row.sighting.total >= sighting->total) return OK;
    enum err err = row_write(&value, node_id, sighting);
    if (err == OK)
        err = at == SIZE_MAX ? records_add(records, batch, agency_id, bytes_of_buf(&value))
                             : records_change(records, batch, at, bytes_of_buf(&value));
    if (err == ERR_FULL && records_make_room(records, batch, agency_id, may_go))
        err = records_add(records, batch, agency_id, bytes_of_buf(&value));
    buf_free(&value);
    return err;
}

void sighting_take(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    struct sighting sighting;
    if (sighting_decode(&sighting, seen->item->text) != OK) {
        engine->reader.blocks_bad++;
        return;
    }
    /* To us of our objects; from a node of ours of anybody's. */
    bool ours = memcmp(seen->agency_id, engine->agency_id, AGENCY_ID_BYTES) == 0;
    if (!ours && memcmp(sighting.author, engine->agency_id, AGENCY_ID_BYTES) != 0) return;
    dealings_kept(engine, seen->agency_id, row_keep(engine, batch, seen->agency_id, seen->node_id, &sighting));
}

void sighting_totals(struct engine *engine, struct buf *out, const struct shown *shown) {
    const struct records *records = &engine->dealings.sightings;
    uint64_t totals[SIGHTING_KINDS] = {0}, agencies = 0, mark = id_mark(shown->item.id);
    for (size_t i = 0; i < records->count; i++) {
        struct row row, before;
        if (records->rows[i].mark != mark || !row_read(&row, records_at(records, i)) ||
            !bytes_equal(row.sighting.object_id, shown->item.id))
            continue;
        if (memcmp(row.sighting.author, shown->author, AGENCY_ID_BYTES) != 0) continue;
        totals[row.sighting.kind] += row.sighting.total;
        bool known = false;
        for (size_t j = 0; j < i && !known; j++)
            known = records->rows[j].mark == mark &&
                    memcmp(records->rows[j].agency_id, records->rows[i].agency_id, AGENCY_ID_BYTES) == 0 &&
                    row_read(&before, records_at(records, j)) && bytes_equal(before.sighting.object_id, row.sighting.object_id) &&
                    memcmp(before.sighting.author, row.sighting.author, AGENCY_ID_BYTES) == 0;
        agencies += !known;
    }
    pack_write_array(out, SIGHTING_KINDS + 1);
    for (size_t i = 0; i < SIGHTING_KINDS; i++) pack_write_uint(out, totals[i]);
    pack_write_uint(out, agencies);
}

/* --- a local client saw something --- */

/* The new total, in the row and on its way to the author, in one batch. */
static enum err count_up(struct engine *engine, struct sighting *sighting, uint64_t count, enum tlp tlp) {
    struct store_batch *batch = store_batch_new(engine->store);
    struct buf text = {0};
    struct row row;
    uint64_t now_ms = clock_wall_ms();
    size_t at = row_find(&engine->dealings.sightings, &row, engine->node_id, sighting);
    sighting->total = count + (at == SIZE_MAX ? 0 : row.sighting.total);
    sighting->first_ms = at == SIZE_MAX ? now_ms : row.sighting.first_ms;
    sighting->last_ms = now_ms > sighting->first_ms ? now_ms : sighting->first_ms;
    enum err err = batch ? sighting_encode(&text, sighting) : ERR_MEMORY;
    bool foreign = memcmp(sighting->author, engine->agency_id, AGENCY_ID_BYTES) != 0;
    struct statement statement = {.type = SIGHTING_TYPE,
                                  .text = bytes_of_buf(&text),
                                  .agencies = sighting->author,
                                  .agency_count = foreign,
                                  .tlp = tlp,
                                  .carriage = tlp >= TLP_AMBER_STRICT ? CARRIAGE_DIRECT : CARRIAGE_RELAY};
    if (err == OK) err = statement_publish(engine, batch, &statement);
    if (err == OK) err = row_keep(engine, batch, engine->agency_id, engine->node_id, sighting);
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
    struct pack_reader reader = pack_reader_of(frame->body);
    struct sighting sighting = {0};
    struct buf document = {0};
    uint8_t id[ITEM_ID_BYTES_MAX];
    uint32_t fields = pack_read_array(&reader);
    struct bytes asked = pack_read_str(&reader), author = pack_skip_nil(&reader) ? bytes_of(NULL, 0) : pack_read_str(&reader);
    uint64_t kind = pack_read_uint(&reader), count = pack_read_uint(&reader);
    if (pack_done(&reader) != OK || fields != 4 || kind >= SIGHTING_KINDS || count == 0 || count > SIGHTING_COUNT_MAX / 2) {
        server_error(client, frame->tag, ERR_FORMAT, "the sighting is not well formed");
        return;
    }
    if (!dealings_object(engine, client, frame, asked, author, &shown)) return;
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
    pack_write_map(&document, 4);
    dealings_agency(engine, &document, "author", sighting.author);
    dealings_text(&document, "kind", bytes_of_text(sighting_kind_name(sighting.kind)));
    dealings_text(&document, "object", sighting.object_id);
    dealings_uint(&document, "total", sighting.total);
    dealings_answer(client, frame, &document);
    buf_free(&document);
}
