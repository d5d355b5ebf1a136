#include "node/formats/json_out.h"

#include "gossip/pack.h"
#include "node/formats/moment.h"

#include <string.h>

struct json_out json_out_of(struct buf *out) {
    return (struct json_out){.out = out};
}

static void value_start(struct json_out *json) {
    if (json->comma) buf_put_u8(json->out, ',');
    json->comma = true;
}

static void open_with(struct json_out *json, char c) {
    value_start(json);
    buf_put_u8(json->out, (uint8_t)c);
    json->comma = false;
}

static void close_with(struct json_out *json, char c) {
    buf_put_u8(json->out, (uint8_t)c);
    json->comma = true;
}

void json_out_object(struct json_out *json) { open_with(json, '{'); }
void json_out_object_end(struct json_out *json) { close_with(json, '}'); }
void json_out_array(struct json_out *json) { open_with(json, '['); }
void json_out_array_end(struct json_out *json) { close_with(json, ']'); }

void json_out_key(struct json_out *json, const char *key) {
    json_out_text(json, key);
    buf_put_u8(json->out, ':');
    json->comma = false;
}

/* Bytes of the well-formed UTF-8 character at the front; 0 when there is none. */
static size_t character_bytes(struct bytes text) {
    uint8_t first = text.data[0];
    if (first < 0x80) return 1;
    size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (size == 0 || size > text.size) return 0;
    return pack_utf8_valid(bytes_of(text.data, size)) ? size : 0;
}

static void put_escaped(struct buf *out, uint32_t code) {
    if (code == '"' || code == '\\')
        buf_put_raw(out, (const uint8_t[]){'\\', (uint8_t)code}, 2);
    else if (code == '\n')
        buf_put_text(out, "\\n");
    else
        buf_put_format(out, "\\u%04x", (unsigned)code);
}

static inline bool plain_character(uint8_t c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

void json_out_string(struct json_out *json, struct bytes text) {
    value_start(json);
    buf_put_u8(json->out, '"');
    for (size_t at = 0, plain = 0; at <= text.size;) {
        while (at < text.size && plain_character(text.data[at])) at++;
        size_t size = at < text.size ? character_bytes(bytes_of(text.data + at, text.size - at)) : 0;
        uint8_t c = at < text.size ? text.data[at] : 0;
        bool c1 = size == 2 && c == 0xc2 && text.data[at + 1] < 0xa0;
        if (size > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && !c1) {
            at += size;
            continue;
        }
        buf_put(json->out, bytes_of(text.data + plain, at - plain));
        if (at == text.size) break;
        if (size == 0)
            buf_put_text(json->out, "\xef\xbf\xbd");
        else
            put_escaped(json->out, c1 ? text.data[at + 1] : c);
        at += size > 0 ? size : 1;
        plain = at;
    }
    buf_put_u8(json->out, '"');
}

void json_out_text(struct json_out *json, const char *text) { json_out_string(json, bytes_of_text(text)); }

void json_out_uint(struct json_out *json, uint64_t value) {
    value_start(json);
    buf_put_decimal(json->out, value);
}

void json_out_digits(struct json_out *json, uint64_t value) {
    value_start(json);
    buf_put_u8(json->out, '"');
    buf_put_decimal(json->out, value);
    buf_put_u8(json->out, '"');
}

void json_out_bool(struct json_out *json, bool value) {
    value_start(json);
    buf_put_text(json->out, value ? "true" : "false");
}

void json_out_null(struct json_out *json) {
    value_start(json);
    buf_put_text(json->out, "null");
}

void json_out_hex(struct json_out *json, struct bytes bytes) {
    value_start(json);
    buf_put_u8(json->out, '"');
    char *at = (char *)buf_grow(json->out, 2 * bytes.size + 1);
    if (!at) return;
    hex_encode(at, bytes);
    at[2 * bytes.size] = '"'; /* where the zero stands */
}

void json_out_raw(struct json_out *json, struct bytes text) {
    value_start(json);
    buf_put(json->out, text);
}

void json_out_line(struct json_out *json) {
    buf_put_u8(json->out, '\n');
    json->comma = false;
}

void json_out_time(struct json_out *json, uint64_t time_ms) {
    char text[MOMENT_TEXT_BYTES];
    moment_text(text, time_ms);
    json_out_text(json, text);
}
