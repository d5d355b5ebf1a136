#include "node/engine/engine.h"

#include <stdio.h>
#include <string.h>

void engine_settings_of_config(struct engine_settings *out, const struct config *config, const char *dir) {
    *out = (struct engine_settings){.log_level = LOG_LEVEL_INFO,
                                    .sync = config->sync,
                                    .cache_bytes = config->cache_bytes,
                                    .payload_quota_bytes = config->payload_quota_bytes};
    log_level_of(config->log_level, &out->log_level);
    snprintf(out->dir, sizeof out->dir, "%s", dir);
}

enum err engine_settings_encode(const struct engine_settings *settings, struct buf *out) {
    buf_put_u8(out, 1);
    buf_put_u8(out, (uint8_t)settings->log_level);
    buf_put_u8(out, settings->sync);
    buf_put_u64(out, settings->cache_bytes);
    buf_put_u64(out, settings->payload_quota_bytes);
    buf_put_u16(out, (uint16_t)strlen(settings->dir));
    buf_put_text(out, settings->dir);
    return buf_result(out);
}

enum err engine_settings_decode(struct bytes in, struct engine_settings *out) {
    struct cursor cursor = cursor_of(in);
    *out = (struct engine_settings){0};
    if (cursor_u8(&cursor) != 1) return ERR_VERSION;
    out->log_level = (enum log_level)cursor_u8(&cursor);
    out->sync = cursor_u8(&cursor) != 0;
    out->cache_bytes = cursor_u64(&cursor);
    out->payload_quota_bytes = cursor_u64(&cursor);
    struct bytes dir = cursor_take(&cursor, cursor_u16(&cursor));
    if (!cursor_done(&cursor) || dir.size == 0 || dir.size >= sizeof out->dir) return ERR_FORMAT;
    memcpy(out->dir, dir.data, dir.size);
    return OK;
}
