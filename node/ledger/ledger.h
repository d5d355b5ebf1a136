/* ledger: what the engine writes into the disclosure ledger: a row for each own block, each block read, each question of a local user,
   and each administrative act; and the chain's end, signed. The store numbers rows and keeps them (store_ledger.c); the layout of
   each kind's details is in deploy/audit/LEDGER.md. */
#ifndef NODE_LEDGER_H
#define NODE_LEDGER_H

#include "gossip/entry.h"
#include "gossip/pack.h"
#include "gossip/policy.h"
#include "node/store/store.h"

#define LEDGER_RULES_MAX   8 /* told for one block; what it says of labels is complete */
#define LEDGER_RULE_BYTES  64
#define LEDGER_ASKED_MAX   1024         /* commitments in one row; more questions at once make more rows */
#define LEDGER_AHEAD_MAX   4096         /* questions asked in bulk that may be answered ahead of the sync of their rows */
#define LEDGER_SIGN_ROWS   1000         /* the end is signed at least so often, */
#define LEDGER_SIGN_MS     3600000      /* at least once an hour when there are new rows, and at every export */
#define LEDGER_TICKET      (1ull << 61) /* of commits that somebody waits for; no other ticket has this bit alone */
#define LEDGER_RUN_ROWS    256          /* handed to a client in one go */
#define LEDGER_COMMAND_MAX 96

struct engine;
struct client;
struct draft;
struct frame;
struct publication;

#define LEDGER_PURPOSES_MAX 8
#define LEDGER_CLAUSES_MAX  64
#define LEDGER_CLAUSE_BYTES 32

/* Why the items of a block may leave; collected while they are added to it. */
struct ledger_cause {
    uint64_t personal;                                            /* items marked as personal or police data */
    char purposes[LEDGER_PURPOSES_MAX][MARKS_NAME_BYTES_MAX + 1]; /* each once; empty ones at the end */
    char clauses[LEDGER_CLAUSES_MAX][LEDGER_CLAUSE_BYTES];        /* of agreements that cover it, likewise: "3f2a0c11 clause 2" */
    unsigned labels;                                              /* bit n: an item with label n */
    char rules[LEDGER_RULES_MAX][LEDGER_RULE_BYTES];              /* each once; empty ones at the end */
};
/* --- ledger_cause.c --- */
/* Either may be null: an item's rule is told apart from its marks. */
void ledger_cause_add(struct ledger_cause *cause, const struct item *item, const char *rule);
/* Clauses of agreements, each once: by what one verdict says, and all of one list into another. */
void ledger_clause_add(char list[static LEDGER_CLAUSES_MAX][LEDGER_CLAUSE_BYTES], const struct verdict *verdict);
/* All that is in another one, too: with its rules, clauses, purposes and count of personal data. */
void ledger_cause_join(struct ledger_cause *into, const struct ledger_cause *from);
/* As bytes of the store; null: none. Reading sets the cursor to failed on what is not of that form. */
void ledger_cause_write(struct buf *out, const struct ledger_cause *cause);
void ledger_cause_read(struct ledger_cause *out, struct cursor *cursor);
void ledger_clauses_join(char list[static LEDGER_CLAUSES_MAX][LEDGER_CLAUSE_BYTES],
                         char from[static LEDGER_CLAUSES_MAX][LEDGER_CLAUSE_BYTES]);

/* A user of an outer process who looks again and again (ledger_session.c). */
#define LEDGER_SESSIONS_MAX    256 /* beyond, whoever asked longest ago begins anew */
#define LEDGER_SESSION_IDLE_MS 5000
#define LEDGER_SESSION_MS      60000
#define LEDGER_WHO_MAX         64
struct ledger_session {
    bool used;
    enum policy_exit exit;
    char who[LEDGER_WHO_MAX + 1];
    uint32_t pid, uid;           /* of the process that asks for the user */
    uint64_t began_ms, asked_ms; /* monotonic */
    uint64_t ticket;             /* of the row that tells that it began */
    uint32_t questions;
    uint64_t shown;
};

struct ledger {
    uint8_t policy_hash[HASH_BYTES]; /* of the policy file as it was read; zeros without one */
    uint64_t tickets, tickets_durable;
    uint64_t signed_number, signed_ms; /* last signed end; monotonic time of the last attempt */
    uint64_t due_ms;                   /* when an erasure that waits is tried again; UINT64_MAX: none does */
    uint64_t head_ticket;              /* of the commit of the last signed end */
    bool asked;                        /* the key process was asked to sign `head` */
    struct disclosure_head head;
    struct ledger_session sessions[LEDGER_SESSIONS_MAX];
    uint64_t sessions_due_ms; /* monotonic: one may be over then */
};

/* What a client asked in this turn and saw of it: one row. */
struct ledger_look {
    char command[LEDGER_COMMAND_MAX]; /* empty: nothing to be told */
    uint8_t salt[DISCLOSURE_SALT_BYTES];
    uint32_t questions;
    uint64_t shown;
    struct buf asked; /* commitments */
    uint64_t hold;    /* answers wait for this ticket; 0: for none */
    uint64_t ticket;  /* of the last row */
    uint64_t ahead;   /* questions in rows that are not durable, answered all the same */
};

