#include "node/engine/kept.h"

#include "node/engine/engine_core.h"
#include "node/process/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In meta: "secret/post/UUID" -> u64 asked_ms, u8 length and the user's name, the document. */
#define PREFIX           "secret/post/"
#define KEY_BYTES        (sizeof PREFIX + UUID_CHARS)
#define ERASED_BYTES_MAX (1024 * 1024)         /* of subjects that wait for posts; beyond, those posts tell of no single object */
#define AHEAD_MS         (24ull * 3600 * 1000) /* a clock that was set back makes no document live for ever */

static void key_of(char out[static KEY_BYTES], const char *id) { snprintf(out, KEY_BYTES, PREFIX "%s", id); }

static struct kept_row *row_of(struct kept *kept, const char *id) {
    for (size_t i = 0; i < kept->count; i++)
        if (strcmp(kept->rows[i].id, id) == 0) return &kept->rows[i];
    return NULL;
}

/* The row by this id, a new one if need be. Null: there is no room. */
static struct kept_row *row_place(struct kept *kept, const char *id, size_t bytes) {
    struct kept_row *row = row_of(kept, id);
    uint64_t before = row ? row->bytes : 0;
    if (kept->bytes - before + bytes > CONTROL_KEPT_ALL_MAX || (!row && kept->count == CONTROL_KEPT_MAX)) return NULL;
    if (!kept->rows) kept->rows = calloc(CONTROL_KEPT_MAX, sizeof *kept->rows);
    if (!kept->rows) return NULL;
    if (!row) {
        row = &kept->rows[kept->count++];
        *row = (struct kept_row){0};
        memcpy(row->id, id, strlen(id) + 1);
    }
    kept->bytes += bytes - before;
    row->bytes = (uint32_t)bytes;
    return row;
}

static bool row_load(void *context, const char *key, struct bytes value) {
    struct kept *kept = context;
    const char *id = key + sizeof PREFIX - 1;
    struct cursor in = cursor_of(value);
    uint64_t asked_ms = cursor_u64(&in);
    if (in.failed || !uuid_valid(bytes_of_text(id))) return true;
    struct kept_row *row = row_place(kept, id, value.size);
    if (row) row->asked_ms = asked_ms;
    return row != NULL;
}

enum err kept_load(struct engine *engine) { return store_meta_each(engine->store, PREFIX, row_load, &engine->kept); }

void kept_free(struct engine *engine) {
    free(engine->kept.rows);
    buf_free(&engine->kept.erased);
    engine->kept = (struct kept){0};
}

/* --- posts that are under way --- */

static void row_open(struct kept *kept, struct kept_row *row) {
    row->open = true, row->mute = false;
    row->erased_from = kept->erased.size;
    kept->open_count++;
}

static void row_close(struct kept *kept, struct kept_row *row) {
    if (!row->open) return;
    row->open = false;
    if (--kept->open_count == 0) buf_clear(&kept->erased);
}

void kept_forget(struct engine *engine, uint64_t now_ms) {
    struct kept *kept = &engine->kept;
    struct store_batch *batch = NULL;
    for (size_t i = kept->count; i-- > 0;) {
        uint64_t asked_ms = kept->rows[i].asked_ms;
        if (asked_ms < now_ms + AHEAD_MS && (asked_ms > now_ms || now_ms - asked_ms < CONTROL_KEPT_MS)) continue;
        char key[KEY_BYTES];
        if (!batch) batch = store_batch_new(engine->store);
        if (!batch) return; /* without memory they stay a minute longer */
        key_of(key, kept->rows[i].id);
        store_batch_meta_delete(batch, key);
        kept->bytes -= kept->rows[i].bytes;
        row_close(kept, &kept->rows[i]);
        kept->rows[i] = kept->rows[--kept->count];
    }
    if (batch) store_commit(engine->store, batch, 0);
}

/* --- erasing --- */

/* A stored document without the subject's rows. ERR_NOT_FOUND: it is as it was. */
static enum err document_without(struct buf *out, struct bytes value, const struct post_subject *subject, uint64_t *rows) {
    struct cursor in = cursor_of(value);
    cursor_u64(&in);
    cursor_take(&in, cursor_u8(&in));
    if (in.failed) return ERR_NOT_FOUND;
    buf_put_raw(out, value.data, value.size - in.left);
    *rows = post_status_without(out, bytes_of(in.at, in.left), subject);
    return *rows == 0 ? ERR_NOT_FOUND : buf_result(out);
}

