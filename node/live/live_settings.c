#include "node/live/live.h"

#include "crypto/agency.h"
#include "node/process/settings.h"

#define VERSION 1

enum err live_settings_encode(const struct live_settings *settings, struct buf *out) {
    settings_begin(out, VERSION, settings->log_level);
    buf_put_u8(out, (uint8_t)settings->pub_label_max);
    settings_put(out, bytes_of_text(settings->listen));
    settings_put(out, bytes_of_text(settings->pub));
    settings_put(out, bytes_of_text(settings->dir));
    settings_put(out, settings->keys);
    return buf_result(out);
}

enum err live_settings_decode(struct bytes in, struct live_settings *out) {
    struct cursor cursor = cursor_of(in);
    *out = (struct live_settings){0};
    if (!settings_begun(&cursor, VERSION, &out->log_level)) return ERR_VERSION;
    unsigned label = cursor_u8(&cursor);
    bool good = settings_take_text(&cursor, out->listen, sizeof out->listen);
    good = good && settings_take_text(&cursor, out->pub, sizeof out->pub);
    good = good && settings_take_text(&cursor, out->dir, sizeof out->dir);
    if (!good || label < TLP_CLEAR || label > TLP_AMBER_STRICT) return ERR_FORMAT;
    out->pub_label_max = (enum tlp)label;
    out->keys = settings_take(&cursor);
    return cursor_done(&cursor) && out->keys.size == (out->listen[0] ? 2 * CURVE_KEY_BYTES : 0) ? OK : ERR_FORMAT;
}
