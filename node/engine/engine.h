/* engine: the process that holds store, gossip core, policy and content keys of open epochs; no network socket.
   It waits, turns what arrives into events, calls gossip_step and carries out the actions in order. It binds DIR/control.sock by
   itself before it enters its sandbox. */
#ifndef NODE_ENGINE_H
#define NODE_ENGINE_H

#include "node/process/config.h"
#include "node/process/log.h"

/* FRAME_SETTINGS of the engine: u8 version 1, u8 log level, u8 sync, u64 cache bytes, u64 payload quota, u16 length and text of DIR. */
struct engine_settings {
    enum log_level log_level;
    bool sync;
    uint64_t cache_bytes;
    uint64_t payload_quota_bytes;
    char dir[512];
};

void engine_settings_of_config(struct engine_settings *out, const struct config *config, const char *dir);
enum err engine_settings_encode(const struct engine_settings *settings, struct buf *out) MUST_USE;
enum err engine_settings_decode(struct bytes in, struct engine_settings *out) MUST_USE;

#endif
