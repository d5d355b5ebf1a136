#include "node/process/clock.h"
#include "node/engine/engine_core.h"
#include "node/formats/document_put.h"

#include <string.h>

/* Requests for information: asked of others and by others, with what became of them. Who is asked acknowledges by itself when the request
   has come; everything else is people's. */

#define ROW_FIELDS 8
#define EXPIRED_MS (30ull * 24 * 3600 * 1000) /* past the deadline: nobody waits for it any more */

/* Array of 8: of us bool, other bin 32, state uint, at uint, reason str, count of objects uint, their ids bin, the request's text bin. */
struct row {
    bool of_us;                     /* another asked us; false: we asked */
    uint8_t other[AGENCY_ID_BYTES]; /* who asked, or who was asked */
    enum inquiry_state state;
    uint64_t at_ms; /* when that was said */
    struct bytes reason;
    uint32_t object_count;
    struct bytes objects;
    struct bytes text;
    struct inquiry inquiry; /* what the text says */
};

static bool row_read(struct row *row, struct bytes value) {
    struct pack_reader reader = pack_reader_of(value);
    if (pack_read_array(&reader) != ROW_FIELDS) return false;
    row->of_us = pack_read_bool(&reader);
    struct bytes other = pack_read_bin(&reader);
    uint64_t state = pack_read_uint(&reader);
    row->at_ms = pack_read_uint(&reader);
    row->reason = pack_read_str(&reader);
    row->object_count = (uint32_t)pack_read_uint(&reader);
    row->objects = pack_read_bin(&reader);
    row->text = pack_read_bin(&reader);
    if (pack_done(&reader) != OK || other.size != AGENCY_ID_BYTES || state >= INQUIRY_STATES) return false;
    row->state = (enum inquiry_state)state;
    memcpy(row->other, other.data, AGENCY_ID_BYTES);
    return inquiry_decode(&row->inquiry, row->text) == OK;
}

/* What was answered or refused is over, and what nobody waits for any more. */
static bool may_go(struct bytes value) {
    struct row row;
    return !row_read(&row, value) || row.state >= INQUIRY_ANSWERED || clock_wall_ms() > row.inquiry.deadline_ms + EXPIRED_MS;
}

/* Over the row at `at`, or (SIZE_MAX) a new one that `cause` brought. */
static enum err row_keep(struct engine *engine, struct store_batch *batch, size_t at, const uint8_t *cause, const struct row *row) {
    struct records *records = &engine->dealings.inquiries;
    struct buf value = {0};
    pack_write_array(&value, ROW_FIELDS);
    pack_write_bool(&value, row->of_us);
    pack_write_bin(&value, bytes_of(row->other, AGENCY_ID_BYTES));
    pack_write_uint(&value, row->state);
    pack_write_uint(&value, row->at_ms);
    pack_write_str(&value, row->reason);
    pack_write_uint(&value, row->object_count);
    pack_write_bin(&value, row->objects);
    pack_write_bin(&value, row->text);
    enum err err = buf_result(&value);
    if (err == OK)
        err = at == SIZE_MAX ? records_add(records, batch, cause, bytes_of_buf(&value))
                             : records_change(records, batch, at, bytes_of_buf(&value));
    if (err == ERR_FULL && records_make_room(records, batch, cause, may_go))
        err = records_add(records, batch, cause, bytes_of_buf(&value));
    buf_free(&value);
    return err;
}

static size_t row_find(const struct engine *engine, struct row *row, const uint8_t *id) {
    const struct records *records = &engine->dealings.inquiries;
    for (size_t i = 0; i < records->count; i++)
        if (row_read(row, records_at(records, i)) && memcmp(row->inquiry.id, id, INQUIRY_ID_BYTES) == 0) return i;
    return SIZE_MAX;
}

/* --- statements --- */

static enum err news_say(struct engine *engine, struct store_batch *batch, const struct inquiry_news *news, const uint8_t *to) {
    struct buf text = {0};
    struct statement statement = {
        .type = INQUIRY_STATE_TYPE, .agencies = to, .agency_count = 1, .tlp = TLP_AMBER, .carriage = CARRIAGE_RELAY};
    enum err err = inquiry_news_encode(&text, news);
    statement.text = bytes_of_buf(&text);
    if (err == OK) err = statement_publish(engine, batch, &statement);
    buf_free(&text);
    return err;
}

