#include "node/web/web.h"

#include <string.h>

#define VERSION 1

static void put(struct buf *out, struct bytes value) {
    buf_put_u32(out, (uint32_t)value.size);
    buf_put(out, value);
}

enum err web_settings_encode(const struct web_settings *settings, struct buf *out) {
    buf_put_u8(out, VERSION);
    buf_put_u8(out, (uint8_t)settings->log_level);
    put(out, bytes_of_text(settings->listen));
    put(out, bytes_of_text(settings->metrics));
    put(out, bytes_of_text(settings->dir));
    put(out, bytes_of(settings->agency_id, AGENCY_ID_BYTES));
    put(out, bytes_of_text(settings->agency));
    put(out, settings->certificate);
    put(out, settings->key);
    put(out, settings->client_ca);
    return buf_result(out);
}

static bool take_text(struct cursor *cursor, char *out, size_t size) {
    struct bytes text = cursor_take(cursor, cursor_u32(cursor));
    if (cursor->failed || text.size >= size) return false;
    if (text.size > 0) memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return true;
}

enum err web_settings_decode(struct bytes in, struct web_settings *out) {
    struct cursor cursor = cursor_of(in);
    *out = (struct web_settings){0};
    if (cursor_u8(&cursor) != VERSION) return ERR_VERSION;
    out->log_level = (enum log_level)cursor_u8(&cursor);
    if (!take_text(&cursor, out->listen, sizeof out->listen) || !take_text(&cursor, out->metrics, sizeof out->metrics) ||
        !take_text(&cursor, out->dir, sizeof out->dir) || cursor_u32(&cursor) != AGENCY_ID_BYTES)
        return ERR_FORMAT;
    cursor_copy(&cursor, out->agency_id, AGENCY_ID_BYTES);
    if (!take_text(&cursor, out->agency_name, sizeof out->agency_name)) return ERR_FORMAT;
    out->certificate = cursor_take(&cursor, cursor_u32(&cursor));
    out->key = cursor_take(&cursor, cursor_u32(&cursor));
    out->client_ca = cursor_take(&cursor, cursor_u32(&cursor));
    bool identity = out->certificate.size > 0 && out->key.size > 0;
    bool purpose = out->listen[0] ? identity : out->metrics[0] != 0;
    return cursor_done(&cursor) && purpose ? OK : ERR_FORMAT;
}
