/* take: what a consumer has not seen yet, in bounded bites: first the withdrawals of what it saw, then the objects that its filter, its
   labels and the policy let through. FRAME_ASK_TAKE and FRAME_ASK_TAKEN of node/engine/control.h. */
#ifndef NODE_TAKE_H
#define NODE_TAKE_H

#include "node/engine/scope.h"
#include "node/policy/policy_context.h"
#include "node/subscribe/consumers.h"
#include "node/subscribe/wanted.h"
#include "node/web/tokens.h"

#define TAKE_TICKET        (1ull << 60) /* of commits that move a position; no other ticket has this bit alone */
#define TAKE_LIMIT_DEFAULT 1000
#define TAKE_LIMIT_MAX     100000
#define TAKE_TEST_ITEMS    200000 /* the newest ones, that a test of a filter looks at */

/* What a connection took of a subscription since it last said how far it came. */
struct take_tally {
    uint64_t number; /* of the subscription; 0: none */
    uint64_t looked, matched, refused;
};

/* What is left to answer of an ASK_TAKE, or of a test. */
struct take_state {
    bool active, test;
    bool placed;                     /* the terms stand, and it was found from where to take; before, nothing is looked at */
    bool stored, fresh;              /* as in the question */
    struct consumer_stand stands[2]; /* whose terms: the consumer's, and the subscription's */
    size_t stand_count;
    bool holds;                                 /* the subscription's consumer was told of objects */
    uint64_t fence;                             /* who stands before this number of the withdrawal list begins anew */
    char name[SUBSCRIPTION_NAME_BYTES_MAX + 1]; /* of the subscription; "": none */
    bool as_objects;                            /* objects are ANSWER_OBJECT */
    bool keeps;                                 /* the consumer has to hold what it would be told from the start: */
    uint64_t terms, until_ms;                   /* take_wire.h */
    uint64_t tag, number;                       /* of the subscription; 0: none */
    struct wanted wanted;
    struct scope scope; /* of which groups */
    enum policy_exit exit;
    char who[TOKENS_NAME_BYTES_MAX + 1]; /* for the ledger */
    struct take_position at;
    uint64_t seen;      /* withdrawals of what stands behind it are no news */
    uint64_t began;     /* the cursor at the beginning */
    uint64_t gone_last; /* rows up to here come first */
    uint64_t limit, count, bytes;
    uint64_t looked, matched, refused;
    uint64_t told; /* of `count`: how many the ledger knows of */
    bool more;
    enum err err;
    struct buf out, copy;
};

void take_ask(struct engine *engine, struct client *client, const struct frame *frame);
/* ["test", ...] of FRAME_ASK_SUBSCRIPTION: the newest objects that the filter would take, as a feed has them. */
void take_test(struct engine *engine, struct client *client, uint64_t tag, const struct subscription *subscription,
               struct bytes text, uint64_t limit);
void take_pump(struct engine *engine, struct client *client); /* goes on: a turn of it */
void take_end(struct client *client);                         /* the client is gone, or has it all */
bool take_busy(const struct engine *engine);                  /* some go on without waiting for anything */

/* take_terms.c: of a consumer that keeps what it was told */
/* A number of all that decides, whatever the objects are, which of them this consumer is told and under which names: the policy at its exit, what
   the policy file understands, agencies and their names, groups, the subscription. Another number: another view of the same objects. */
uint64_t take_terms(struct engine *engine, const struct take_state *take, const struct subscription *subscription);
/* The moment from which on another decision follows from the clock alone: by groups, and by filters that ask for an age (1: at any). 0: none. */
uint64_t take_until(const struct wanted *wanted, const struct policy_facts *facts);
/* And of an object's own marks, when that is earlier. */
void take_until_object(uint64_t *until_ms, const struct item *item, uint64_t now_ms);

/* taken.c */
void taken_ask(struct engine *engine, struct client *client, const struct frame *frame);
/* The subscription stands at `to` from now on, if that is ahead of where it stands; or if its own place is one of which the pages and the
   withdrawal list know nothing any more. Zeros move nothing; nor does anything between a rewind and the next take from there. */
void taken_move(const struct engine *engine, struct subscription *subscription, struct take_position to);
void taken_stored(struct engine *engine, uint64_t ticket); /* a commit has completed */

#endif
