#include "node/formats/json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTAINERS_MAX 3
#define REASON_BYTES   200

/* Where white space (or the objects of a bundle) was left out of a text, so that positions can be told in the input's terms. */
struct gap {
    size_t kept;      /* bytes of the text in front of it */
    uint64_t removed; /* bytes left out so far, this gap included */
    uint64_t line;    /* the line after it, and where that begins in the input */
    uint64_t line_offset;
};

/* One value being collected. */
struct collector {
    struct buf text; /* the minified text, without what still lies unflushed in the chunk */
    struct gap *gaps;
    size_t gap_count, gap_capacity;
    struct intake_place place; /* where it begins */
    uint64_t line_offset;      /* of its line, in the input */
    uint64_t size;             /* kept bytes, also of a value that is only skipped */
    uint64_t depth;
    uint64_t kinds; /* bit d: level d + 1 is an object, for the first JSON_DEPTH_MAX levels */
    bool in_string, escaped, scalar;
    bool too_big, too_deep; /* then it is only skipped */
    bool shell;             /* its list was cut out */
};

enum container_kind { STREAM, ARRAY, BUNDLE };
enum container_expect { VALUE_OR_END, VALUE, COMMA_OR_END };

struct container {
    enum container_kind kind;
    enum container_expect expect;
};

struct json {
    struct json_handlers handlers;
    const char *list; /* of a shell */
    size_t value_bytes_max;
    struct container containers[CONTAINERS_MAX]; /* the first is the stream */
    size_t container_count;
    struct collector collectors[2]; /* of top-level values, and of a bundle's elements */
    struct collector *open;         /* the value being collected, or null between values */
    const struct collector *told;   /* the one in a callback */
    const uint8_t *chunk;           /* what is being fed, and where it begins in the input */
    uint64_t chunk_offset;
    uint64_t line, index;
    uint64_t line_offset;   /* where the line begins */
    uint64_t bundle_offset; /* where the inside of "objects":[ begins */
    enum err error;         /* sticky */
};

enum { PLAIN, BLANK, QUOTE, OPEN, CLOSE, POINT };

static const uint8_t classes[256] = {
    [' '] = BLANK, ['\t'] = BLANK, ['\r'] = BLANK, ['\n'] = BLANK, ['"'] = QUOTE, ['{'] = OPEN,
    ['['] = OPEN,  ['}'] = CLOSE,  [']'] = CLOSE,  [','] = POINT,  [':'] = POINT,
};

struct json *json_new(const struct json_handlers *handlers, size_t value_bytes_max, uint64_t offset_first) {
    struct json *json = calloc(1, sizeof *json);
    if (json == NULL) return NULL;
    json->handlers = *handlers;
    json->list = handlers->list ? handlers->list : "objects";
    json->value_bytes_max = value_bytes_max;
    json->containers[0] = (struct container){STREAM, VALUE_OR_END};
    json->container_count = 1;
    json->line = 1;
    json->chunk_offset = json->line_offset = offset_first;
    for (size_t i = 0; i < 2; i++) buf_init(&json->collectors[i].text, value_bytes_max + 16);
    return json;
}

void json_free(struct json *json) {
    if (json == NULL) return;
    for (size_t i = 0; i < 2; i++) {
        buf_free(&json->collectors[i].text);
        free(json->collectors[i].gaps);
    }
    free(json);
}

static uint64_t offset_of(const struct json *json, const uint8_t *at) { return json->chunk_offset + (uint64_t)(at - json->chunk); }

static struct intake_place place_of(const struct json *json, const uint8_t *at) {
    uint64_t offset = offset_of(json, at);
    return (struct intake_place){
        .byte_offset = offset, .line = json->line, .column = offset - json->line_offset + 1, .index = json->index};
}

static enum err fail(struct json *json, enum err error, const struct intake_place *place, const char *reason) {
    if (json->error != OK) return json->error;
    json->error = error;
    if (reason != NULL) json->handlers.refuse(json->handlers.context, place, reason);
    return error;
}

