/* live: the process of the live feed: ZeroMQ with CURVE for clients that are admitted by key, and on the loopback a lossy publisher
   for tools that know MISP's. It holds neither store nor keys of the mesh: it is a client of the control socket, and may open no file.
   LIVE.md is the protocol that its clients speak.

   FRAME_SETTINGS of the role: u8 version 1, u8 log level, u8 label of the publisher, then each with u32 length: listener and
   publisher's listener ("tcp://ADDRESS:PORT", each may be empty), DIR, keys (public 32, secret 32; empty without a listener). */
#ifndef NODE_LIVE_H
#define NODE_LIVE_H

#include "gossip/label.h"
#include "node/net/endpoint.h"
#include "node/process/dir.h"
#include "node/process/log.h"

#define LIVE_SESSIONS_MAX       256 /* at once, of all clients */
#define LIVE_SESSIONS_A_KEY_MAX 16
#define LIVE_STRANGERS_MAX      32            /* connections that have not said hello */
#define LIVE_ASK_BYTES_MAX      1024          /* a client's message */
#define LIVE_CREDIT_MAX         10000         /* messages that a client may have granted and not got */
#define LIVE_PAGE_MAX           512           /* messages asked of the engine at a time */
#define LIVE_QUEUE_BYTES_MAX    (512 * 1024)  /* that wait for one client; what comes beyond is asked for again later */
#define LIVE_WINDOW_BYTES_MAX   (1024 * 1024) /* given to ZeroMQ and not acknowledged by the client's kernel */
#define LIVE_OVERFULL_BYTES_MAX (256 * 1024)  /* received from a connection and no whole message of at most LIVE_ASK_BYTES_MAX */
#define LIVE_ALIVE_MS           5000          /* something is said at least so often */
#define LIVE_DEAD_MS            15000         /* a client that is not heard for so long is gone */

struct live_settings {
    enum log_level log_level;
    char listen[ENDPOINT_BYTES_MAX], pub[ENDPOINT_BYTES_MAX];
    enum tlp pub_label_max;
    char dir[DIR_PATH_MAX];
    struct bytes keys; /* borrowed */
};

enum err live_settings_encode(const struct live_settings *settings, struct buf *out) MUST_USE;
/* ERR_VERSION, ERR_FORMAT. The keys stay a view into `in`. */
enum err live_settings_decode(struct bytes in, struct live_settings *out) MUST_USE;

#endif
