/* frame: the messages between our processes, and between the engine and its local clients: one enum, one fixed header.
   A frame is: u32 body length, u16 type, u16 zero, u64 tag, body (big-endian). Bodies are fixed layouts through cursors, or one
   canonical MessagePack value where a comment says so. This enum is the design document of the process structure. */
#ifndef NODE_FRAME_H
#define NODE_FRAME_H

#include "crypto/bytes.h"

#define FRAME_HEADER_BYTES   16
#define FRAME_BODY_BYTES_MAX (1200 * 1024)

enum frame_type {
    /* parent -> child */
    FRAME_SETTINGS = 1, /* the role's settings, MessagePack or fixed: see each role's header; first frame a child reads */
    FRAME_PEER =
        2, /* body: u8 enum role (node/process/role.h) of the other end; an fd of a new socketpair rides along (SCM_RIGHTS) */
    FRAME_STOP = 3, /* finish what is under way and exit 0; of a tag other than 0 (hook only): programs that run may end first */
    FRAME_RESOLVED = 4, /* tag as asked; body: literal "tcp://ADDRESS:PORT" texts, each u8 length; empty: not found */
    FRAME_RESTARTS = 5, /* to the engine, when there was one; body: u8 role, u64 how often it was started again, for each role */
    FRAME_RELOADED = 6, /* to the engine, tag as asked; body: u16 enum err, u8 changed, u32 how many hooks, text of what is wrong */
    /* child -> parent */
    FRAME_READY = 10,   /* once; body: nothing, or of net: the endpoint that it listens on */
    FRAME_FATAL = 11,   /* body: u8 exit code (1 to 125), text for the operator; the child exits by itself */
    FRAME_RESOLVE = 12, /* body: "tcp://HOST:PORT" */
    FRAME_RELOAD = 13,  /* of the engine: DIR/hooks.yaml is to be read again; RELOADED follows */

    /* engine -> net; tag is the link number unless said otherwise */
    FRAME_NET_ALLOW = 20, /* body: all CURVE keys that may connect, 32 bytes each; links of others are closed at once */
    FRAME_NET_DIAL = 21,  /* body: 32-byte server key, literal endpoint text; the engine chooses an odd link number */
    FRAME_NET_SEND = 22,  /* body: one message */
    FRAME_NET_CLOSE = 23, /* answered by NET_DOWN, as every end of a link */
    /* net -> engine */
    FRAME_NET_UP = 30,      /* body: u8 outbound, 32-byte key of the peer, text of its address; inbound link numbers are even,
                               and begin with the first message: who dials speaks first, within 10 s */
    FRAME_NET_DOWN = 31,    /* body: text of the reason */
    FRAME_NET_MESSAGE = 32, /* body: one message */
    FRAME_NET_LOSSY = 33,   /* a send found the queue full: that message and later ones were dropped until the queue drained */
    FRAME_NET_COUNTS = 34, /* body: u64 refused strangers, u64 cut links, u64 bytes in, u64 bytes out; once a second when changed */
    FRAME_NET_SENT = 35, /* body: u32 bytes of messages of this link that the peer's kernel has acknowledged, or that were dropped,
                               since the last such frame: with at most 4 MiB under way nothing is lossy while the peer drains */
    FRAME_NET_CUT = 36,  /* the peer of this link did what no honest one does; body: text of what; NET_DOWN follows */

    /* engine -> key; tag is returned with the answer */
    FRAME_KEY_SIGN = 40,      /* body: purpose 1, type 1, suite 1, zero 1, seq 8, hash 32 */
    FRAME_KEY_OPEN = 41,      /* body: author agency 32, author node 16, EPOCH body */
    FRAME_KEY_PREKEY = 42,    /* make a new prekey; body: u64 now_ms */
    FRAME_KEY_FORGET = 43,    /* body: u64 now_ms, u8 caught up: wipe prekeys past their window */
    FRAME_KEY_STORE_KEY = 44, /* give the store key (asked once, at start) */
    FRAME_KEY_RENEW = 46,     /* body: u16 size of a drafted NODE record, the draft, the own agency's chain */
    FRAME_KEY_FLOOR = 45,     /* body: u64 highest own seq known; never sign an entry at or below it */
    /* key -> engine */
    FRAME_KEY_SIGNED = 50,     /* body: 64-byte signature */
    FRAME_KEY_OPENED = 51,     /* body: 32-byte epoch secret */
    FRAME_KEY_NEW_PREKEY = 52, /* body: prekey body 44, then the sealed key file to be written before the prekey is published */
    FRAME_KEY_STORE = 53,      /* body: 32-byte store key, 32-byte public signing key of this node */
    FRAME_KEY_REFUSED = 54,    /* body: u16 enum err */
    FRAME_KEY_FILE = 55,       /* body: a sealed key file to be written (after FORGET) */
    FRAME_KEY_RENEWED = 56,    /* body: 32-byte public ops key, 64-byte signature of the draft */
    /* key -> net, once */
    FRAME_KEY_CURVE = 60, /* body: 32-byte public, 32-byte secret CURVE key */

