/* publisher: from items to blocks of the own log: publisher.c (drafts, blocks), publisher_open.c (may the log be written?), publisher_decide.c
   (the policy's word), publisher_known.c (what was published before). */
#ifndef NODE_PUBLISHER_H
#define NODE_PUBLISHER_H

#include "gossip/action.h"
#include "gossip/audience.h"
#include "gossip/author.h"
#include "gossip/policy.h"
#include "node/engine/control.h"
#include "node/engine/inflight.h"
#include "node/engine/tallies.h"
#include "node/ledger/ledger.h"

struct engine;

#define PUBLISHER_DRAFTS_MAX 8
#define PUBLISHER_EXPIRE_MS  (75ull * 24 * 3600 * 1000)

/* An own entry on its way: drafted, then signed, then stored and spread. */
struct draft {
    uint64_t seq; /* 0: free */
    enum entry_type type;
    struct buf entry; /* header and body, then the signature */
    struct buf payload;
    struct block *block;       /* for its pages; goes back to the pool */
    struct store_batch *batch; /* while it is being given */
    struct block_body body;
    struct buf readers;        /* EPOCH: node ids of the audience */
    struct buf recipients;     /* BLOCK: agency ids, for the ledger */
    struct buf withheld;       /* BLOCK: its author's word on who is left out (node/sharing/withheld.h) */
    struct ledger_cause cause; /* BLOCK: likewise */
    bool given;                /* to the core */
    bool waits;                /* signed, until it can be given */
    bool joined;               /* stored together with the next one, or not at all */
    uint64_t ticket;
};

/* The items of one publication that wait for a block. */
struct builder {
    struct block *block;
    uint64_t valid_until_ms; /* latest of its items; UINT64_MAX when one has no end */
    struct ledger_cause cause;
    struct buf recent; /* marks of its items in the publisher's table, 8 bytes each: taken out again if it is dropped */
};

/* The last decision of a publication, with all that it depended on. */
struct decision {
    uint64_t made_ms; /* 0: none */
    enum tlp tlp;
    uint64_t until_ms;
    char type[ITEM_TYPE_BYTES_MAX + 1];
    uint8_t marks[256];
    size_t marks_bytes;
    bool agreements;                                       /* some reader has one */
    char clauses[LEDGER_CLAUSES_MAX][LEDGER_CLAUSE_BYTES]; /* that cover it */
    struct verdict verdict;
};

/* A client's publication. */
struct publication {
    bool open;
    bool lint; /* only says what would be decided: nothing is published */
    enum tlp tlp;
    bool named;
    size_t recipients, rows; /* rows: of ANSWER_AUDIENCE; members of a group who cannot be sealed to count there */
    bool group_set;          /* it goes to a group: */
    uint8_t group_id[HASH_BYTES];
    enum tlp ceiling;    /* the lowest of all groups named */
    struct buf withheld; /* from whom of it, for ever (node/sharing/withheld.h); empty: from nobody */
    struct audience audience;
    struct decision decision;
    struct builder builders[CARRIAGE_DIRECT + 1];
    uint64_t accepted, known, refused;
    char refused_rule[TALLIES_RULE_BYTES]; /* of the first that was refused; "" */
    uint64_t last_seq;                     /* last entry that carries its items; 0: none */
    bool committing;
    uint64_t commit_tag;
    bool boxed;          /* it goes into the outbox */
    struct buf agencies; /* ids of all recipients, the own agency among them: what is decided for each, and for the outbox */
    struct buf box;      /* items that were let through and stand in no record yet: flags 1, length 4, encoded item */
    uint64_t box_items;
    uint64_t box_ticket; /* of its last record */
};

