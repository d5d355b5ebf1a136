/* recalls: what was taken back, at this node: by authors, by itself, and by time. recall_entry.c notes what RECALL entries say and knows where
   a block's items stand; withdraw.c takes them out, and tells the author; recall_receipt.c keeps what readers tell of own ones;
   recall_make.c recalls own objects; recall_ask.c answers clients; expiry.c takes out what is over.

   In the store's meta: "recall/NODE/BLOCK" what is known of a recalled block; "alias/NODE/BLOCK" a replacement whose items stand in
   the pages of the block replaced: where; "recall-now/BLOCK" which own block replaces this one now; "receipt/BLOCK/NODE" that a
   reader erased it, and with "/w" behind that it withdrew it; "third/BLOCK/NODE/INDEX" likewise of one who got the object from another
   reader; "secret/recalled/MARK/BLOCK" that an object was recalled, under a keyed hash of its id. */
#ifndef NODE_RECALLS_H
#define NODE_RECALLS_H

#include "gossip/recall.h"
#include "node/engine/epochs.h"
#include "node/recall/gone.h"
#include "node/recall/recall_text.h"
#include "node/sharing/statement.h"

#define RECALL_TICKET    (1ull << 62) /* no ticket of the core or the outbox has this bit alone */
#define RECALL_IDS_MAX   4096         /* objects in one request */
#define RECALL_ROUND_MS  500          /* from the first thing taken out to the round that erases it */
#define RECALLS_LEFT_MAX 64           /* tasks whose clients went away */
#define EXPIRY_PAGES_MAX 128          /* looked at in one go */

struct engine;
struct client;
struct frame;

/* What is known of a recalled block: the value of "recall/NODE/BLOCK". */
struct recall_row {
    enum recall_state state;
    uint64_t by; /* number of the RECALL entry */
    uint64_t noted_ms, withdrawn_ms, erased_ms;
    uint64_t count;   /* items that were held */
    enum ours reader; /* does the author wait for our receipts? */
    uint8_t agency_id[AGENCY_ID_BYTES];
    struct recall recall;
};

/* A recalled block on its way: noted, until its entry is stored; withdrawn, until the round is over. */
struct recall_waiting {
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t block;
    uint64_t ticket; /* of the entry's commit; 0: stored */
    bool withdrawn;
    bool begun; /* a round that erases it, or nothing has to be erased */
    uint64_t round;
};

/* An own item that is to be recalled, by the block whose pages hold it. */
struct recall_item {
    uint64_t holder;
    uint32_t index;
};
struct recall_task {
    bool active;
    enum recall_cause cause;
    struct buf reason;
    struct recall_item *items;
    size_t item_count, item_capacity, at;
    size_t sorted; /* as many are in order */
    bool failed;   /* some block could not be recalled */
    uint64_t objects, last_seq;
    uint64_t tag; /* of the client that waits */
};

/* What a reader said of a recalled block. */
struct receipt {
    enum recall_state state;
    uint64_t count, withdrawn_ms, erased_ms;
    uint8_t via[AGENCY_ID_BYTES]; /* of a third reader's: who passed it on */
};

/* An own recalled block that some reader may not have erased yet. */
struct recall_due {
    uint64_t block, noted_ms, said_ms; /* said_ms: when it was last said to be overdue; 0: never */
    uint32_t waiting;                  /* readers: pinned, not revoked, and not known to have erased it */
    uint64_t look_ms;                  /* monotonic: when to look at it next; 0: in its turn, within minutes */
    bool before;                       /* from before the start: that it is complete is no news then */
};
#define RECALL_DUE_MAX    65536 /* blocks followed; of more only `comity recall status` tells */
#define RECALL_OVERDUE_MS (24ull * 3600 * 1000)