    /* client -> engine over the control socket; tag is chosen by the client and returned; node/engine/control.h has the bodies */
    FRAME_ASK_PUBLISH = 80,
    FRAME_ASK_ITEMS = 81,
    FRAME_ASK_COMMIT = 82,
    FRAME_ASK_SEARCH = 83,
    FRAME_ASK_GET = 84,
    FRAME_ASK_FEED = 85,
    FRAME_ASK_STATUS = 86,
    FRAME_ASK_PEERS = 87,
    FRAME_ASK_TRUST_RELOAD = 88,
    FRAME_ASK_VERIFY = 89,
    FRAME_ASK_CHAIN = 92,
    FRAME_ASK_ENTRY_ID = 93,
    FRAME_ASK_RECALL = 94,
    FRAME_ASK_RECALL_STATUS = 95,
    FRAME_ASK_KEEP = 96,
    FRAME_ASK_KEPT = 97,
    FRAME_ASK_GROUPS = 98,
    FRAME_ASK_GROUP = 110,
    FRAME_ASK_AGREEMENT = 111,
    FRAME_ASK_PAGE = 112,
    FRAME_ASK_WATCH = 113,
    FRAME_ASK_TOKENS = 114,
    FRAME_ASK_SUBSCRIPTION = 115,
    FRAME_ASK_TAKE = 116,
    FRAME_ASK_TAKEN = 117,
    FRAME_ASK_CLIENTS = 118,
    FRAME_ASK_HOOK = 119,
    FRAME_ASK_PERMISSION = 120,
    FRAME_ASK_SHARE = 121,
    FRAME_ASK_SIGHTING = 122,
    FRAME_ASK_REQUEST = 123,
    FRAME_ASK_WHY = 130,
    FRAME_ASK_LINT = 131,
    FRAME_ASK_LEDGER = 136,
    FRAME_ASK_LEDGER_SIGN = 137,
    FRAME_ASK_SUBJECT = 138,
    FRAME_ASK_ERASE = 139,
    FRAME_ASK_BACKUP = 129,
    FRAME_ASK_FIGURES = 127,
    FRAME_ASK_HELD = 124,
    FRAME_ASK_CARD = 126,
    /* engine -> client */
    FRAME_ANSWER_DONE = 100,
    FRAME_ANSWER_ERROR = 101,
    FRAME_ANSWER_OBJECT = 102,
    FRAME_ANSWER_AUDIENCE = 103,
    FRAME_ANSWER_ITEMS = 104,
    FRAME_ANSWER_DOCUMENT = 105,
    FRAME_ANSWER_KEPT = 106,
    FRAME_ANSWER_GROUPS = 107,
    FRAME_ANSWER_FIGURES = 128,
    FRAME_ANSWER_LEDGER = 140,
    FRAME_ANSWER_HELD = 141,
    FRAME_ANSWER_PAGE = 142,
    FRAME_ANSWER_WATCH = 143,
    FRAME_ANSWER_TOKENS = 144,
    FRAME_ANSWER_CLIENTS = 146,
    FRAME_ANSWER_HOOK = 147,
    FRAME_ANSWER_CARD = 148,
    FRAME_CLIENT_LAST = 149
};

/* A received frame; `body` is borrowed until the next call on the same channel. `fd` is -1 unless one came along. */
struct frame {
    enum frame_type type;
    uint64_t tag;
    struct bytes body;
    int fd;
};

/* The first frame in `in`: pure, and the only parser of frames. ERR_NOT_FOUND: `in` ends before it does. ERR_FORMAT: unknown type,
   non-zero padding or a body that is too long. `used` is set on OK. out->fd is -1. */
enum err frame_parse(struct bytes in, struct frame *out, size_t *used) MUST_USE;

/* One end of a stream socket, with bounded buffers for both directions; non-blocking. */
struct channel {
    int fd;
    struct buf in;
    size_t in_used; /* consumed prefix of `in` */
    struct buf out;
    size_t out_sent; /* sent prefix of `out` */
    int fds_in[8];   /* received descriptors that wait for their frame */
    size_t fd_count;
    bool takes_fds; /* off: descriptors sent to us are closed by the kernel, and FRAME_PEER is ERR_FORMAT */
};

void channel_init(struct channel *channel, int fd); /* sets O_NONBLOCK and CLOEXEC; owns the fd */
void channel_close(struct channel *channel);

/* Descriptors are taken only from a parent: this switches it on. */
void channel_take_fds(struct channel *channel);
/* Wipes what was consumed or sent and still stands in the buffers: after a frame with a secret. */
void channel_wipe(struct channel *channel);

/* Queues a frame (copying the body) and tries to send. ERR_CLOSED, ERR_MEMORY. No bound on what is queued here: senders look at
   channel_backlog and stop producing. */
enum err channel_send(struct channel *channel, enum frame_type type, uint64_t tag, struct bytes body) MUST_USE;
/* Queues only, so that many small frames go out with one system call at the next channel_flush. */
enum err channel_queue(struct channel *channel, enum frame_type type, uint64_t tag, struct bytes body) MUST_USE;
/* As channel_send with a descriptor riding along (sent at once, waiting up to 5 s: ERR_TIMEOUT; for the parent). The fd stays the
   caller's. */
enum err channel_send_fd(struct channel *channel, enum frame_type type, uint64_t tag, struct bytes body, int fd) MUST_USE;
enum err channel_flush(struct channel *channel) MUST_USE; /* OK also when some could not be sent yet */
size_t channel_backlog(const struct channel *channel);    /* bytes queued and not sent */

/* Reads what is there (at most 1 MiB a call). ERR_CLOSED at the end of the stream. */
enum err channel_fill(struct channel *channel) MUST_USE;
/* The next whole frame. ERR_NOT_FOUND: none yet. ERR_FORMAT: unknown type or too long: close the channel. */
enum err channel_next(struct channel *channel, struct frame *frame) MUST_USE;
/* Blocking convenience for clients and start-up: waits up to timeout_ms (-1: for ever) for the next frame. */
enum err channel_wait(struct channel *channel, struct frame *frame, int timeout_ms) MUST_USE;

#endif
