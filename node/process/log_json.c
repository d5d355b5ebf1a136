#include "node/process/log_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define END_BYTES         8 /* "..." and the closing of text and object */
#define FIELD_BYTES_MAX   256
#define FIELDS_SHARE(all) ((all) / 2) /* the text gets the rest */

struct line {
    char *at;
    size_t used, room; /* `room` never counts what the end needs */
};

static bool put(struct line *line, const char *text) {
    size_t size = strlen(text);
    if (size > line->room - line->used) return false;
    memcpy(line->at + line->used, text, size);
    line->used += size;
    return true;
}

/* A string's inside; cut before a character that does not fit whole. */
static bool put_escaped(struct line *line, const char *text) {
    for (size_t i = 0; text[i];) {
        size_t size = 1;
        while (((uint8_t)text[i + size] & 0xc0) == 0x80) size++;
        bool escaped = text[i] == '"' || text[i] == '\\';
        if (size + escaped > line->room - line->used) return false;
        if (escaped) line->at[line->used++] = '\\';
        memcpy(line->at + line->used, text + i, size);
        line->used += size;
        i += size;
    }
    return true;
}

/* All of it or nothing. */
static void put_field(struct line *line, const char *name, const char *text, uint64_t number) {
    size_t before = line->used;
    char digits[24], safe[FIELD_BYTES_MAX];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    bool good = put(line, ",\"") && put(line, name) && put(line, text ? "\":\"" : "\":");
    if (text) log_escape(safe, sizeof safe, bytes_of_text(text));
    if (good) good = text ? put_escaped(line, safe) && put(line, "\"") : put(line, digits);
    if (!good) line->used = before;
}

size_t log_json(char *out, size_t out_bytes, const struct log_json *said) {
    struct line line = {.at = out, .room = FIELDS_SHARE(out_bytes)};
    line.used = (size_t)snprintf(out, out_bytes, "{\"ts\":\"%.48s\",\"level\":\"%.8s\",\"role\":\"%.16s\"", said->when, said->level,
                                 said->role);
    if (said->event) put_field(&line, "event", said->event, 0);
    for (const struct log_field *field = said->fields; field && field->name; field++)
        put_field(&line, field->name, field->text, field->number);
    line.room = out_bytes - END_BYTES;
    (void)put(&line, ",\"text\":\"");
    bool whole = put_escaped(&line, said->text) && !said->cut;
    line.room = out_bytes;
    (void)put(&line, whole ? "\"}\n" : "...\"}\n");
    return line.used;
}
