/* engine_core: the engine's state, which the parts share, each of which has its own header: epochs.h (whose blocks can be read), reader.h
   (payloads to pages), publisher.h (items to blocks), outbox.h (what waits), recalls.h (what is taken back), client.h (local clients).
   engine.c starts and loops, engine_frames.c hears the other processes, engine_act.c carries out what the core says. */
#ifndef NODE_ENGINE_CORE_H
#define NODE_ENGINE_CORE_H

#include "gossip/gossip.h"
#include "gossip/policy.h"
#include "node/engine/client.h"
#include "node/engine/control.h"
#include "node/engine/engine.h"
#include "node/engine/epochs.h"
#include "node/engine/hooks.h"
#include "node/engine/kept.h"
#include "node/engine/outbox.h"
#include "node/engine/publisher.h"
#include "node/engine/reader.h"
#include "node/engine/tallies.h"
#include "node/identity/trust_files.h"
#include "node/ledger/ledger.h"
#include "node/process/log_event.h"
#include "node/process/notices.h"
#include "node/process/proc.h"
#include "node/recall/recalls.h"
#include "node/recall/versions.h"
#include "node/sharing/agreements.h"
#include "node/sharing/dealings.h"
#include "node/sharing/groups.h"
#include "node/sharing/recipients.h"
#include "node/sharing/statement.h"
#include "node/store/idset.h"
#include "node/store/labelmap.h"
#include "node/store/store.h"
#include "node/subscribe/take.h"

#define CHAIN_NAME_BYTES 24 /* of an agency's id, in hexadecimal behind "chain/": all of it does not fit into a name */

/* What the tag of a frame to the key process is for: its highest byte; the rest says which one. */
enum key_tag { KEY_TAG_LINK = 1, KEY_TAG_EPOCH = 2, KEY_TAG_PREKEY = 3, KEY_TAG_ENTRY = 4, KEY_TAG_RENEW = 5, KEY_TAG_LEDGER = 6 };
static inline uint64_t key_tag(enum key_tag purpose, uint64_t which) { return (uint64_t)purpose << 56 | which; }

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

    struct epochs epochs;
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
    struct consumers consumers;
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

/* engine_say.c */
void engine_fail(struct engine *engine, int exit_code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* For the log and for the list that status shows; the same a few times a minute only. */
void engine_notice(struct engine *engine, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the event's id; `fields` may be null. */
void engine_event(struct engine *engine, enum log_event event, const struct log_field *fields, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* For the log only; likewise the same a few times a minute: of what a partner can bring about at any rate. */
void engine_tell(struct engine *engine, enum log_event event, const struct log_field *fields, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* engine.c */
/* Sends an event through the core and carries out what comes of it. Not from within itself: follow-ups are queued. */
enum err engine_step(struct engine *engine, struct event *event);
void engine_must_step(struct engine *engine, struct event *event); /* without memory the node ends */
/* Waits until all that is under way to the disk is there and found, and does what follows from that. Rows (records.h) tell of what came at
   once, pages and index when it is stored: for who needs both, and is asked seldom. Not from within a step, or while a batch is filled. */
void engine_settle(struct engine *engine);

/* engine_frames.c */
void engine_to_key(struct engine *engine, enum frame_type type, uint64_t tag, struct bytes body);
void engine_to_net(struct engine *engine, enum frame_type type, uint64_t tag, struct bytes body);
void engine_on_parent(struct engine *engine, const struct frame *frame);
void engine_on_net(struct engine *engine, const struct frame *frame);
void engine_on_key(struct engine *engine, const struct frame *frame);

/* engine_act.c */
void engine_act(struct engine *engine);
void engine_follow_up(struct engine *engine, const struct follow_up *follow_up);

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

/* engine_trust.c: DIR/trust into the core, and who is called how there */
const char *engine_agency_name(const struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]);
/* Pinned, or the own one; null: neither. Borrowed until the next step. */
const struct agency *engine_agency(const struct engine *engine, const uint8_t agency_id[static AGENCY_ID_BYTES]);
bool engine_agency_of_name(const struct engine *engine, struct bytes name, uint8_t agency_id[static AGENCY_ID_BYTES]);
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
