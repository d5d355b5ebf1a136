/* document: the MessagePack documents that the engine answers with, as JSON and as text for people. */
#include "node/formats/document.h"

#include "node/process/log.h"
#include "node/formats/moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX   16
#define ROWS_MAX      1024
#define CELL_MAX      160
#define KEY_TIMES_MAX 64

enum kind { KIND_BAD, KIND_NIL, KIND_BOOL, KIND_UINT, KIND_STR, KIND_BIN, KIND_ARRAY, KIND_MAP };

/* By the first byte (MessagePack specification); the reader then checks that the form is the shortest. */
static enum kind kind_next(const struct pack_reader *reader) {
    if (pack_failed(reader) || reader->cursor.left == 0) return KIND_BAD;
    uint8_t first = *reader->cursor.at;
    if (first <= 0x7f || (first >= 0xcc && first <= 0xcf)) return KIND_UINT;
    if (first <= 0x8f || first == 0xde || first == 0xdf) return KIND_MAP;
    if (first <= 0x9f || first == 0xdc || first == 0xdd) return KIND_ARRAY;
    if (first <= 0xbf || (first >= 0xd9 && first <= 0xdb)) return KIND_STR;
    if (first == 0xc0) return KIND_NIL;
    if (first == 0xc2 || first == 0xc3) return KIND_BOOL;
    return first >= 0xc4 && first <= 0xc6 ? KIND_BIN : KIND_BAD;
}

/* The names of times end in _ms and hold ms since 1970, 0 for none; the round trip is the one duration among them. */
static bool is_time(struct bytes key) {
    return key.size > 3 && memcmp(key.data + key.size - 3, "_ms", 3) == 0 && !bytes_equal_text(key, "rtt_ms");
}

/* A time is shown as a date, so its name goes without the unit. */
static struct bytes name_shown(struct bytes key) { return is_time(key) ? bytes_of(key.data, key.size - 3) : key; }

static void json_time(struct json_out *json, uint64_t ms) { ms > 0 ? json_out_time(json, ms) : json_out_null(json); }

/* A key of a map. Is its value a time, or a list of them, it is written as well, and true returned. */
static bool pack_key(struct json_out *json, struct pack_reader *reader) {
    struct bytes key = pack_read_str(reader);
    enum kind kind = kind_next(reader);
    char name[KEY_TIMES_MAX + sizeof "_times"];
    bool time = is_time(key) && kind == KIND_UINT, times = is_time(key) && kind == KIND_ARRAY && key.size <= KEY_TIMES_MAX;
    struct bytes shown = time || times ? name_shown(key) : key;
    if (times) snprintf(name, sizeof name, "%.*s_times", (int)shown.size, (const char *)shown.data);
    json_out_string(json, times ? bytes_of_text(name) : shown);
    buf_put_u8(json->out, ':');
    json->comma = false;
    if (time) json_time(json, pack_read_uint(reader));
    if (!times) return time;
    uint32_t count = pack_read_array(reader);
    json_out_array(json);
    for (uint32_t i = 0; i < count && !pack_failed(reader); i++) json_time(json, pack_read_uint(reader));
    json_out_array_end(json);
    return true;
}

static enum err pack_value(struct json_out *json, struct pack_reader *reader, unsigned depth) {
    enum kind kind = kind_next(reader);
    if (kind == KIND_BAD || depth > DOCUMENT_DEPTH_MAX) return ERR_FORMAT;
    if (kind == KIND_NIL) {
        pack_read_nil(reader);
        json_out_null(json);
    } else if (kind == KIND_BOOL) {
        json_out_bool(json, pack_read_bool(reader));
    } else if (kind == KIND_UINT) {
        json_out_uint(json, pack_read_uint(reader));
    } else if (kind == KIND_STR) {
        json_out_string(json, pack_read_str(reader));
    } else if (kind == KIND_BIN) {
        json_out_hex(json, pack_read_bin(reader));
    } else {
        bool map = kind == KIND_MAP;
        uint32_t count = map ? pack_read_map(reader) : pack_read_array(reader);
        map ? json_out_object(json) : json_out_array(json);
        for (uint32_t i = 0; i < count && !pack_failed(reader); i++) {
            if (map && pack_key(json, reader)) continue;
            enum err err = pack_value(json, reader, depth + 1);
            if (err != OK) return err;
        }
        map ? json_out_object_end(json) : json_out_array_end(json);
    }
    return pack_failed(reader) ? ERR_FORMAT : OK;
}