struct intake_place json_locate(const struct json *json, size_t at) {
    const struct collector *told = json->told;
    assert(told != NULL);
    struct intake_place place = told->place;
    size_t low = 0, high = told->gap_count; /* gaps below `low` stand at or before `at` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (told->gaps[middle].kept <= at)
            low = middle + 1;
        else
            high = middle;
    }
    place.byte_offset += at;
    uint64_t line_offset = told->line_offset;
    if (low > 0) {
        place.byte_offset += told->gaps[low - 1].removed;
        place.line = told->gaps[low - 1].line;
        line_offset = told->gaps[low - 1].line_offset;
    }
    place.column = place.byte_offset - line_offset + 1;
    return place;
}

static bool gap_add(struct collector *open, uint64_t removed, const struct json *json) {
    if (open->too_big || open->too_deep) return true;
    struct gap *last = open->gap_count == 0 ? NULL : &open->gaps[open->gap_count - 1];
    if (last != NULL && last->kept == open->text.size) { /* one run of blanks, in several chunks */
        last->removed += removed;
        last->line = json->line;
        last->line_offset = json->line_offset;
        return true;
    }
    if (open->gap_count == open->gap_capacity) {
        size_t capacity = open->gap_capacity == 0 ? 64 : open->gap_capacity * 2;
        struct gap *grown = realloc(open->gaps, capacity * sizeof *grown);
        if (grown == NULL) return false;
        open->gaps = grown;
        open->gap_capacity = capacity;
    }
    uint64_t before = open->gap_count == 0 ? 0 : open->gaps[open->gap_count - 1].removed;
    open->gaps[open->gap_count++] =
        (struct gap){.kept = open->text.size, .removed = before + removed, .line = json->line, .line_offset = json->line_offset};
    return true;
}

static void collector_begin(struct json *json, struct collector *open, const uint8_t *at) {
    json->index++;
    buf_clear(&open->text);
    open->gap_count = 0;
    open->place = place_of(json, at);
    open->line_offset = json->line_offset;
    open->size = open->depth = open->kinds = 0;
    open->in_string = open->escaped = open->scalar = false;
    open->too_big = open->too_deep = open->shell = false;
    json->open = open;
}

/* Keeps a run of bytes, or only counts it once the value is known to be left out. */
static enum err flush(struct json *json, struct collector *open, const uint8_t *run, const uint8_t *end) {
    size_t size = (size_t)(end - run);
    open->size += size;
    if (open->size > json->value_bytes_max) open->too_big = true;
    if (open->too_big || open->too_deep)
        buf_clear(&open->text);
    else
        buf_put_raw(&open->text, run, size);
    return buf_result(&open->text);
}

static enum err refuse_skipped(struct json *json, const struct collector *open) {
    char reason[REASON_BYTES];
    if (open->too_deep)
        snprintf(reason, sizeof reason, "nested deeper than %d levels; flatten it", JSON_DEPTH_MAX);
    else
        snprintf(reason, sizeof reason, "the object has %llu bytes and at most %zu are allowed; split it",
                 (unsigned long long)open->size, json->value_bytes_max);
    json->handlers.refuse(json->handlers.context, &open->place, reason);
    return OK;
}

/* The value is complete; `run` to `end` is its unflushed rest. A value that lies whole in the chunk is never copied. */
static enum err collector_end(struct json *json, struct collector *open, const uint8_t *run, const uint8_t *end) {
    struct bytes text = bytes_of(run, (size_t)(end - run));
    bool whole = open->text.size == 0 && open->size == 0 && text.size <= json->value_bytes_max && !open->too_deep;
    if (!whole) {
        enum err error = flush(json, open, run, end);
        if (error != OK) return fail(json, error, NULL, NULL);
        text = bytes_of_buf(&open->text);
    }
    json->open = NULL;
    json->containers[json->container_count - 1].expect = COMMA_OR_END;
    enum err error;
    bool enter = false;
    json->told = open;
    if (open->too_big || open->too_deep)
        error = refuse_skipped(json, open);
    else if (open->shell)
        error = json->handlers.shell(json->handlers.context, text, &open->place, true, &enter);
    else
        error = json->handlers.value(json->handlers.context, text, &open->place);
    json->told = NULL;
    return error == OK ? OK : fail(json, error, NULL, NULL);
}

static bool ends_with(const struct buf *text, const char *tail) {
    size_t size = strlen(tail);
    return text->size >= size && memcmp(text->data + text->size - size, tail, size) == 0;
}

/* A '[' stands at level 1 of a top-level object: is it the "objects":[ of a bundle? Everything before it is flushed. */
static enum err bundle_try(struct json *json, struct collector *open, bool *entered) {
    char first[32], next[32], reason[REASON_BYTES];
    *entered = false;
    snprintf(first, sizeof first, "{\"%s\":", json->list);
    snprintf(next, sizeof next, ",\"%s\":", json->list);
    if (!ends_with(&open->text, first) && !ends_with(&open->text, next)) return OK;
    snprintf(reason, sizeof reason, "the %s has two properties \"%s\"; keep one", json->handlers.list ? "answer" : "bundle",
             json->list);
    if (open->shell) return fail(json, ERR_SYNTAX, &open->place, reason);
    size_t size = open->text.size;
    buf_put_text(&open->text, "[]}");
    if (buf_result(&open->text) != OK) return fail(json, buf_result(&open->text), NULL, NULL);
    json->told = open;
    struct intake_place place = open->place;
    place.index = 0;
    enum err error = json->handlers.shell(json->handlers.context, bytes_of_buf(&open->text), &place, false, entered);
    json->told = NULL;
    open->text.size = size;
    if (error != OK) return fail(json, error, NULL, NULL);
    if (!*entered) return OK;
    open->shell = true;
    open->place.index = 0;
    json->index--; /* the shell itself is not counted */
    return OK;
}