void inquiry_take(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    struct row row = {.state = INQUIRY_SENT, .at_ms = seen->arrived_ms, .text = seen->item->text}, held;
    if (inquiry_decode(&row.inquiry, row.text) != OK) {
        engine->reader.blocks_bad++;
        return;
    }
    row.of_us = memcmp(seen->agency_id, engine->agency_id, AGENCY_ID_BYTES) != 0;
    if (row.of_us && memcmp(row.inquiry.asked, engine->agency_id, AGENCY_ID_BYTES) != 0) return;
    memcpy(row.other, row.of_us ? seen->agency_id : row.inquiry.asked, AGENCY_ID_BYTES);
    size_t at = row_find(engine, &held, row.inquiry.id);
    if (at != SIZE_MAX) {
        /* Ours, which is in the log now; another's id twice is a repetition, or somebody who guesses: the first one counts. */
        if (row.of_us || held.of_us || !inquiry_follows(held.state, INQUIRY_SENT)) return;
        held.state = INQUIRY_SENT;
        held.at_ms = seen->arrived_ms;
        dealings_kept(engine, seen->agency_id, row_keep(engine, batch, at, seen->agency_id, &held));
        return;
    }
    if (row.of_us) row.state = INQUIRY_ACKNOWLEDGED;
    enum err err = row_keep(engine, batch, SIZE_MAX, seen->agency_id, &row);
    dealings_kept(engine, seen->agency_id, err);
    if (err != OK || !row.of_us) return;
    struct inquiry_news news = {.state = INQUIRY_ACKNOWLEDGED, .at_ms = clock_wall_ms()};
    memcpy(news.id, row.inquiry.id, INQUIRY_ID_BYTES);
    err = news_say(engine, batch, &news, seen->agency_id);
    if (err != OK)
        engine_notice(engine, "a request of %s cannot be acknowledged: %s", engine_agency_name(engine, seen->agency_id),
                      err_text(err));
    engine_notice(engine, "%s asks for information; see `comity request list`", engine_agency_name(engine, seen->agency_id));
}

void inquiry_take_news(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen) {
    struct inquiry_news news;
    struct row row;
    if (inquiry_news_decode(&news, seen->item->text) != OK) {
        engine->reader.blocks_bad++;
        return;
    }
    size_t at = row_find(engine, &row, news.id);
    if (at == SIZE_MAX) return;
    /* Of ours who was asked speaks; of what we were asked, this agency's own nodes do. */
    const uint8_t *speaker = row.of_us ? engine->agency_id : row.other;
    if (memcmp(seen->agency_id, speaker, AGENCY_ID_BYTES) != 0 || !inquiry_follows(row.state, news.state)) return;
    row.state = news.state;
    row.at_ms = news.at_ms;
    row.reason = news.reason;
    row.object_count = news.object_count;
    row.objects = news.objects;
    dealings_kept(engine, seen->agency_id, row_keep(engine, batch, at, seen->agency_id, &row));
}

/* --- local clients --- */

struct asking {
    struct engine *engine;
    struct client *client;
    const struct frame *frame;
};

static void put_id(struct buf *out, const struct inquiry *inquiry) { document_put_hex(out, "id", inquiry->id, INQUIRY_ID_BYTES); }

static bool open_still(const struct row *row) { return row->state < INQUIRY_ANSWERED; }

static void answer_row(const struct asking *asking, const struct row *row, const char *other) {
    struct buf document = {0};
    pack_write_map(&document, 3);
    dealings_agency(asking->engine, &document, other, row->other);
    put_id(&document, &row->inquiry);
    document_put_text(&document, "state", inquiry_state_name(row->state));
    dealings_answer(asking->client, asking->frame, &document);
    buf_free(&document);
}

static void refuse(const struct asking *asking, enum err err, const char *text) {
    server_error(asking->client, asking->frame->tag, err, "%s", text);
}

/* The row and the statement in one batch. */
static enum err send_batch(struct engine *engine, const struct row *row, const struct statement *statement) {
    struct store_batch *batch = store_batch_new(engine->store);
    enum err err = batch ? statement_publish(engine, batch, statement) : ERR_MEMORY;
    if (err == OK) err = row_keep(engine, batch, SIZE_MAX, engine->agency_id, row);
    if (err == OK) {
        store_commit(engine->store, batch, 0);
        store_wait(engine->store);
    } else if (batch) {
        store_batch_free(batch);
    }
    return err;
}