enum err document_json(struct json_out *json, struct pack_reader *reader) { return pack_value(json, reader, 1); }

/* --- for people --- */

static void put_uint(struct buf *out, struct bytes key, uint64_t value) {
    char text[MOMENT_TEXT_BYTES];
    if (!is_time(key)) {
        buf_put_format(out, "%" PRIu64, value);
        return;
    }
    if (value > 0) moment_text(text, value);
    buf_put_text(out, value > 0 ? text : "-");
}

static void put_safe(struct buf *out, struct bytes text) {
    char safe[CELL_MAX * 4];
    log_escape(safe, sizeof safe, text);
    buf_put_text(out, safe);
}

static void put_scalar(struct buf *out, struct pack_reader *reader, struct bytes key) {
    enum kind kind = kind_next(reader);
    if (kind == KIND_NIL) {
        pack_read_nil(reader);
        buf_put_text(out, "-");
    } else if (kind == KIND_BOOL) {
        buf_put_text(out, pack_read_bool(reader) ? "yes" : "no");
    } else if (kind == KIND_UINT) {
        put_uint(out, key, pack_read_uint(reader));
    } else if (kind == KIND_STR) {
        put_safe(out, pack_read_str(reader));
    } else {
        struct bytes value = pack_read_bin(reader);
        for (size_t i = 0; i < value.size && i < 32; i++) buf_put_format(out, "%02x", value.data[i]);
    }
}

static bool is_scalar(enum kind kind) { return kind >= KIND_NIL && kind <= KIND_BIN; }

static void put_indent(struct buf *out, unsigned depth) {
    for (unsigned i = 0; i < depth; i++) buf_put_text(out, "  ");
}

/* A table whose cells are cut to what is there; the first row's keys are the head. */
struct table {
    char cells[COLUMNS_MAX][CELL_MAX];
    size_t widths[COLUMNS_MAX];
    size_t columns;
};

/* Reads one flat map into a row; with `heads` its keys. False: it is not flat, or too wide. */
static bool row_read(struct table *table, struct pack_reader *reader, bool heads) {
    if (kind_next(reader) != KIND_MAP) return false;
    uint32_t count = pack_read_map(reader);
    if (count == 0 || count > COLUMNS_MAX) return false;
    table->columns = count;
    for (uint32_t i = 0; i < count; i++) {
        struct buf cell = {0};
        struct bytes key = pack_read_str(reader);
        if (!is_scalar(kind_next(reader))) return false;
        put_scalar(&cell, reader, key);
        struct bytes shown = heads ? name_shown(key) : bytes_of_buf(&cell);
        snprintf(table->cells[i], CELL_MAX, "%.*s", (int)shown.size, shown.size > 0 ? (const char *)shown.data : "");
        buf_free(&cell);
        if (strlen(table->cells[i]) > table->widths[i]) table->widths[i] = strlen(table->cells[i]);
    }
    return !pack_failed(reader);
}

static void row_put(struct buf *out, const struct table *table, unsigned depth) {
    put_indent(out, depth);
    for (size_t i = 0; i < table->columns; i++)
        buf_put_format(out, "%-*s%s", i + 1 < table->columns ? (int)table->widths[i] : 0, table->cells[i],
                       i + 1 < table->columns ? "  " : "\n");
}

/* Twice over the rows: first for the widths. False, with nothing printed and the reader where it was: no table. */
static bool table_put(struct buf *out, struct pack_reader *reader, unsigned depth) {
    struct pack_reader first = *reader;
    struct table table = {.columns = 0};
    uint32_t count = pack_read_array(&first);
    struct pack_reader head = first, second = first;
    if (count == 0 || count > ROWS_MAX || !row_read(&table, &head, true)) return false;
    size_t columns = table.columns;
    for (uint32_t i = 0; i < count; i++)
        if (!row_read(&table, &first, false) || table.columns != columns) return false;
    head = second;
    if (row_read(&table, &head, true)) row_put(out, &table, depth);
    for (uint32_t i = 0; i < count && row_read(&table, &second, false); i++) row_put(out, &table, depth);
    *reader = second;
    return true;
}

static enum err value_put(struct buf *out, struct pack_reader *reader, struct bytes key, unsigned depth);

