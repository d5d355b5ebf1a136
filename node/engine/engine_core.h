/* engine_core: the engine's state, shared by the files that act on it: engine.c (start, loop), engine_act.c (actions of the core),
   engine_own.c (the own chain), reader.c (payloads to pages), publisher.c (items to blocks), outbox.c (items that wait), statement.c (what
   this node says itself), recalls.h and its files (what is taken back),
   server.c (local clients), query.c, report.c, figures_tell.c, completeness.c, upkeep.c. */
#ifndef NODE_ENGINE_CORE_H
#define NODE_ENGINE_CORE_H

#include "gossip/author.h"
#include "gossip/gossip.h"
#include "gossip/policy.h"
#include "node/sharing/agreements.h"
#include "node/engine/control.h"
#include "node/sharing/dealings.h"
#include "node/engine/engine.h"
#include "node/engine/kept.h"
#include "node/engine/inflight.h"
#include "node/engine/scope.h"
#include "node/engine/tallies.h"
#include "node/store/idset.h"
#include "node/store/labelmap.h"
#include "node/sharing/groups.h"
#include "node/ledger/ledger.h"
#include "node/process/log_event.h"
#include "node/process/notices.h"
#include "node/process/proc.h"
#include "node/sharing/recipients.h"
#include "node/recall/recalls.h"
#include "node/sharing/statement.h"
#include "node/store/store.h"
#include "node/subscribe/take.h"
#include "node/web/tokens.h"
#include "node/identity/trust_files.h"

/* What the tag of a frame to the key process is for: its highest byte; the rest says which one. */
enum key_tag { KEY_TAG_LINK = 1, KEY_TAG_EPOCH = 2, KEY_TAG_PREKEY = 3, KEY_TAG_ENTRY = 4, KEY_TAG_RENEW = 5, KEY_TAG_LEDGER = 6 };
static inline uint64_t key_tag(enum key_tag purpose, uint64_t which) { return (uint64_t)purpose << 56 | which; }

/* --- reader.c --- */
#define CHAIN_NAME_BYTES       24 /* of an agency's id, in hexadecimal behind "chain/": all of it does not fit into a name */
#define READER_EPOCHS          512
#define READER_HELD_MAX        1024
#define READER_PENDING_EACH    32 /* epochs of one agency that wait for the key process: it fills no places of others */
#define READER_HELD_BYTES_EACH (8 * 1024 * 1024) /* payloads of one agency that wait for their epochs; others are asked for again */
#define READER_COUNT_KEY       "blocks-read"
#define READER_OURS_PREFIX     "secret/ours" /* then the author's node and the epoch: "1" or "0" */

enum epoch_state { EPOCH_EMPTY, EPOCH_PENDING, EPOCH_NOT_OURS, EPOCH_OURS };
struct reader_epoch {
    enum epoch_state state;
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t seq;
    uint64_t used;
    uint8_t secret[EPOCH_SECRET_BYTES];
};
/* EPOCH entries of a log that the key process is yet to be asked about. */
struct postponed {
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t from, until;
};
/* A payload that waits for its epoch. */
struct held {
    uint64_t ticket;
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t seq;
    struct block_body body;
    struct buf payload;
};
struct reader {
    struct reader_epoch *epochs; /* READER_EPOCHS, guarded */
    uint64_t clock;
    struct held *held;
    size_t held_count, held_capacity;
    struct postponed *postponed;
    size_t postponed_count, postponed_capacity;
    struct block *block;
    uint64_t blocks_read; /* of the payloads that are here, own ones included, those that were read */
    uint64_t blocks_bad;  /* blocks addressed to us whose content was not as signed or not well formed */
};

/* --- publisher.c --- */
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

/* --- outbox.c --- */
struct outbox {
    uint64_t first, next;  /* numbers of the records that wait; none when equal */
    uint64_t items, bytes; /* in them */
    uint64_t tickets, tickets_durable;
    /* The first one, while it is turned into blocks. */
    bool open;
    struct buf record;
    struct cursor items_left;
    uint64_t record_items, refused;
    const char *refused_why;
    struct publication publication;
};

