/* take_wire: the bodies of FRAME_ASK_TAKE and FRAME_ASK_TAKEN, and of what ends an answer to the first (node/engine/control.h): the command
   line, the web, live and hook processes write and read them on one side, the engine on the other. Pure. */
#ifndef NODE_TAKE_WIRE_H
#define NODE_TAKE_WIRE_H

#include "gossip/policy_facts.h"
#include "node/engine/scope.h"

/* How far a consumer came: all objects up to `cursor`, all rows of the withdrawal list up to `gone`. */
struct take_position {
    uint64_t cursor, gone;
};

/* Whose terms hold, by the name in `who` (consumers.h). Numbers are stored, hashed. */
enum take_kind {
    TAKE_KIND_NONE = 0,   /* the node's own user, who has none */
    TAKE_KIND_TOKEN = 1,  /* of the web process */
    TAKE_KIND_CLIENT = 2, /* of the live feed */
    TAKE_KIND_HOOK = 3,
    TAKE_KIND_SUBSCRIPTION = 4, /* in no question: its name is another one's */
};
#define TAKE_TERMS_BYTES 32 /* a hash */

/* What is new behind a position? */
struct take_question {
    struct bytes subscription; /* empty: none */
    enum policy_exit exit;     /* 0: the subscription's */
    struct bytes who;          /* for the ledger */
    unsigned labels;           /* bit n: enum tlp n */
    uint64_t limit;            /* of objects and withdrawals; 0: the engine's */
    bool stored;               /* begin at the subscription's own position; otherwise at: */
    struct take_position at;
    struct bytes filter; /* empty: none */
    bool as_objects;     /* objects come as ANSWER_OBJECT */
    struct scope scope;  /* of which groups; all zero: of none */
    bool fresh;          /* `at` is where the consumer was let begin, not where it says that it stands: it was told of nothing */
    enum take_kind kind;
    struct bytes terms; /* what else the consumer's own permission says, hashed by who asks for it; empty: nothing */
    bool keeps;         /* the consumer keeps what it was told, and has to hold at any time what it would be told from the start */
};
#define TAKE_LABELS_ALL 0x3eu /* TLP:CLEAR to TLP:RED: the policy and the subscription say which */

void take_question_write(struct buf *out, const struct take_question *question);
/* Views into the body. False: not well formed, or out of range. Who leaves out what stands behind `gone` asks for all groups. */
bool take_question_read(struct take_question *out, struct bytes body) MUST_USE;

/* Where the consumer stands after an answer. */
struct take_end {
    uint64_t count; /* objects and withdrawals told */
    struct take_position at;
    bool more;
    bool reset; /* nothing was told: the consumer drops what it has, and goes on at `at` */
    /* of a question that `keeps`: */
    bool keeps;
    uint64_t terms; /* what decides which objects are told, whatever the objects are; another number: begin from the start */
    uint64_t
        until_ms; /* wall time from which on more or less may be told although nothing came or went; 1: at any time; 0: never */
};
void take_end_write(struct buf *out, const struct take_end *end);
/* ERR_FORMAT. */
enum err take_end_read(struct take_end *out, struct bytes body) MUST_USE;

/* The consumer has all up to `at`, and `delivered` more were handed on; zeros in `at` move nothing. */
struct take_taken {
    struct bytes subscription;
    struct take_position at;
    uint64_t delivered;
};
void take_taken_write(struct buf *out, const struct take_taken *taken);
bool take_taken_read(struct take_taken *out, struct bytes body) MUST_USE;

/* The text of a withdrawal's item: {"cause":"recall"}. */
void take_cause_write(struct buf *out, const char *cause);
struct bytes take_cause_read(struct bytes text); /* the word in it; empty: there is none */

#endif