struct publisher {
    struct author *author;                     /* guarded */
    struct draft drafts[PUBLISHER_DRAFTS_MAX]; /* ring, in order of seq */
    size_t first, count;
    uint64_t head; /* last drafted */
    uint8_t head_id[HASH_BYTES];
    uint64_t durable; /* last own entry that is synced */
    uint64_t joined_tickets[PUBLISHER_DRAFTS_MAX];
    size_t joined_count; /* of drafts given, whose batch is about to be committed */
    struct block *pool[2 * PUBLISHER_DRAFTS_MAX + 2 * CONTROL_CLIENTS_MAX];
    size_t pool_count;
    struct inflight inflight;                    /* items in flight */
    uint64_t epoch_cache_seq, epoch_cache_epoch; /* last BLOCK entry looked up, and its epoch */
};

enum err publisher_init(struct engine *engine) MUST_USE;
void publisher_free(struct engine *engine);
/* ERR_BUSY: no draft is free, or the own log is behind: try again after publisher_progress. */
enum err publisher_entry(struct engine *engine, enum entry_type type, struct bytes body) MUST_USE;
struct item_verdict {
    enum err err; /* OK accepted, ERR_EXISTS known, ERR_DENIED and others refused */
    const char *rule, *reason;
};
/* flags: CONTROL_ITEM_ bits */
enum err publisher_item(struct engine *engine, struct publication *publication, struct bytes encoded, unsigned flags,
                        struct item_verdict *verdict) MUST_USE;
/* A statement's item, into the publication's block; one that is published already is passed over. `cause`: of the object that it
   carries, if any. ERR_BUSY, ERR_MEMORY. */
enum err publisher_statement(struct engine *engine, struct publication *publication, struct bytes encoded, enum carriage carriage,
                             const struct ledger_cause *cause) MUST_USE;
/* An item that was published before, into a block of the publication: nothing is asked. ERR_BUSY, ERR_MEMORY. */
enum err publisher_put(struct engine *engine, struct publication *publication, struct bytes encoded,
                       enum carriage carriage) MUST_USE;
enum err publisher_flush(struct engine *engine, struct publication *publication) MUST_USE; /* closes its blocks; ERR_BUSY */
void publisher_drop(struct engine *engine, struct publication *publication);
void publisher_signed(struct engine *engine, uint64_t seq, const uint8_t *signature);
void publisher_go_on(struct engine *engine); /* drafts that waited, if the own log may be written now */
/* All drafts from this number on are stored together, or, after a crash, none of them: called before any of them can be signed. */
void publisher_join(struct engine *engine, uint64_t seq);
void publisher_stop(struct engine *engine); /* the own log was forked: what was not given to the core yet is dropped */
void publisher_key_restarted(struct engine *engine);
void publisher_store_payload(struct engine *engine, const struct action *action);
void publisher_store_entries(struct engine *engine, const struct action *action);
bool publisher_stored(struct engine *engine, uint64_t ticket); /* after the core heard of it */
/* May the own log be written now? */
bool publisher_open(const struct engine *engine, const char **why);
/* Why this node's log may not be written, whoever can be reached; null when it may. */
const char *publisher_barred(const struct engine *engine);
/* Are publications taken, into blocks or into the outbox? `why` says why not, or what they wait for; else null. */
bool publisher_accepts(const struct engine *engine, const char **why);
/* Was this item published before, to everyone whom this publication addresses? (publisher_known.c) */
bool publisher_known(struct engine *engine, const struct publication *publication, const struct item *item, unsigned flags);
/* What publisher_item would say of an item before it goes into a block: form, policy, known already. */
void publisher_judge(struct engine *engine, struct publication *publication, struct bytes encoded, unsigned flags,
                     struct item_verdict *verdict);

/* publisher_decide.c: the policy's word on an item, for all that the publication goes to; it stands until the next one. */
const struct verdict *publisher_decide(struct engine *engine, struct publication *publication, const struct item *item);
/* What the policy says of an item, and nothing more; rule and reason also when it may go. */
void publisher_lint(struct engine *engine, struct publication *publication, struct bytes encoded, struct item_verdict *verdict);

#endif
