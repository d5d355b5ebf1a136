/* live_message: what a client of the live feed and its server say to each other: LIVE.md. Pure: bytes in, struct out, and back.
   One frame is one message: a MessagePack array whose first element is the message's name. Every value has its shortest form. */
#ifndef NODE_LIVE_MESSAGE_H
#define NODE_LIVE_MESSAGE_H

#include "crypto/bytes.h"
#include "gossip/label.h"
#include "node/process/fields.h"
#include "node/subscribe/take_wire.h"

#define LIVE_VERSION 1

/* Is nothing of `a` beyond `b`? */
bool live_position_within(struct take_position a, struct take_position b);

/* --- client to server --- */
enum live_ask_kind { LIVE_HELLO = 1, LIVE_ACK = 2, LIVE_STILL = 3, LIVE_BYE = 4 };

struct live_ask {
    enum live_ask_kind kind;
    struct bytes subscription;     /* HELLO; a valid name, or empty: everything that the client may see. Borrowed */
    bool stored;                   /* HELLO: go on where the subscription itself stands */
    struct take_position position; /* HELLO unless stored, ACK */
    uint64_t credit;               /* HELLO, ACK: so many messages more */
};

/* Reads a client's message. ERR_VERSION: a hello of another version; ERR_FORMAT: anything else that is not a message of LIVE.md. */
enum err live_ask_read(struct live_ask *out, struct bytes message) MUST_USE;

/* --- server to client; all but an error begin with the position up to which the client then has everything --- */
struct live_object {
    struct take_position position;
    uint64_t added_us;
    enum tlp tlp;
    struct bytes author, id, type; /* UTF-8 */
    unsigned versions;             /* CONTROL_VERSION_ bits */
    struct bytes text;             /* JSON; written on one line */
};

void live_write_welcome(struct buf *out, struct take_position position);
void live_write_object(struct buf *out, const struct live_object *object);
struct live_withdrawn {
    struct take_position position;
    uint64_t cursor; /* where the object stood */
    uint64_t moment_ms;
    enum tlp tlp;
    struct bytes author, id, type, cause; /* UTF-8 */
};
void live_write_withdrawn(struct buf *out, const struct live_withdrawn *withdrawn);
void live_write_reset(struct buf *out, struct take_position position);
void live_write_still(struct buf *out, struct take_position position);
/* `code`: a word of LIVE.md that programs compare; `text`: what and what to do, for people. */
void live_write_error(struct buf *out, const char *code, const char *text);

#endif
