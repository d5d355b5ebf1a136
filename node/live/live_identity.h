/* live_identity: the CURVE keys by which clients know the live feed: DIR/live.key, made when they are first asked for. */
#ifndef NODE_LIVE_IDENTITY_H
#define NODE_LIVE_IDENTITY_H

#include "node/curve/curve_key.h"

#define LIVE_IDENTITY_PROBLEM_MAX 512

/* `keys` is guarded memory: public 32, secret 32. On an error `problem` says what and what to do. */
enum err live_identity_get(const char *dir, uint8_t keys[static 2 * CURVE_KEY_BYTES],
                           char problem[static LIVE_IDENTITY_PROBLEM_MAX]) MUST_USE;

#endif