/* --- statement.c --- */
struct statements {
    uint64_t first, next; /* numbers of the records that wait, with gaps; none when equal */
    uint64_t at;          /* the next one to be looked at */
    uint64_t bytes;       /* in them, about */
    bool passed;          /* some cannot be sealed now: all are looked at again at again_ms */
    uint64_t again_ms;
    struct buf record, readers;
    /* Those in the block under way, all to the same readers. */
    bool open;
    enum carriage carriage;
    struct publication publication;
    uint64_t taken[STATEMENT_BATCH_MAX];
    size_t taken_count;
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

/* --- server.c --- */
struct feed_state {
    bool active, follow;
    uint64_t tag, after, count, limit;
    enum policy_exit exit; /* by which it leaves */
    uint64_t withheld;     /* what the policy kept back */
    enum tlp tlp_max;
    char type[ITEM_TYPE_BYTES_MAX + 1];
    bool from_set;
    uint8_t from[AGENCY_ID_BYTES];
    struct wanted wanted;
};
/* Who answers in pieces stops when so much or more waits to be sent, and goes on when the client has read. */
#define CLIENT_FULL_BYTES (256 * 1024)

/* What is left to answer of an ASK_PAGE. */
#define PAGE_TYPES_MAX 32
#define PAGE_IDS_MAX   32
struct page_state {
    bool active;
    uint64_t tag, after, count, limit, looked;
    uint64_t from; /* all behind it was looked at */
    unsigned labels, versions;
    enum policy_exit exit;               /* what the policy is asked about */
    char who[TOKENS_NAME_BYTES_MAX + 1]; /* whose token */
    char types[PAGE_TYPES_MAX][ITEM_TYPE_BYTES_MAX + 1];
    size_t type_count;
    char ids[PAGE_IDS_MAX][ITEM_ID_BYTES_MAX + 1];
    size_t id_count;
    struct scope scope;
    uint64_t *hits; /* cursors of these ids, rising, and how many */
    size_t hit_count;
    struct buf out;  /* ANSWER_PAGE under construction */
    struct buf copy; /* of the page that is looked at: the cache may lose it */
    uint64_t bytes;  /* answered so far */
};
struct live_counts {
    bool told;
    uint64_t counts[CONTROL_LIVE_COUNT];
};
struct client {
    bool used;
    uint32_t uid, pid; /* of whoever connected */
    struct channel channel;
    struct publication publication;
    struct feed_state feed;
    struct page_state page;
    struct take_state take;
    struct take_tally tally;
    uint64_t taken_tag, taken_ticket; /* its position is on the way to the disk; ticket 0: none is */
    bool watching;
    unsigned watch_files;          /* CONTROL_WATCH_ bits */
    uint64_t watch_tag, watch_end; /* told of all before it */
    uint64_t watch_gone;           /* and of all withdrawals up to this one */
    uint64_t watch_unsaid;         /* files that it was sent and does not say it holds yet */
    bool files_wait;               /* it is answered when nobody has any of those */
    uint64_t files_tag, files_due_ms;
    bool hooks; /* this is the hook process */
    uint64_t hooks_tag;
    struct live_counts live; /* what the live process told of itself */
    bool stalled;            /* in the middle of an ASK_ITEMS frame */
    struct frame frame;      /* that frame */
    struct cursor items;     /* where it stands */
    uint64_t item_index;
    struct buf answer; /* ANSWER_ITEMS under way */
    uint32_t answer_count;
    uint64_t frame_accepted, frame_known, frame_refused;
    uint64_t verify_number, verify_tag, verify_due_ms; /* a peer was asked for its signed heads; number 0: none was */
    struct recall_task recall;                         /* that this client asked for */
    bool closing;
    struct ledger_look look;
    struct ledger_walk ledger_walk;
    uint64_t sign_tag, sign_number; /* waits for the ledger's end, signed at or behind this row */
    bool sign_waits;
    struct buf erase; /* the request, while other pages are being changed */
    uint64_t erase_tag;
    bool erase_waits;
    uint64_t kept_tag, kept_ticket; /* waits for this commit (kept.c); 0: for none */
};

/* What the hook process told of itself. */
struct hook_desk {
    struct buf document; /* what `comity hook list` shows; empty: there is no such process */
    uint64_t count, failing;
    uint64_t number; /* of the last question that was passed on */
    /* "reload": the one that is under way. */
    struct client *reloader; /* who asked; null: it is gone, or nobody did */
    uint64_t reload_tag, reload_number;
    uint32_t reload_count;           /* hooks of the new file */
    bool reload_waits, reload_fresh; /* for a hook process that was started since; it is attached */
};

struct name_of_agency {
    uint8_t agency_id[AGENCY_ID_BYTES];
    char name[TRUST_NAME_BYTES_MAX + 1];
};

struct link_address {
    uint32_t link;
    char text[96];
};

/* What the core asked for that is answered by a further event. */
struct follow_up {
    enum action_kind kind;
    uint64_t ticket;
    uint8_t node_id[NODE_ID_BYTES];
    uint8_t agency_id[AGENCY_ID_BYTES]; /* whose chain grew */
    uint64_t seq;
    size_t size_max;
};

struct engine {
    struct proc_child child;
    struct engine_settings settings;
    struct store *store;
    struct gossip *gossip;
    struct actions actions;
    struct follow_up *follow_ups;
    size_t follow_up_count, follow_up_capacity;
    struct random random;
    struct block_codec *codec;
    struct policy_settings policy; /* as read at the start */
    struct buf scratch, scratch_entry, scratch_page;

    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    char own_name[AGENCY_NAME_BYTES_MAX + 1];
    struct buf own_prekeys; /* PREKEY entries of the own agency's nodes, as the card tells them */
    uint32_t own_records;   /* of the chain that the card tells */
    struct buf renew_draft; /* the certificate that the key process is asked to sign */
    bool renew_asked;
    uint64_t renew_noticed_ms;
    struct name_of_agency *names;
    size_t name_count;