struct recalls {
    struct recall_due *due; /* in the order of their noting */
    size_t due_count, due_capacity, due_at;
    uint64_t due_next_ms; /* the earliest of their look_ms, or earlier; UINT64_MAX: none has one */
    uint64_t due_look_ms; /* monotonic: when some are looked at again without a receipt */
    struct recall_waiting *waiting;
    size_t count, capacity;
    bool writing; /* pages are being changed: one commit at a time, so that none is changed twice from the same state */
    uint64_t ticket, tickets;
    uint64_t round_due_ms;     /* 0: nothing to erase */
    uint64_t expired_until_ms; /* all that fell due before was looked at */
    uint64_t due_ms;           /* when the loop has to come back; UINT64_MAX: when something happens */
    uint64_t sweep_due_ms;     /* when what falls due is looked at next */
    uint64_t items_expired;
    uint64_t made_seq; /* the last RECALL made here: the next begins when it is stored, for it may be about the same pages */
    struct recall_task expired;                /* own objects that are over */
    struct recall_task left[RECALLS_LEFT_MAX]; /* begun by clients that went away: they are finished all the same */
    size_t left_count;
};

/* --- recall_entry.c --- */
enum err recalls_load(struct engine *engine) MUST_USE; /* at the start, once logs are in the core */
/* Tells the core again what was recalled of a log that it forgot: its agency is pinned again. */
enum err recalls_load_again(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES]) MUST_USE;
void recalls_free(struct engine *engine);
/* Taken out with the commit under way; noted as erased after the next round. */
void recall_await_erased(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block);
/* A RECALL entry that is being stored with this batch and ticket. */
void recall_entry(struct engine *engine, struct store_batch *batch, const struct entry *entry, uint64_t ticket);
void recall_truncate(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
enum err recall_row_get(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                        struct recall_row *out) MUST_USE;
void recall_row_put(struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                    const struct recall_row *row);

/* The ids of the nodes that an own block was sealed to, one after the other. ERR_NOT_FOUND and what the store says. */
enum err recall_block_readers(struct engine *engine, uint64_t block, struct buf *out) MUST_USE;
/* Is this block sealed to this node, by another one? Unknown until the key process has looked at its epoch, which a recall that comes along
   with it does not wait for. The block's entry is in engine->scratch_entry then. */
enum ours recall_reads(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block);

/* Where the items of a block stand: in pages of its own, or in those of the block that it replaces. */
struct recall_place {
    uint64_t holder; /* the block whose pages they are */
    uint64_t cursor; /* of the holder's first item */
    uint32_t items;  /* of the holder */
    bool own;        /* item i of the block is item i of the holder; otherwise item i + 1 is item map[i] */
    uint16_t map[BLOCK_ITEMS_MAX];
    uint32_t map_count;
};
bool recall_place_find(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                       struct recall_place *out);
/* Item `index` of the block, as an item of the holder; false: it is none of them (a notice, or beyond the end). */
bool recall_place_of(const struct recall_place *place, uint32_t index, uint32_t *held);
/* A block that is being read begins with this item: when it is the notice of a replacement whose items stand here already, that is noted
   in the batch, and it gets no pages; *holder is then the block whose pages they are. */
bool recall_alias(struct engine *engine, struct store_batch *batch, const struct page_head *head, struct bytes first,
                  uint64_t *holder);
/* Likewise: are recalls under way that say where the block stands which it replaces? Then it has come too early to be read. */
bool recall_early(struct engine *engine, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq, struct bytes first);
/* The block in this place is being withdrawn: where what stays of it stands is noted for the block that replaces it, which may be recalled
   before its payload comes, and then never will. */
void recall_alias_ahead(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES],
                        const struct recall_place *place, const struct recall *recall);

/* --- withdraw.c --- */
/* Takes the marked items of the holder out of its pages and the index; returns how many were there. */
size_t withdraw_items(struct engine *engine, struct store_batch *batch, const struct recall_place *place,
                      const struct recall *marked, enum gone_cause cause);
/* The payload goes, and out of what is counted. */
void withdraw_payload(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq);
void withdraw_stored(struct engine *engine, uint64_t ticket); /* a commit has completed */
void withdraw_pump(struct engine *engine);                    /* goes on with all of it */
/* The block's payload could bring its items back: it goes, and is never taken again, as if its author had recalled these; nobody else hears
   of that. So for the blocks in which the author sealed again what stayed of this one. */
