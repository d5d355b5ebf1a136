/* keyd: the key process: holds the identity and prekey secrets; signs and opens slots, nothing else. It reads DIR/node.key before it
   enters its sandbox, and then neither files nor network. */
#ifndef NODE_KEYD_H
#define NODE_KEYD_H

#include "node/process/log.h"

/* FRAME_SETTINGS of the key role: u8 version 1, u8 log level, u16 length and path of the key file, u16 length and passphrase. */
enum err keyd_settings_encode(struct buf *out, enum log_level log_level, const char *key_path, struct bytes passphrase) MUST_USE;

#endif