/* For the posts that are under way. */
static void subject_note(struct kept *kept, const struct post_subject *subject) {
    struct buf *erased = &kept->erased;
    size_t before = erased->size;
    if (kept->open_count == 0) return;
    buf_put_u16(erased, (uint16_t)subject->value_count);
    for (size_t i = 0; i < subject->value_count; i++) {
        buf_put_u8(erased, (uint8_t)subject->values[i].kind);
        buf_put_u16(erased, (uint16_t)subject->values[i].value.size);
        buf_put(erased, subject->values[i].value);
    }
    buf_put_u32(erased, (uint32_t)subject->ids.size);
    buf_put(erased, subject->ids);
    if (!erased->failed && erased->size <= ERASED_BYTES_MAX) return;
    for (size_t i = 0; i < kept->count; i++) kept->rows[i].mute |= kept->rows[i].open;
    erased->size = before;
    erased->failed = erased->memory_failed = false;
}

/* False: there is none behind. */
static bool subject_next(struct cursor *in, struct post_subject *out, struct observable values[static POST_SUBJECT_VALUES_MAX]) {
    if (in->left == 0) return false;
    *out = (struct post_subject){.values = values, .value_count = cursor_u16(in)};
    for (size_t i = 0; i < out->value_count && i < POST_SUBJECT_VALUES_MAX && !in->failed; i++) {
        values[i].kind = (enum observable_kind)cursor_u8(in);
        values[i].value = cursor_take(in, cursor_u16(in));
    }
    out->ids = cursor_take(in, cursor_u32(in));
    return !in->failed && out->value_count <= POST_SUBJECT_VALUES_MAX;
}

/* What became of a post, without what was erased since it began. */
static void final_write(struct kept *kept, const struct kept_row *row, struct bytes document, struct buf *out) {
    struct observable values[POST_SUBJECT_VALUES_MAX];
    struct cursor in = cursor_of(bytes_of(kept->erased.data + row->erased_from, kept->erased.size - row->erased_from));
    struct post_subject subject;
    struct post_status status;
    buf_put(out, document);
    while (subject_next(&in, &subject, values)) {
        struct buf less = {0};
        if (post_status_without(&less, bytes_of_buf(out), &subject) > 0) {
            buf_free(out);
            *out = less;
        } else {
            buf_free(&less);
        }
    }
    bool muted = row->mute || in.failed || in.left > 0;
    if (!muted || !post_status_read(&status, document)) return;
    status.row_count = 0;
    buf_clear(out);
    post_status_write(out, &status);
}

enum err kept_erase(struct engine *engine, struct store_batch *batch, const struct post_subject *subject, uint64_t *rows) {
    struct kept *kept = &engine->kept;
    struct buf value = {0}, changed = {0};
    enum err err = OK;
    *rows = 0;
    subject_note(kept, subject);
    for (size_t i = 0; i < kept->count && err == OK; i++) {
        char key[KEY_BYTES];
        uint64_t gone = 0;
        key_of(key, kept->rows[i].id);
        buf_clear(&value), buf_clear(&changed);
        err = store_meta(engine->store, key, &value);
        if (err == OK) err = document_without(&changed, bytes_of_buf(&value), subject, &gone);
        if (err == OK) {
            store_batch_meta(batch, key, bytes_of_buf(&changed));
            kept->bytes -= kept->rows[i].bytes - changed.size;
            kept->rows[i].bytes = (uint32_t)changed.size;
            *rows += gone;
        }
        if (err == ERR_NOT_FOUND) err = OK;
    }
    store_batch_erase_between(batch, PREFIX, PREFIX "~"); /* those that were forgotten since, too */
    buf_free(&value), buf_free(&changed);
    return err;
}

/* --- questions --- */

static bool text_take(char *out, size_t size, struct bytes text) {
    if (text.size == 0 || text.size >= size || memchr(text.data, 0, text.size)) return false;
    memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return true;
}

static void malformed(struct client *client, const struct frame *frame) {
    server_error(client, frame->tag, ERR_FORMAT, "the question is not well formed");
}