/* A walk over the ledger for a client, in turns. */
enum ledger_part { LEDGER_ROWS = 1, LEDGER_HEADS = 2, LEDGER_BLOCKS = 3 };
struct ledger_walk {
    bool active;
    enum ledger_part part;
    uint64_t tag, next, until, count;
};

/* --- ledger.c --- */
/* Once the store is open and the core knows who is pinned: the first row ever, and that the node starts. */
enum err ledger_open(struct engine *engine) MUST_USE;
/* The policy file was read: which one is told at the start. */
void ledger_policy(struct engine *engine);
void ledger_tick(struct engine *engine, uint64_t monotonic_ms);
void ledger_stored(struct engine *engine, uint64_t ticket);
void ledger_key_restarted(struct engine *engine);
/* The key process's answer; null: refused. */
void ledger_signed(struct engine *engine, const uint8_t *signature);
/* Asks for a signature of the end as it stands, unless it is signed already or a signature is on its way. */
void ledger_sign(struct engine *engine);

/* An own block, before its batch is committed. `to`: ids of the agencies that can read it, the own one left out. */
void ledger_out(struct engine *engine, struct store_batch *batch, const struct draft *draft);
/* A block of another node whose pages are in the batch. */
void ledger_in(struct engine *engine, struct store_batch *batch, const struct page_head *head, const struct block_body *body,
               size_t count);
/* An administrative act ("trust", "group", ...) and what it is about, by whoever has the client's end of the socket; null: the node itself.
   Into `batch`, or with null committed at once. `about` has no value of an observable in it. */
void ledger_act(struct engine *engine, struct store_batch *batch, const struct client *client, const char *act, const char *about);
/* The agencies that this publication is sealed to, for its draft. */
void ledger_recipients(struct engine *engine, const struct publication *publication, struct buf *out);

/* --- ledger_look.c --- */
/* A question begins; those of one turn by the same command share a row. */
void ledger_look(struct engine *engine, struct client *client, const char *command);
/* It asks for this: kind 0 an object id, else an observable. */
void ledger_look_asked(struct engine *engine, struct client *client, uint8_t kind, struct bytes value);
/* The turn is over: the row is written, unless the one before is on its way; then questions gather for the next. */
void ledger_look_turn(struct engine *engine, struct client *client);
void ledger_look_end(struct engine *engine, struct client *client); /* written in any case */
/* Answers to this client wait until the row that tells of them is on disk: always for a question asked alone, and in bulk when too many
   run ahead. */
bool ledger_look_holds(const struct engine *engine, const struct client *client);
/* The row itself, at once; `ticket` as for store_commit. */
void ledger_look_put(struct engine *engine, const struct ledger_look *look, uint32_t pid, uint32_t uid, uint64_t ticket);

/* --- ledger_session.c --- */
/* This user (a token's name, at most LEDGER_WHO_MAX bytes) asks through the client's process, to see objects by this exit. What is
   answered waits until the row of the session's begin is on disk. */
void ledger_session_look(struct engine *engine, struct client *client, enum policy_exit exit, const char *who);
/* So much is about to be sent to this user. Where the session is over meanwhile, another one begins. */
void ledger_session_shown(struct engine *engine, struct client *client, enum policy_exit exit, const char *who, uint64_t count);
/* Ends those that are over; returns when to come again. */
uint64_t ledger_sessions_tick(struct engine *engine, uint64_t monotonic_ms);
void ledger_sessions_end(struct engine *engine); /* all: the node stops */

/* --- ledger_ask.c: frames of the control socket --- */
void ledger_ask(struct engine *engine, struct client *client, const struct frame *frame);
void ledger_ask_pump(struct engine *engine, struct client *client);
void ledger_ask_sign(struct engine *engine, struct client *client, const struct frame *frame);
void ledger_ask_signed(struct engine *engine, enum err err); /* an end is perhaps signed and durable, or (err) will not be */
void ledger_ask_subject(struct engine *engine, struct client *client, const struct frame *frame);

/* The next [kind uint, value bin] of a question; kind 0 stands for an object's id. False: it is not well formed, or no value. */
bool ledger_asked_read(struct observable *out, struct pack_reader *reader) MUST_USE;
bool ledger_asked_tells(const struct item *item, struct observable asked);
size_t ledger_asked_find(struct store *store, struct observable asked, uint64_t *cursors, size_t max);

/* --- ledger_acts.c --- */
/* Tells of a request about groups, agreements, permissions and the like that would change something. */
void ledger_acts(struct engine *engine, const struct client *client, const struct frame *frame);

/* --- ledger_erase.c --- */
/* Notes the id of an object that is erased: behind its size (2 bytes). */
void ledger_id_add(struct buf *ids, struct bytes id);
void ledger_erase_ask(struct engine *engine, struct client *client, const struct frame *frame);
void ledger_erase_go_on(struct engine *engine, struct client *client);

#endif