#define ONES  0x0101010101010101u
#define HIGHS 0x8080808080808080u

/* The next quote or backslash at or after `at`, eight bytes at a time. */
static const uint8_t *string_skip(const uint8_t *at, const uint8_t *end) {
    uint64_t eight;
    while (end - at >= (ptrdiff_t)sizeof eight) {
        memcpy(&eight, at, sizeof eight);
        uint64_t quote = eight ^ (ONES * '"'), slash = eight ^ (ONES * '\\');
        uint64_t found = (((quote - ONES) & ~quote) | ((slash - ONES) & ~slash)) & HIGHS;
        if (found != 0) {
            if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__) break;
            return at + __builtin_ctzll(found) / 8; /* the lowest mark is never a false one */
        }
        at += sizeof eight;
    }
    while (at < end && *at != '"' && *at != '\\') at++;
    return at;
}

/* Inside a string: to behind its closing quote, or to the end of the chunk. */
static const uint8_t *string_follow(struct collector *open, const uint8_t *at, const uint8_t *end) {
    while (at < end) {
        if (open->escaped) {
            open->escaped = false;
            at++;
            continue;
        }
        at = string_skip(at, end);
        if (at == end) break;
        if (*at++ == '"') {
            open->in_string = false;
            break;
        }
        open->escaped = true;
    }
    return at;
}

static void bracket_open(struct collector *open, uint8_t c) {
    if (open->depth < JSON_DEPTH_MAX) {
        uint64_t bit = 1ull << open->depth;
        open->kinds = c == '{' ? open->kinds | bit : open->kinds & ~bit;
    } else {
        open->too_deep = true;
    }
    open->depth++;
}

static bool bracket_close(struct collector *open, uint8_t c) {
    if (open->depth == 0) return false;
    open->depth--;
    return open->depth >= JSON_DEPTH_MAX || ((open->kinds >> open->depth & 1) != 0) == (c == '}');
}

static const uint8_t *blanks_skip(struct json *json, const uint8_t *at, const uint8_t *end) {
    for (; at < end && classes[*at] == BLANK; at++) {
        if (*at != '\n') continue;
        json->line++;
        json->line_offset = offset_of(json, at) + 1;
    }
    return at;
}

/* A run of white space inside a value: flushed up to it, noted, stepped over. */
static const uint8_t *blanks_drop(struct json *json, struct collector *open, const uint8_t *run, const uint8_t *at,
                                  const uint8_t *end) {
    const uint8_t *after = blanks_skip(json, at, end);
    enum err error = flush(json, open, run, at);
    if (error == OK && !gap_add(open, (uint64_t)(after - at), json)) error = ERR_MEMORY;
    if (error != OK) (void)fail(json, error, NULL, NULL);
    return after;
}

static enum err fail_at(struct json *json, const uint8_t *at, const char *expected) {
    char reason[REASON_BYTES], seen[8];
    snprintf(seen, sizeof seen, *at > ' ' && *at < 0x7f ? "'%c'" : "0x%02x", *at);
    snprintf(reason, sizeof reason, "malformed JSON: %s stands where %s is expected; correct it and publish the rest again", seen,
             expected);
    struct intake_place place = place_of(json, at);
    return fail(json, ERR_SYNTAX, &place, reason);
}

/* At a '[' on level 1 of a top-level value. Returns true when the elements are to be cut out: then `at` was consumed. */
static bool bundle_enter(struct json *json, struct collector *open, const uint8_t *run, const uint8_t *at) {
    bool entered = false;
    enum err error = flush(json, open, run, at);
    if (error != OK)
        (void)fail(json, error, NULL, NULL);
    else if (!open->too_big && !open->too_deep)
        (void)bundle_try(json, open, &entered);
    if (!entered) return false;
    (void)flush(json, open, at, at + 1);
    json->containers[json->container_count++] = (struct container){BUNDLE, VALUE_OR_END};
    json->bundle_offset = offset_of(json, at + 1);
    json->open = NULL;
    return true;
}

