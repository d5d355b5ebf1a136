/* net_settings: the network role's settings as fixed layout. */
#include "node/net/net.h"

#include <string.h>

#define SETTINGS_VERSION 1
#define PEERS_MAX        1024

void net_settings_default(struct net_settings *settings) {
    *settings = (struct net_settings){.log_level = LOG_LEVEL_INFO, .links_max = NET_LINKS_MAX, .strangers_max = NET_STRANGERS_MAX};
}

enum err net_settings_encode(const struct net_settings *settings, struct buf *out) {
    size_t listen_bytes = strlen(settings->listen);
    if (listen_bytes > UINT8_MAX) return ERR_TOO_BIG;
    buf_put_u8(out, SETTINGS_VERSION);
    buf_put_u8(out, (uint8_t)settings->log_level);
    buf_put_u16(out, settings->links_max);
    buf_put_u16(out, settings->strangers_max);
    buf_put_u8(out, (uint8_t)listen_bytes);
    buf_put_raw(out, settings->listen, listen_bytes);
    return buf_result(out);
}

enum err net_settings_decode(struct bytes in, struct net_settings *out) {
    struct cursor cursor = cursor_of(in);
    uint8_t version = cursor_u8(&cursor), level = cursor_u8(&cursor);
    if (cursor.failed) return ERR_FORMAT;
    if (version != SETTINGS_VERSION) return ERR_VERSION;
    *out = (struct net_settings){.log_level = (enum log_level)level};
    out->links_max = cursor_u16(&cursor);
    out->strangers_max = cursor_u16(&cursor);
    struct bytes listen = cursor_take(&cursor, cursor_u8(&cursor));
    if (!cursor_done(&cursor)) return ERR_FORMAT;
    if (level > LOG_LEVEL_DEBUG || out->links_max == 0 || out->links_max > PEERS_MAX) return ERR_RANGE;
    if (out->strangers_max == 0 || out->strangers_max > PEERS_MAX) return ERR_RANGE;
    if (listen.size > 0 && !endpoint_literal(listen, true)) return ERR_RANGE;
    if (listen.size > 0) memcpy(out->listen, listen.data, listen.size);
    return OK;
}
