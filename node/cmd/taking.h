/* taking: the command line's side of FRAME_ASK_TAKE: objects and withdrawals behind a position, page by page. */
#ifndef NODE_TAKING_H
#define NODE_TAKING_H

#include "gossip/policy_facts.h"
#include "node/cmd/client.h"
#include "node/process/answer.h"
#include "node/subscribe/take_wire.h"

/* Keep it for all of a command; set what stands above the line, and an open client. */
struct taking {
    struct client *client;
    struct answer_reader *reader;
    const char *subscription; /* "": none */
    const char *filter;       /* "": none */
    const char *who;          /* for the ledger */
    enum policy_exit exit;    /* 0: the subscription's */
    bool stored;              /* begin at the subscription's own position; otherwise at end.at */
    uint64_t limit;           /* of the next page */
    struct take_end end;      /* what the last page said */
};

/* Something that was shown is gone. Views live during the call. */
struct taking_gone {
    uint64_t cursor; /* of the object */
    uint64_t number; /* of the row of the withdrawal list; 0: none */
    uint64_t time_ms;
    enum tlp tlp;
    struct bytes author, type, id;
    struct bytes cause;
};

struct taking_events {
    void *context;
    void (*object)(void *context, const struct answer *answer);
    void (*gone)(void *context, const struct taking_gone *gone);
};

/* Asks for one page and tells of what it holds. Says what went wrong. */
enum outcome taking_page(struct taking *taking, const struct taking_events *events) MUST_USE;
/* The subscription's own position moves to where the last page ended; `delivered` more were handed on. */
enum outcome taking_taken(struct taking *taking, uint64_t delivered) MUST_USE;

#endif