static enum err map_put(struct buf *out, struct pack_reader *reader, unsigned depth) {
    uint32_t count = pack_read_map(reader);
    for (uint32_t i = 0; i < count && !pack_failed(reader); i++) {
        struct bytes key = pack_read_str(reader);
        put_indent(out, depth);
        put_safe(out, name_shown(key));
        buf_put_text(out, ":");
        enum err err = value_put(out, reader, key, depth + 1);
        if (err != OK) return err;
    }
    return pack_failed(reader) ? ERR_FORMAT : OK;
}

static enum err array_put(struct buf *out, struct pack_reader *reader, struct bytes key, unsigned depth) {
    struct pack_reader peek = *reader;
    if (pack_read_array(&peek) == 0) {
        *reader = peek;
        buf_put_text(out, " none\n");
        return pack_failed(reader) ? ERR_FORMAT : OK;
    }
    buf_put_text(out, "\n");
    if (table_put(out, reader, depth)) return OK;
    uint32_t count = pack_read_array(reader);
    for (uint32_t i = 0; i < count && !pack_failed(reader); i++) {
        put_indent(out, depth);
        buf_put_text(out, "-");
        enum err err = value_put(out, reader, key, depth + 1);
        if (err != OK) return err;
    }
    return pack_failed(reader) ? ERR_FORMAT : OK;
}

static enum err value_put(struct buf *out, struct pack_reader *reader, struct bytes key, unsigned depth) {
    enum kind kind = kind_next(reader);
    if (kind == KIND_BAD || depth > DOCUMENT_DEPTH_MAX) return ERR_FORMAT;
    if (kind == KIND_ARRAY) return array_put(out, reader, key, depth);
    if (kind == KIND_MAP) {
        buf_put_text(out, "\n");
        return map_put(out, reader, depth);
    }
    buf_put_text(out, " ");
    put_scalar(out, reader, key);
    buf_put_text(out, "\n");
    return pack_failed(reader) ? ERR_FORMAT : OK;
}

enum err document_text(struct buf *out, struct bytes document) {
    struct pack_reader reader = pack_reader_of(document);
    enum err err = kind_next(&reader) == KIND_MAP ? map_put(out, &reader, 0) : ERR_FORMAT;
    if (err == OK) err = pack_done(&reader);
    return err == OK ? buf_result(out) : err;
}

/* Passes over one value. */
static bool value_skip(struct pack_reader *reader) {
    struct buf scratch = {0};
    struct json_out drop = json_out_of(&scratch);
    bool good = document_json(&drop, reader) == OK;
    buf_free(&scratch);
    return good;
}

/* A reader that stands in front of the key's value. */
static bool key_find(struct bytes document, const char *key, struct pack_reader *out) {
    struct pack_reader reader = pack_reader_of(document);
    if (kind_next(&reader) != KIND_MAP) return false;
    uint32_t count = pack_read_map(&reader);
    for (uint32_t i = 0; i < count && !pack_failed(&reader); i++) {
        struct bytes name = pack_read_str(&reader);
        *out = reader;
        if (bytes_equal_text(name, key)) return !pack_failed(&reader);
        if (!value_skip(&reader)) return false;
    }
    return false;
}

bool document_flag(struct bytes document, const char *key) {
    struct pack_reader reader;
    return key_find(document, key, &reader) && kind_next(&reader) == KIND_BOOL && pack_read_bool(&reader);
}

uint64_t document_number(struct bytes document, const char *key) {
    struct pack_reader reader;
    return key_find(document, key, &reader) && kind_next(&reader) == KIND_UINT ? pack_read_uint(&reader) : 0;
}

struct bytes document_string(struct bytes document, const char *key) {
    struct pack_reader reader;
    return key_find(document, key, &reader) && kind_next(&reader) == KIND_STR ? pack_read_str(&reader) : bytes_of(NULL, 0);
}

size_t document_each(struct bytes document, const char *key, document_visit *visit, void *context) {
    struct pack_reader reader;
    if (!key_find(document, key, &reader) || kind_next(&reader) != KIND_ARRAY) return 0;
    uint32_t count = pack_read_array(&reader), seen = 0;
    while (seen < count && !pack_failed(&reader)) {
        struct bytes value = bytes_of(reader.cursor.at, reader.cursor.left);
        if (!value_skip(&reader)) break;
        visit(context, value);
        seen++;
    }
    return seen;
}

bool document_uint(uint64_t *out, struct bytes document, const char *key) {
    struct pack_reader reader;
    if (!key_find(document, key, &reader) || kind_next(&reader) != KIND_UINT) return false;
    *out = pack_read_uint(&reader);
    return !pack_failed(&reader);
}