void withdraw_bar(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES],
                  const uint8_t agency_id[static AGENCY_ID_BYTES], uint64_t block, const struct recall *marked);
/* The commit that changes pages: nothing else changes any until it has completed. */
void withdraw_commit(struct engine *engine, struct store_batch *batch);

/* --- third.c: objects of other authors in a recalled block, which `via` had passed on --- */
/* Before the marked items leave the pages of `place`: their authors are told, and will be told that they are erased. */
void third_withdrawn(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                     const uint8_t via[static AGENCY_ID_BYTES], const struct recall_place *place, const struct recall *marked);
void third_erased(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t block,
                  const uint8_t via[static AGENCY_ID_BYTES]);

/* --- recall_make.c --- */
enum err recall_task_add(struct engine *engine, struct recall_task *task, uint64_t cursor) MUST_USE; /* an own item */
void recall_task_go_on(struct engine *engine, struct recall_task *task);
bool recall_task_done(const struct engine *engine, const struct recall_task *task); /* all its entries are stored */
void recall_task_free(struct recall_task *task);

/* --- recall_ask.c --- */
void recall_ask(struct engine *engine, struct client *client, const struct frame *frame);
void recall_ask_go_on(struct engine *engine, struct client *client);
/* The client goes: what it began goes on without it, in memory. After a crash in between the same request does what is left. */
void recall_ask_leave(struct engine *engine, struct client *client);
void recall_ask_pump(struct engine *engine);
void recall_status_ask(struct engine *engine, struct client *client, const struct frame *frame);

/* --- recall_receipt.c --- */
void recall_receipt_take(struct engine *engine, struct store_batch *batch, const struct statement_seen *seen);
/* Who this block was sealed to, the own node left out, and what each said of it. */
typedef void recall_reader(void *context, uint64_t block, const uint8_t *node_id, const struct receipt *receipt);
void recall_readers(struct engine *engine, uint64_t block, recall_reader *visit, void *context);
/* Those who said that they had something of it from one of its readers. Who has not said so is not known here. */
void recall_thirds(struct engine *engine, uint64_t block, recall_reader *visit, void *context);

/* --- recall_due.c: own recalls that readers have not answered yet --- */
void recall_due_add(struct engine *engine, uint64_t block, uint64_t noted_ms, bool before);
void recall_due_again(struct engine *engine, uint64_t block); /* a receipt came */
void recall_due_pump(struct engine *engine);
/* Blocks that wait for a reader, those of them that have for a day, and the receipts that are missing. */
struct recall_dues {
    uint64_t waiting, overdue, receipts;
};
struct recall_dues recall_due_count(const struct engine *engine);

/* --- expiry.c --- */
void expiry_pump(struct engine *engine);
/* When an object ends for everybody: valid_until or retain_until, whichever comes first; 0: never. */
uint64_t expiry_end_ms(const struct item *item);
bool expiry_over(const struct item *item, uint64_t now_ms);

/* --- retention.c --- */
/* When an object ends at this node: as expiry_end_ms, and of others' what the policy file lets it be kept from its arrival on. */
uint64_t retention_end_ms(const struct engine *engine, const struct page_head *head, const struct item *item);
bool retention_over(const struct engine *engine, const struct page_head *head, const struct item *item, uint64_t now_ms);
/* A block that came and whose items stand in the holder's pages: its payload goes when the first of them is over. */
void retention_alias(struct engine *engine, struct store_batch *batch, const struct page_head *head, uint64_t holder,
                     const struct block *block);
/* A payload that is due: it goes, and does not come back where the policy ended it before its author does. */
void retention_payload(struct engine *engine, struct store_batch *batch, const uint8_t node_id[static NODE_ID_BYTES], uint64_t seq,
                       uint64_t now_ms);
/* At the start: has the policy file another maximum than at the last start? */
enum err retention_load(struct engine *engine) MUST_USE;

#endif