    struct reader reader;
    struct labelmap labels;
    struct idset ids;         /* of all items, once ids_at has come to ids_end */
    uint64_t ids_at, ids_end; /* noting those that were there when it was begun */
    uint64_t labels_from;     /* every item from here on was noted in it */
    uint64_t added_next_us;   /* the next item is added then, or later */
    struct publisher publisher;
    struct outbox outbox;
    struct ledger ledger;
    struct statements statements;
    struct groups groups;
    struct agreements agreements;
    struct dealings dealings;
    struct recalls recalls;
    struct kept kept;
    struct gone gone;
    struct subscriptions subscriptions;
    struct hook_desk hooks;
    int listener;
    struct client clients[CONTROL_CLIENTS_MAX];

    char last_notices[16][160]; /* what the operator should see, newest last */
    uint64_t notices_ms[16];    /* wall clock */
    uint64_t notice_count;
    struct tallies tallies;
    uint64_t disk_noticed_ms; /* monotonic; 0: not yet */
    struct notices notices;
    uint64_t net_refused, net_cut, net_bytes_in, net_bytes_out;
    uint64_t started_ms, started_monotonic_ms;
    uint64_t upkeep_due_ms, upkeep_minute_ms;
    bool prekey_asked;
    bool replaying;             /* DIR/restored is there: nothing is shown */
    uint64_t replay_settled_ms; /* monotonic; since then all that was heard of is here; 0: it is not */
    uint64_t verify_numbers;    /* given to questions of completeness so far */
    bool stopping;
    int landlock_abi; /* what the kernel offers, asked before the sandbox closes */
    int exit_code;
};

/* The number of the newest item; 0 when there is none. */
static inline uint64_t last_cursor(const struct engine *engine) {
    uint64_t next = store_cursor_next(engine->store);
    return next ? next - 1 : 0;
}

/* engine.c */
void engine_fail(struct engine *engine, int exit_code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Sends an event through the core and carries out what comes of it. Not from within itself: follow-ups are queued. */
enum err engine_step(struct engine *engine, struct event *event);
void engine_to_key(struct engine *engine, enum frame_type type, uint64_t tag, struct bytes body);
void engine_to_net(struct engine *engine, enum frame_type type, uint64_t tag, struct bytes body);
const char *engine_agency_name(const struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]);
/* Pinned, or the own one; null: neither. Borrowed until the next step. */
const struct agency *engine_agency(const struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]);
bool engine_agency_of_name(const struct engine *engine, struct bytes name, uint8_t agency_id[static AGENCY_ID_BYTES]);
/* For the log and for the list that status shows; the same a few times a minute only. */
void engine_notice(struct engine *engine, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the event's id; `fields` may be null. */
void engine_event(struct engine *engine, enum log_event event, const struct log_field *fields, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* For the log only; likewise the same a few times a minute: of what a partner can bring about at any rate. */
void engine_tell(struct engine *engine, enum log_event event, const struct log_field *fields, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Waits until all that is under way to the disk is there and found, and does what follows from that. Rows (records.h) tell of what came at
   once, pages and index when it is stored: for who needs both, and is asked seldom. Not from within a step, or while a batch is filled. */
void engine_settle(struct engine *engine);

/* engine_act.c */
void engine_act(struct engine *engine);
void engine_follow_up(struct engine *engine, const struct follow_up *follow_up);

/* reader.c */
enum err reader_init(struct engine *engine) MUST_USE;
void reader_free(struct engine *engine);
void reader_entries(struct engine *engine, struct store_batch *batch, struct bytes entries, uint64_t ticket);
void reader_payload(struct engine *engine, const struct action *action);
/* Tells the core that a payload cannot be taken now. */
void reader_refused(struct engine *engine, uint64_t ticket);
/* Asks about epochs that had to wait, as far as there is room. */
void reader_resume(struct engine *engine);
/* The key process has spoken: the epoch's secret, or null and why not. */
void reader_opened(struct engine *engine, uint64_t which, const uint8_t *secret, enum err why);
/* An EPOCH entry met while scanning: asks the key process if nobody knows yet whether it is ours (a crash came in between). */
void reader_epoch_seen(struct engine *engine, struct bytes bytes);
void reader_truncate(struct engine *engine, struct store_batch *batch, const uint8_t *node_id, uint64_t seq);
void reader_key_restarted(struct engine *engine);
void reader_count(struct engine *engine, struct store_batch *batch, int change); /* payloads that were read and are here */
void reader_count_load(struct engine *engine);                                   /* once the store is open */
/* Adds the pages and terms of an opened or closed block to a batch. `head` gives author, seq, expiry; cursors are drawn here. */
enum err reader_pages(struct engine *engine, struct store_batch *batch, const struct page_head *head,
                      const struct block *block) MUST_USE;

/* publisher.c */
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
void publisher_go_on(struct engine *engine);
/* All drafts from this number on are stored together, or, after a crash, none of them: called before any of them can be signed. */
void publisher_join(struct engine *engine, uint64_t seq); /* drafts that waited, if the own log may be written now */
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

/* outbox.c */
enum err outbox_load(struct engine *engine) MUST_USE; /* once store and core are open */
void outbox_free(struct engine *engine);
bool outbox_takes(const struct engine *engine); /* must a publication that is opened now go there? */
enum err outbox_item(struct engine *engine, struct publication *publication, struct bytes encoded, unsigned flags,
                     struct item_verdict *verdict) MUST_USE;
enum err outbox_put(struct engine *engine, struct publication *publication) MUST_USE; /* what was let through becomes a record */
bool outbox_durable(const struct engine *engine, const struct publication *publication);
void outbox_stored(struct engine *engine, uint64_t ticket);
void outbox_drain(struct engine *engine); /* goes on turning records into blocks */
/* What waits and tells of any of these goes, out of all files too; nothing may be under way to the disk, and the batch is to be on it before
   the outbox goes on. Their ids are noted (ledger_id_add). */
enum err outbox_erase(struct engine *engine, struct store_batch *batch, const struct observable *asked, size_t asked_count,
                      struct buf *ids, uint64_t *dropped) MUST_USE;
/* Nothing of what waits is published; returns how many objects that were. */
uint64_t outbox_drop(struct engine *engine);
void outbox_again(struct engine *engine); /* the recipients of the record under way are resolved anew: trust changed */

/* server.c, query.c, report.c */
enum err server_init(struct engine *engine) MUST_USE;
void server_free(struct engine *engine);
void server_accept(struct engine *engine);
void server_client(struct engine *engine, struct client *client, short revents);
void server_progress(struct engine *engine); /* drafts were stored, pages arrived: go on where clients wait */
void server_answer(struct client *client, enum frame_type type, uint64_t tag, struct bytes body);
void server_error(struct client *client, uint64_t tag, enum err err, const char *format, ...) __attribute__((format(printf, 4, 5)));
void query_search(struct engine *engine, struct client *client, const struct frame *frame);
void query_get(struct engine *engine, struct client *client, const struct frame *frame);
void query_feed(struct engine *engine, struct client *client, const struct frame *frame);
void query_feed_pump(struct engine *engine, struct client *client);
void query_feed_end(struct engine *engine, struct client *client); /* the client is gone, or has it all */
/* ANSWER_OBJECT, as a feed has it. */
void query_object_answer(struct engine *engine, struct client *client, uint64_t tag, const struct shown *shown);
/* Is there a later version of this object by the same agency? */
bool query_superseded(struct engine *engine, const struct shown *shown);
void why_ask(struct engine *engine, struct client *client, const struct frame *frame); /* why.c */
void server_publications_end(struct engine *engine,
                             const char *why);      /* those that are open: what they were resolved from changed */
void server_decisions_again(struct engine *engine); /* what the policy said of publications that are open is forgotten */
void server_publications_group(struct engine *engine, const uint8_t group_id[static HASH_BYTES]); /* likewise, those to a group */
void report_status(struct engine *engine, struct client *client, const struct frame *frame);
void report_peers(struct engine *engine, struct client *client, const struct frame *frame);
/* The live process's client; null where there is none, or it said nothing yet. */
const struct live_counts *report_live(const struct engine *engine);
void figures_tell(struct engine *engine, struct client *client, const struct frame *frame); /* figures_tell.c */

/* query_page.c, watch.c: what the web process asks */
void query_page(struct engine *engine, struct client *client, const struct frame *frame);
void query_page_pump(struct engine *engine, struct client *client);
void query_page_end(struct client *client);
void query_groups(struct engine *engine, struct client *client, const struct frame *frame); /* query_groups.c */
bool query_page_busy(const struct engine *engine); /* some go on without waiting for anything */
/* versions.c */
void versions_start(struct engine *engine); /* the node runs now: a large store is noted at once */
void versions_begin(struct engine *engine); /* somebody will ask: notes all items, in turns */
void versions_go_on(struct engine *engine);
bool versions_busy(const struct engine *engine);
/* Is it known that at most one item stands under its id in the index? */
bool versions_single(struct engine *engine, const struct item *item);
void versions_note(struct engine *engine, const struct item *item); /* it is being stored */
/* CONTROL_VERSION_ bits; the views in `item` may die: it looks at other pages when the id may stand more than once. */
unsigned versions_of(struct engine *engine, uint64_t cursor, const struct page_head *head, const struct item *item);
void watch_begin(struct engine *engine, struct client *client, const struct frame *frame);
void watch_tick(struct engine *engine, struct client *client); /* tells of what is new */
void watch_tokens(struct engine *engine, struct client *client, const struct frame *frame);
void watch_clients(struct engine *engine, struct client *client, const struct frame *frame);
void watch_held(struct client *client);
void watch_files_go_on(struct engine *engine, struct client *client); /* while files_wait */

/* hooks.c: between the hook process and who asks about it */
void hooks_ask(struct engine *engine, struct client *client, const struct frame *frame);
void hooks_leave(struct engine *engine, struct client *client);        /* the client goes */
void hooks_reloaded(struct engine *engine, const struct frame *frame); /* FRAME_RELOADED of the parent */

/* backup_ask.c, replay.c: copies of this node, and the first time of one that came from a copy */
void backup_ask(struct engine *engine, struct client *client, const struct frame *frame);
void replay_load(struct engine *engine);
void replay_opened(struct engine *engine); /* once the logs of the store are known */
void replay_tick(struct engine *engine, uint64_t monotonic_ms);
/* Answers with an error what would show objects, until the recalls since the backup are here. */
bool replay_refuses(struct engine *engine, struct client *client, const struct frame *frame);

/* completeness.c */
void completeness_ask(struct engine *engine, struct client *client, const struct frame *frame);
void completeness_answer(struct engine *engine, const struct action *action);
void completeness_tick(struct engine *engine, struct client *client); /* the peer may be too late */
void completeness_end(struct engine *engine, struct client *client);  /* the client is gone */

/* engine_own.c: the own agency's chain and card */
void own_card_write(struct engine *engine, struct bytes prekeys); /* with these PREKEY entries, if they are newer */
void own_chain_look(struct engine *engine);                       /* did the mesh bring a longer one? */
void own_prekey_seen(struct engine *engine, struct bytes entry);
enum err own_chain_take(struct engine *engine, struct bytes chain, struct bytes prekeys) MUST_USE;
void own_chain_ask(struct engine *engine, struct client *client, const struct frame *frame);
void own_entry_ask(struct engine *engine, struct client *client, const struct frame *frame);
void own_renew_tick(struct engine *engine, uint64_t now_ms);
void own_renewed(struct engine *engine, struct bytes answer); /* of the key process; empty: refused */

/* engine_trust.c: DIR/trust into the core */
size_t trust_load_all(struct engine *engine); /* returns the number of pinned agencies */
/* The card of this name was written, replaced or removed. ERR_CHAIN: what is known of that agency contradicts it. */
enum err trust_load_one(struct engine *engine, const char *name) MUST_USE;
void trust_card_ask(struct engine *engine, struct client *client, const struct frame *frame);

/* engine_logs.c: the store's logs, proofs of forks and own epochs into the core */
enum err logs_load_all(struct engine *engine) MUST_USE; /* at the start, once trust is known */
/* Logs that the core knows since, of this agency (null: of all), which was pinned or whose chain grew: they go on where the store left off.
   To be called before the core hears of anything else. */
void logs_load_known(struct engine *engine, const uint8_t *agency_id);
/* Drops what stands from `seq` on, of a branch that does not count; objects that were read from it stay in their pages. `ticket` as in
   store_commit. */
void logs_truncate(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, uint64_t ticket);
/* Before consecutive entries of one log are stored: where others stand at their numbers, these go, and all that stands behind them. */
void logs_one_branch(struct engine *engine, struct bytes entries);

/* upkeep.c: what is done at the start and from time to time */
enum err upkeep_open(struct engine *engine, char why[static 256]) MUST_USE; /* store, chains, logs, epochs into the core */
void upkeep_tick(struct engine *engine);
void upkeep_new_prekey(struct engine *engine, struct bytes body);
void upkeep_key_file(struct engine *engine, struct bytes file);
void upkeep_prekey_stored(struct engine *engine);

#endif
