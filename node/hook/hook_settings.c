#include "node/hook/hook.h"

#include "node/process/settings.h"

#define VERSION 1

enum err hook_settings_encode(const struct hook_settings *settings, struct buf *out) {
    settings_begin(out, VERSION, settings->log_level);
    settings_put(out, bytes_of_text(settings->dir));
    settings_put(out, settings->file);
    return buf_result(out);
}

enum err hook_settings_decode(struct bytes in, struct hook_settings *out) {
    struct cursor cursor = cursor_of(in);
    *out = (struct hook_settings){0};
    if (!settings_begun(&cursor, VERSION, &out->log_level)) return ERR_VERSION;
    if (!settings_take_text(&cursor, out->dir, sizeof out->dir) || !out->dir[0]) return ERR_FORMAT;
    out->file = settings_take(&cursor);
    return cursor_done(&cursor) && out->file.size > 0 ? OK : ERR_FORMAT;
}
