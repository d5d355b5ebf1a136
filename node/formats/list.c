#include "node/formats/list.h"

#include "gossip/pack.h"
#include "node/formats/generate.h"
#include "node/formats/observable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_BYTES    256
#define SHOWN_BYTES_MAX 80

struct list {
    const struct intake_options *options;
    struct buf line; /* what the last chunk left of a line */
    bool skipping;   /* the line is too long: its rest is left out */
    uint64_t line_bytes;
    struct intake_place place; /* of the line being read */
    struct arena arena;
    struct generate generate;
    enum err error; /* sticky */
};

struct list *list_new(const struct intake_options *options, uint64_t offset_first) {
    struct list *list = calloc(1, sizeof *list);
    if (list == NULL) return NULL;
    list->options = options;
    buf_init(&list->line, LIST_LINE_BYTES_MAX);
    list->place = (struct intake_place){.byte_offset = offset_first, .line = 1};
    generate_init(&list->generate, options);
    return list;
}

void list_free(struct list *list) {
    if (list == NULL) return;
    buf_free(&list->line);
    arena_free(&list->arena);
    generate_free(&list->generate);
    free(list);
}

static bool blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

static struct bytes trimmed(struct bytes text) {
    while (text.size > 0 && blank(text.data[0])) text = bytes_of(text.data + 1, text.size - 1);
    while (text.size > 0 && blank(text.data[text.size - 1])) text.size--;
    return text;
}

/* Without its comment, and the blanks around. */
static struct bytes bared(struct bytes line) {
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] == '#' && (i == 0 || blank(line.data[i - 1]))) line.size = i;
    return trimmed(line);
}

static void refuse(struct list *list, struct bytes value, const char *reason) {
    char text[REASON_BYTES];
    size_t size = value.size < SHOWN_BYTES_MAX ? value.size : SHOWN_BYTES_MAX;
    char shown[SHOWN_BYTES_MAX + 1];
    for (size_t i = 0; i < size; i++) shown[i] = value.data[i] < ' ' || value.data[i] > '~' ? '?' : (char)value.data[i];
    shown[size] = 0;
    snprintf(text, sizeof text, "\"%s%s\": %s", shown, size < value.size ? "..." : "", reason);
    list->options->refuse(list->options->context, &list->place, NULL, text);
}

static bool numeric(struct bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (!blank(c) && !(c >= '0' && c <= '9') && c != '.' && c != '-') return false;
    }
    return true;
}

static enum err line_read(struct list *list, struct bytes line) {
    struct bytes text = bared(line), value = text;
    if (text.size == 0) return OK;
    list->place.index++;
    if (!pack_utf8_valid(text)) {
        refuse(list, text, "invalid UTF-8; save the list as UTF-8");
        return OK;
    }
    for (value.size = 0; value.size < text.size && !blank(text.data[value.size]);) value.size++;
    if (!numeric(bytes_of(text.data + value.size, text.size - value.size))) {
        refuse(list, text, "more than one value in a line; put each on a line of its own");
        return OK;
    }
    struct generate_source source = {.confidence = GENERATE_NO_CONFIDENCE};
    const char *reason;
    arena_reset(&list->arena);
    if (observable_of_list(&source.observable, value, &list->arena, &reason) != OK) {
        refuse(list, value, reason);
        return OK;
    }
    return generate_indicator(&list->generate, &source, list->place);
}

/* A whole line; `rest` is its last part, and its first, too, unless something was left over from earlier chunks. */
static void line_end(struct list *list, struct bytes rest) {
    if (list->line.size + rest.size > LIST_LINE_BYTES_MAX) list->skipping = true;
    if (list->skipping) {
        list->place.index++;
        char reason[REASON_BYTES];
        snprintf(reason, sizeof reason, "the line has %llu bytes and at most %d are allowed",
                 (unsigned long long)(list->line_bytes + rest.size), LIST_LINE_BYTES_MAX);
        list->options->refuse(list->options->context, &list->place, NULL, reason);
    } else if (list->line.size == 0) {
        list->error = line_read(list, rest);
    } else {
        buf_put(&list->line, rest);
        list->error = list->line.failed ? ERR_MEMORY : line_read(list, bytes_of_buf(&list->line));
    }
    list->place.byte_offset += list->line_bytes + rest.size + 1;
    list->place.line++;
    list->line_bytes = 0;
    list->skipping = false;
    buf_clear(&list->line);
}

enum err list_feed(struct list *list, struct bytes chunk) {
    const uint8_t *at = chunk.data, *end = chunk.data + chunk.size;
    while (list->error == OK && at < end) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL) break;
        line_end(list, bytes_of(at, (size_t)(newline - at)));
        at = newline + 1;
    }
    if (list->error != OK || at == end) return list->error;
    size_t rest = (size_t)(end - at);
    list->line_bytes += rest;
    if (list->line.size + rest > LIST_LINE_BYTES_MAX) list->skipping = true;
    if (!list->skipping) buf_put_raw(&list->line, at, rest);
    if (list->line.failed) list->error = ERR_MEMORY;
    return list->error;
}

enum err list_finish(struct list *list) {
    if (list->error == OK && list->line_bytes > 0) line_end(list, bytes_of(NULL, 0));
    return list->error;
}