/* Collects the open value: to behind its end, to where a bundle's elements begin, or to the end of the chunk. */
static const uint8_t *collect(struct json *json, const uint8_t *at, const uint8_t *end) {
    struct collector *open = json->open;
    const uint8_t *run = at;
    while (at < end && json->error == OK) {
        if (open->in_string) {
            at = string_follow(open, at, end);
            if (open->in_string || open->depth > 0) continue;
            (void)collector_end(json, open, run, at);
            return at;
        }
        uint8_t class = classes[*at];
        if (open->scalar && class != PLAIN) {
            (void)collector_end(json, open, run, at);
            return at;
        }
        switch (class) {
        case BLANK: run = at = blanks_drop(json, open, run, at, end); break;
        case QUOTE:
            open->in_string = true;
            at++;
            break;
        case OPEN:
            if (*at == '[' && open->depth == 1 && (open->kinds & 1) != 0 && open == &json->collectors[0]) {
                if (bundle_enter(json, open, run, at)) return at + 1;
                run = at;
            }
            bracket_open(open, *at++);
            break;
        case CLOSE:
            if (!bracket_close(open, *at)) (void)fail_at(json, at, "the other kind of closing bracket");
            at++;
            if (open->depth > 0 || json->error != OK) break;
            (void)collector_end(json, open, run, at);
            return at;
        default: at++;
        }
    }
    if (json->error == OK && flush(json, open, run, at) != OK) (void)fail(json, buf_result(&open->text), NULL, NULL);
    return at;
}

/* A ']' ends the innermost array; after a bundle's elements its shell goes on. */
static const uint8_t *container_close(struct json *json, const uint8_t *at) {
    struct container closed = json->containers[--json->container_count];
    if (closed.kind == ARRAY) return at + 1;
    struct collector *shell = &json->collectors[0];
    json->open = shell;
    if (!gap_add(shell, offset_of(json, at) - json->bundle_offset, json) || flush(json, shell, at, at + 1) != OK)
        (void)fail(json, ERR_MEMORY, NULL, NULL);
    return at + 1;
}

/* Between values: one separator, one closing bracket, or the first byte of a value. */
static const uint8_t *between(struct json *json, const uint8_t *at, const uint8_t *end) {
    at = blanks_skip(json, at, end);
    if (at == end) return at;
    struct container *container = &json->containers[json->container_count - 1];
    bool stream = container->kind == STREAM;
    if (*at == ']' && !stream && container->expect != VALUE) return container_close(json, at);
    if (!stream && container->expect == COMMA_OR_END) {
        if (*at != ',') (void)fail_at(json, at, "',' or ']'");
        container->expect = VALUE;
        return at + 1;
    }
    if (classes[*at] == CLOSE || classes[*at] == POINT) {
        (void)fail_at(json, at, "a JSON object");
        return at;
    }
    if (stream && *at == '[') {
        container->expect = COMMA_OR_END;
        json->containers[json->container_count++] = (struct container){ARRAY, VALUE_OR_END};
        return at + 1;
    }
    struct collector *open = &json->collectors[container->kind == BUNDLE];
    collector_begin(json, open, at);
    open->scalar = classes[*at] == PLAIN;
    return at;
}

enum err json_feed(struct json *json, struct bytes chunk) {
    if (json->error != OK || chunk.size == 0) return json->error;
    const uint8_t *at = chunk.data, *end = chunk.data + chunk.size;
    json->chunk = at;
    while (at < end && json->error == OK) at = json->open != NULL ? collect(json, at, end) : between(json, at, end);
    json->chunk_offset += chunk.size;
    json->chunk = NULL;
    return json->error;
}

enum err json_finish(struct json *json) {
    if (json->error != OK) return json->error;
    static const uint8_t nothing[1];
    json->chunk = nothing;
    if (json->open != NULL && json->open->scalar && json->container_count == 1)
        return collector_end(json, json->open, nothing, nothing);
    if (json->open == NULL && json->container_count == 1) return OK;
    char reason[REASON_BYTES];
    struct intake_place place = place_of(json, nothing);
    if (json->open != NULL)
        snprintf(reason, sizeof reason,
                 "the input ends inside the object that begins at byte %llu, line %llu; get it whole and publish it again",
                 (unsigned long long)json->open->place.byte_offset, (unsigned long long)json->open->place.line);
    else
        snprintf(reason, sizeof reason, "the input ends inside an array of objects; get it whole and publish it again");
    return fail(json, ERR_TRUNCATED, &place, reason);
}