static void send_new(const struct asking *asking, struct pack_reader *reader) {
    struct engine *engine = asking->engine;
    struct row row = {.state = INQUIRY_DRAFT, .at_ms = clock_wall_ms()};
    struct inquiry *inquiry = &row.inquiry;
    struct buf text = {0};
    struct bytes name = pack_read_str(reader);
    inquiry->kind = (uint8_t)pack_read_uint(reader);
    inquiry->urgency = (enum inquiry_urgency)pack_read_uint(reader);
    inquiry->asked_ms = row.at_ms;
    inquiry->deadline_ms = pack_read_uint(reader);
    inquiry->about = (enum inquiry_about)pack_read_uint(reader);
    inquiry->about_text = pack_read_str(reader);
    inquiry->legal_basis = pack_read_str(reader);
    inquiry->purpose = pack_read_str(reader);
    inquiry->text = pack_read_str(reader);
    if (pack_done(reader) != OK) {
        refuse(asking, ERR_FORMAT, "the request is not well formed");
        return;
    }
    if (!engine_agency_of_name(engine, name, inquiry->asked) || memcmp(inquiry->asked, engine->agency_id, AGENCY_ID_BYTES) == 0) {
        refuse(asking, ERR_DENIED, "a request goes to one agency that is pinned here; `comity trust list` shows who is");
        return;
    }
    if (inquiry->deadline_ms <= inquiry->asked_ms) {
        refuse(asking, ERR_DENIED, "the deadline has passed already: nothing was sent");
        return;
    }
    random_bytes(&engine->random, inquiry->id, INQUIRY_ID_BYTES);
    memcpy(row.other, inquiry->asked, AGENCY_ID_BYTES);
    struct statement statement = {
        .type = INQUIRY_TYPE, .agencies = inquiry->asked, .agency_count = 1, .tlp = TLP_AMBER, .carriage = CARRIAGE_RELAY};
    enum err err = inquiry_encode(&text, inquiry);
    row.text = statement.text = bytes_of_buf(&text);
    if (err == OK) err = send_batch(engine, &row, &statement);
    if (err == OK)
        answer_row(asking, &row, "asked");
    else
        server_error(asking->client, asking->frame->tag, err, "the request was not sent: %s", err_text(err));
    buf_free(&text);
}

/* Reads an id; false: it was answered. */
static bool id_find(const struct asking *asking, struct bytes text, struct row *row, size_t *at) {
    uint8_t id[INQUIRY_ID_BYTES];
    bool known = text.size == 2 * INQUIRY_ID_BYTES && hex_decode(id, INQUIRY_ID_BYTES, text);
    *at = known ? row_find(asking->engine, row, id) : SIZE_MAX;
    if (*at == SIZE_MAX) {
        refuse(asking, ERR_NOT_FOUND, "no request of that id is known here; `comity request list` shows them");
        return false;
    }
    if (!row->of_us) {
        refuse(asking, ERR_DENIED, "that request is this agency's own: who was asked answers it");
        return false;
    }
    if (!open_still(row)) {
        refuse(asking, ERR_DENIED, "that request was answered or refused already");
        return false;
    }
    return true;
}

static void asker(const struct asking *asking, struct pack_reader *reader) {
    struct row row;
    size_t at;
    struct bytes id = pack_read_str(reader);
    if (pack_done(reader) != OK)
        refuse(asking, ERR_FORMAT, "the question is not well formed");
    else if (id_find(asking, id, &row, &at))
        answer_row(asking, &row, "asker");
}

static void tell(const struct asking *asking, struct pack_reader *reader) {
    struct engine *engine = asking->engine;
    struct row row;
    size_t at;
    struct bytes id = pack_read_str(reader);
    uint64_t state = pack_read_uint(reader);
    struct inquiry_news news = {.at_ms = clock_wall_ms(), .reason = pack_read_str(reader)};
    news.object_count = pack_read_array(reader);
    news.objects = bytes_of(reader->cursor.at, reader->cursor.left); /* to the end: they are read when the news are encoded */
    if (pack_failed(reader) || state < INQUIRY_IN_WORK || state > INQUIRY_REFUSED) {
        refuse(asking, ERR_FORMAT, "the answer is not well formed");
        return;
    }
    if (!id_find(asking, id, &row, &at)) return;
    news.state = (enum inquiry_state)state;
    memcpy(news.id, row.inquiry.id, INQUIRY_ID_BYTES);
    if (!inquiry_follows(row.state, news.state)) {
        refuse(asking, ERR_DENIED, "that request is further already");
        return;
    }
    struct store_batch *batch = store_batch_new(engine->store);
    enum err err = batch ? news_say(engine, batch, &news, row.other) : ERR_MEMORY;
    if (err == OK) {
        row.state = news.state;
        row.at_ms = news.at_ms;
        row.reason = news.reason;
        row.object_count = news.object_count;
        row.objects = news.objects;
        err = row_keep(engine, batch, at, row.other, &row);
    }
    if (err == OK) {
        store_commit(engine->store, batch, 0);
        store_wait(engine->store);
        /* The row was written anew: what is answered is read from it. */
        if (row_read(&row, records_at(&engine->dealings.inquiries, at))) answer_row(asking, &row, "asker");
        return;
    }
    if (batch) store_batch_free(batch);
    server_error(asking->client, asking->frame->tag, err, "nothing was said to the asker: %s", err_text(err));
}

