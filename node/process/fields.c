#include "node/process/fields.h"

#include "node/formats/moment.h"

#include <string.h>

#define HOUR_MS       (3600ull * 1000)
#define UNTIL_MOST    36500
#define NUMBER_DIGITS 18

struct bytes fields_split(struct bytes *text, char end) {
    const uint8_t *at = text->size > 0 ? memchr(text->data, end, text->size) : NULL;
    size_t size = at ? (size_t)(at - text->data) : text->size;
    struct bytes part = bytes_of(text->data, size);
    size_t used = at ? size + 1 : size;
    *text = bytes_of(text->data ? text->data + used : NULL, text->size - used);
    return part;
}

bool fields_line(struct bytes *line, struct bytes *text, size_t *number) {
    while (text->size > 0) {
        *line = fields_split(text, '\n');
        ++*number;
        if (line->size > 0 && line->data[0] != '#') return true;
    }
    return false;
}

bool fields_number(uint64_t *out, struct bytes text, uint64_t most) {
    uint64_t value = 0;
    if (text.size == 0 || text.size > NUMBER_DIGITS) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *out = value;
    return value <= most;
}

bool fields_name_valid(struct bytes name) {
    static const char known[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (name.size == 0 || name.size > FIELDS_NAME_BYTES_MAX) return false;
    for (size_t i = 0; i < name.size; i++)
        if (!name.data[i] || !strchr(known, name.data[i])) return false;
    return true;
}

bool fields_until(uint64_t *out_ms, const char *text, uint64_t now_ms) {
    size_t size = strlen(text);
    uint64_t number;
    if (moment_parse(out_ms, bytes_of_text(text))) return *out_ms > now_ms;
    if (size < 2 || (text[size - 1] != 'd' && text[size - 1] != 'h')) return false;
    if (!fields_number(&number, bytes_of(text, size - 1), UNTIL_MOST) || number == 0) return false;
    *out_ms = now_ms + number * HOUR_MS * (text[size - 1] == 'd' ? 24 : 1);
    return true;
}
