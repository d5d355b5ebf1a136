#include "node/live/live.h"

#include "crypto/agency.h"

#include <string.h>

#define VERSION 1

static void put(struct buf *out, struct bytes text) {
    buf_put_u32(out, (uint32_t)text.size);
    buf_put(out, text);
}

enum err live_settings_encode(const struct live_settings *settings, struct buf *out) {
    buf_put_u8(out, VERSION);
    buf_put_u8(out, (uint8_t)settings->log_level);
    buf_put_u8(out, (uint8_t)settings->pub_label_max);
    put(out, bytes_of_text(settings->listen));
    put(out, bytes_of_text(settings->pub));
    put(out, bytes_of_text(settings->dir));
    put(out, settings->keys);
    return buf_result(out);
}

static bool take_text(struct cursor *cursor, char *out, size_t size) {
    struct bytes text = cursor_take(cursor, cursor_u32(cursor));
    if (cursor->failed || text.size >= size) return false;
    if (text.size > 0) memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return true;
}

enum err live_settings_decode(struct bytes in, struct live_settings *out) {
    struct cursor cursor = cursor_of(in);
    *out = (struct live_settings){0};
    if (cursor_u8(&cursor) != VERSION) return ERR_VERSION;
    out->log_level = (enum log_level)cursor_u8(&cursor);
    unsigned label = cursor_u8(&cursor);
    if (!take_text(&cursor, out->listen, sizeof out->listen) || !take_text(&cursor, out->pub, sizeof out->pub) ||
        !take_text(&cursor, out->dir, sizeof out->dir) || label < TLP_CLEAR || label > TLP_AMBER_STRICT)
        return ERR_FORMAT;
    out->pub_label_max = (enum tlp)label;
    out->keys = cursor_take(&cursor, cursor_u32(&cursor));
    return cursor_done(&cursor) && out->keys.size == (out->listen[0] ? 2 * CURVE_KEY_BYTES : 0) ? OK : ERR_FORMAT;
}
