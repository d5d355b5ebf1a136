#include "node/hook/hook.h"

#include <string.h>

#define VERSION 1

static void put(struct buf *out, struct bytes value) {
    buf_put_u32(out, (uint32_t)value.size);
    buf_put(out, value);
}

enum err hook_settings_encode(const struct hook_settings *settings, struct buf *out) {
    buf_put_u8(out, VERSION);
    buf_put_u8(out, (uint8_t)settings->log_level);
    put(out, bytes_of_text(settings->dir));
    put(out, settings->file);
    return buf_result(out);
}

enum err hook_settings_decode(struct bytes in, struct hook_settings *out) {
    struct cursor cursor = cursor_of(in);
    *out = (struct hook_settings){0};
    if (cursor_u8(&cursor) != VERSION) return ERR_VERSION;
    out->log_level = (enum log_level)cursor_u8(&cursor);
    struct bytes dir = cursor_take(&cursor, cursor_u32(&cursor));
    if (cursor.failed || dir.size == 0 || dir.size >= sizeof out->dir) return ERR_FORMAT;
    memcpy(out->dir, dir.data, dir.size);
    out->file = cursor_take(&cursor, cursor_u32(&cursor));
    return cursor_done(&cursor) && out->file.size > 0 ? OK : ERR_FORMAT;
}
