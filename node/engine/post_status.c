#include "node/engine/post_status.h"

#include "node/formats/observable.h"
#include "node/formats/scoid.h"

#include <string.h>

#define VERSION       1
#define FIELDS        7
#define ROW_BYTES_MAX 20 /* beside its texts */

void post_status_write(struct buf *out, const struct post_status *status) {
    pack_write_array(out, FIELDS);
    pack_write_uint(out, VERSION);
    pack_write_bool(out, status->complete);
    pack_write_uint(out, status->asked_ms);
    pack_write_uint(out, status->total);
    pack_write_uint(out, status->successes);
    pack_write_uint(out, status->failures);
    pack_write_array(out, status->row_count);
}

size_t post_row_bytes_max(const struct post_row *row) {
    return ROW_BYTES_MAX + row->id.size + row->version.size + row->message.size;
}

void post_row_write(struct buf *out, const struct post_row *row) {
    pack_write_array(out, 3);
    pack_write_bin(out, row->id);
    pack_write_bin(out, row->version);
    if (row->refused)
        pack_write_bin(out, row->message);
    else
        pack_write_nil(out);
}

bool post_status_read(struct post_status *out, struct bytes document) {
    struct pack_reader reader = pack_reader_of(document);
    struct post_row row;
    *out = (struct post_status){0};
    if (pack_read_array(&reader) != FIELDS || pack_read_uint(&reader) != VERSION) return false;
    out->complete = pack_read_bool(&reader);
    out->asked_ms = pack_read_uint(&reader);
    out->total = pack_read_uint(&reader);
    out->successes = pack_read_uint(&reader);
    out->failures = pack_read_uint(&reader);
    out->row_count = pack_read_array(&reader);
    out->rows = reader;
    for (uint32_t i = 0; i < out->row_count; i++)
        if (!post_row_read(&row, &reader)) return false;
    return pack_done(&reader) == OK;
}

bool post_row_read(struct post_row *out, struct pack_reader *rows) {
    bool three = pack_read_array(rows) == 3;
    *out = (struct post_row){.id = pack_read_bin(rows)};
    out->version = pack_read_bin(rows);
    out->refused = !pack_skip_nil(rows);
    if (out->refused) out->message = pack_read_bin(rows);
    return three && !pack_failed(rows);
}

/* --- erasing --- */

static bool letter(uint8_t c) { return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c; }

/* Does `word` stand in the text, in either case, with no letter or digit around it? */
static bool holds(struct bytes text, struct bytes word) {
    for (size_t at = 0; word.size > 0 && at + word.size <= text.size; at++) {
        size_t same = 0, end = at + word.size;
        while (same < word.size && lower(text.data[at + same]) == lower(word.data[same])) same++;
        if (same < word.size) continue;
        if ((at == 0 || !letter(text.data[at - 1])) && (end == text.size || !letter(text.data[end]))) return true;
    }
    return false;
}

static bool row_names(const struct post_row *row, const struct post_subject *subject) {
    struct cursor ids = cursor_of(subject->ids);
    while (ids.left > 0) {
        struct bytes id = cursor_take(&ids, cursor_u16(&ids));
        if (ids.failed) return false;
        if (bytes_equal(row->id, id) || holds(row->message, id)) return true;
    }
    return false;
}

/* A refused object was never held: its id may be made of the value, and its reason may repeat it. */
static bool row_tells(const struct post_row *row, struct observable value) {
    char id[SCOID_BYTES_MAX];
    struct buf text = {0};
    if (value.kind == 0) return bytes_equal(row->id, value.value) || holds(row->message, value.value);
    if (scoid_of(id, value) && bytes_equal_text(row->id, id)) return true;
    observable_text(&text, value);
    bool told = text.failed || holds(row->message, bytes_of_buf(&text));
    buf_free(&text);
    return told;
}

static bool row_goes(const struct post_row *row, const struct post_subject *subject) {
    bool goes = row_names(row, subject);
    for (size_t i = 0; !goes && i < subject->value_count; i++) goes = row_tells(row, subject->values[i]);
    return goes;
}

uint64_t post_status_without(struct buf *out, struct bytes document, const struct post_subject *subject) {
    struct post_status status;
    struct post_row row;
    if (!post_status_read(&status, document)) return 0;
    uint32_t stay = 0;
    struct pack_reader rows = status.rows;
    for (uint32_t i = 0; i < status.row_count; i++) stay += post_row_read(&row, &rows) && !row_goes(&row, subject);
    uint64_t gone = status.row_count - stay;
    if (gone == 0) return 0;
    struct post_status kept = status;
    kept.row_count = stay;
    post_status_write(out, &kept);
    for (uint32_t i = 0; i < status.row_count; i++)
        if (post_row_read(&row, &status.rows) && !row_goes(&row, subject)) post_row_write(out, &row);
    return gone;
}