/* --- list --- */

static bool overdue(const struct row *row, uint64_t now_ms) { return open_still(row) && now_ms > row->inquiry.deadline_ms; }

static bool late(const struct row *row) {
    return (row->state == INQUIRY_ANSWERED || row->state == INQUIRY_PARTLY_ANSWERED) && row->at_ms > row->inquiry.deadline_ms;
}

size_t inquiry_overdue(const struct engine *engine, uint64_t now_ms) {
    const struct records *records = &engine->dealings.inquiries;
    size_t count = 0;
    for (size_t i = 0; i < records->count; i++) {
        struct row row;
        count += row_read(&row, records_at(records, i)) && overdue(&row, now_ms) && now_ms < row.inquiry.deadline_ms + EXPIRED_MS;
    }
    return count;
}

static void list_row(const struct asking *asking, struct buf *out, const struct row *row, uint64_t now_ms) {
    const struct inquiry *inquiry = &row->inquiry;
    bool expired = overdue(row, now_ms) && now_ms > inquiry->deadline_ms + EXPIRED_MS;
    struct bytes rest = row->objects, id;
    pack_write_map(out, 17);
    document_put_string(out, "about", inquiry->about_text);
    dealings_agency(asking->engine, out, "agency", row->other);
    document_put_uint(out, "asked_ms", inquiry->asked_ms);
    document_put_uint(out, "changed_ms", row->at_ms);
    document_put_uint(out, "deadline_ms", inquiry->deadline_ms);
    document_put_text(out, "direction", row->of_us ? "asked of us" : "asked by us");
    put_id(out, inquiry);
    document_put_text(out, "kind", inquiry_kind_name(inquiry->kind));
    document_put_bool(out, "late", late(row));
    document_put_string(out, "legal_basis", inquiry->legal_basis);
    pack_write_str(out, bytes_of_text("objects"));
    pack_write_array(out, row->object_count);
    while (inquiry_object_next(&rest, &id)) pack_write_str(out, id);
    document_put_bool(out, "overdue", overdue(row, now_ms));
    document_put_string(out, "purpose", inquiry->purpose);
    document_put_string(out, "reason", row->reason);
    document_put_text(out, "state", inquiry_state_name(expired ? INQUIRY_EXPIRED : row->state));
    document_put_string(out, "text", inquiry->text);
    document_put_text(out, "urgency", inquiry_urgency_name(inquiry->urgency));
}

static void list(const struct asking *asking) {
    const struct records *records = &asking->engine->dealings.inquiries;
    struct buf document = {0}, rows = {0};
    uint64_t now_ms = clock_wall_ms();
    uint32_t count = 0;
    for (size_t i = 0; i < records->count && rows.size < FRAME_BODY_BYTES_MAX - 128 * 1024; i++) {
        struct row row;
        if (!row_read(&row, records_at(records, i))) continue;
        list_row(asking, &rows, &row, now_ms);
        count++;
    }
    pack_write_map(&document, 3);
    document_put_uint(&document, "count", records->count);
    document_put_uint(&document, "overdue", inquiry_overdue(asking->engine, now_ms));
    pack_write_str(&document, bytes_of_text("requests"));
    pack_write_array(&document, count);
    buf_put(&document, bytes_of_buf(&rows));
    dealings_answer(asking->client, asking->frame, &document);
    buf_free(&document), buf_free(&rows);
}

void inquiry_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct asking asking = {engine, client, frame};
    struct pack_reader reader = pack_reader_of(frame->body);
    uint32_t fields = pack_read_array(&reader);
    uint64_t verb = pack_read_uint(&reader);
    if (verb == 1 && fields == 10)
        send_new(&asking, &reader);
    else if (verb == 2 && fields == 1 && pack_done(&reader) == OK)
        list(&asking);
    else if (verb == 3 && fields == 2)
        asker(&asking, &reader);
    else if (verb == 4 && fields == 5)
        tell(&asking, &reader);
    else
        refuse(&asking, ERR_FORMAT, "the question is not well formed");
}