/* The user's name and the number. */
static bool which_read(struct pack_reader *reader, struct bytes *who, char id[static UUID_CHARS + 1]) {
    *who = pack_read_str(reader);
    struct bytes number = pack_read_str(reader);
    return !pack_failed(reader) && who->size > 0 && who->size <= TOKENS_NAME_BYTES_MAX && uuid_valid(number) &&
           text_take(id, UUID_CHARS + 1, number);
}

static bool document_put(struct engine *engine, const char *id, struct bytes value, uint64_t ticket) {
    char key[KEY_BYTES];
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) return false;
    key_of(key, id);
    store_batch_meta(batch, key, value);
    store_commit(engine->store, batch, LEDGER_TICKET | ticket);
    return true;
}

void kept_put(struct engine *engine, struct client *client, const struct frame *frame) {
    char id[UUID_CHARS + 1];
    struct bytes who;
    struct pack_reader reader = pack_reader_of(frame->body);
    bool good = pack_read_array(&reader) == 4 && which_read(&reader, &who, id);
    uint64_t asked_ms = good ? pack_read_uint(&reader) : 0;
    struct bytes document = good ? pack_read_bin(&reader) : bytes_of(NULL, 0);
    if (!good || pack_done(&reader) != OK || document.size > CONTROL_KEPT_BYTES_MAX) {
        malformed(client, frame);
        return;
    }
    struct buf value = {0}, final = {0};
    struct kept_row *before = row_of(&engine->kept, id);
    if (before && before->open) {
        final_write(&engine->kept, before, document, &final);
        document = bytes_of_buf(&final);
        row_close(&engine->kept, before);
    }
    buf_put_u64(&value, asked_ms);
    buf_put_u8(&value, (uint8_t)who.size);
    buf_put(&value, who);
    buf_put(&value, document);
    struct kept_row *row = value.failed || final.failed ? NULL : row_place(&engine->kept, id, value.size);
    if (row && !before) row_open(&engine->kept, row);
    if (!row) {
        server_error(client, frame->tag, ERR_FULL, "what became of %d posts is kept already", CONTROL_KEPT_MAX);
    } else {
        row->asked_ms = asked_ms;
        client->kept_ticket = ++engine->ledger.tickets;
        client->kept_tag = frame->tag;
        if (!document_put(engine, id, bytes_of_buf(&value), client->kept_ticket))
            engine_fail(engine, 5, "out of memory for what became of a post");
    }
    buf_free(&final);
    buf_free(&value);
}

void kept_stored(struct engine *engine, uint64_t ticket) {
    static const uint8_t nothing = 0x90; /* an empty array */
    if (ticket >> 61 != 1) return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &engine->clients[i];
        if (!client->used || client->kept_ticket == 0 || client->kept_ticket > (ticket & ~LEDGER_TICKET)) continue;
        server_answer(client, FRAME_ANSWER_DONE, client->kept_tag, bytes_of(&nothing, 1));
        client->kept_ticket = 0;
    }
}

void kept_get(struct engine *engine, struct client *client, const struct frame *frame) {
    static const uint8_t nothing = 0x90;
    char id[UUID_CHARS + 1], key[KEY_BYTES];
    struct bytes who;
    struct buf value = {0}, body = {0};
    struct pack_reader reader = pack_reader_of(frame->body);
    if (pack_read_array(&reader) != 2 || !which_read(&reader, &who, id) || pack_done(&reader) != OK) {
        malformed(client, frame);
        return;
    }
    key_of(key, id);
    bool found = row_of(&engine->kept, id) && store_meta(engine->store, key, &value) == OK;
    struct cursor in = cursor_of(bytes_of_buf(&value));
    cursor_u64(&in);
    struct bytes whose = cursor_take(&in, cursor_u8(&in));
    if (!found || in.failed || !bytes_equal(whose, who)) {
        server_error(client, frame->tag, ERR_NOT_FOUND, "nothing is kept of this post");
    } else {
        pack_write_array(&body, 1);
        pack_write_bin(&body, bytes_of(in.at, in.left));
        server_answer(client, FRAME_ANSWER_KEPT, frame->tag, bytes_of_buf(&body));
        server_answer(client, FRAME_ANSWER_DONE, frame->tag, bytes_of(&nothing, 1));
    }
    buf_free(&value);
    buf_free(&body);
}
