#include "node/web/web.h"

#include "node/process/settings.h"

#include <string.h>

#define VERSION 1

enum err web_settings_encode(const struct web_settings *settings, struct buf *out) {
    settings_begin(out, VERSION, settings->log_level);
    settings_put(out, bytes_of_text(settings->listen));
    settings_put(out, bytes_of_text(settings->metrics));
    settings_put(out, bytes_of_text(settings->dir));
    settings_put(out, bytes_of(settings->agency_id, AGENCY_ID_BYTES));
    settings_put(out, bytes_of_text(settings->agency));
    settings_put(out, settings->certificate);
    settings_put(out, settings->key);
    settings_put(out, settings->client_ca);
    return buf_result(out);
}

enum err web_settings_decode(struct bytes in, struct web_settings *out) {
    struct cursor cursor = cursor_of(in);
    *out = (struct web_settings){0};
    if (!settings_begun(&cursor, VERSION, &out->log_level)) return ERR_VERSION;
    bool good = settings_take_text(&cursor, out->listen, sizeof out->listen);
    good = good && settings_take_text(&cursor, out->metrics, sizeof out->metrics);
    good = good && settings_take_text(&cursor, out->dir, sizeof out->dir);
    struct bytes agency_id = settings_take(&cursor);
    if (!good || agency_id.size != AGENCY_ID_BYTES) return ERR_FORMAT;
    memcpy(out->agency_id, agency_id.data, AGENCY_ID_BYTES);
    if (!settings_take_text(&cursor, out->agency_name, sizeof out->agency_name)) return ERR_FORMAT;
    out->certificate = settings_take(&cursor);
    out->key = settings_take(&cursor);
    out->client_ca = settings_take(&cursor);
    bool identity = out->certificate.size > 0 && out->key.size > 0;
    bool purpose = out->listen[0] ? identity : out->metrics[0] != 0;
    return cursor_done(&cursor) && purpose ? OK : ERR_FORMAT;
}
