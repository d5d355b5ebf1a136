/* client: one at the control socket, and what it has asked for: server.c (its frames), query.c and query_page.c (objects), watch.c (what is
   new), report.c and figures_tell.c (about the node). */
#ifndef NODE_CLIENT_H
#define NODE_CLIENT_H

#include "node/engine/publisher.h"
#include "node/ledger/ledger.h"
#include "node/process/frame.h"
#include "node/recall/recalls.h"
#include "node/subscribe/take.h"
#include "node/web/tokens.h"

struct engine;

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

/* --- server.c, query.c, report.c --- */
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

/* --- query_page.c, watch.c: what the web process asks --- */
void query_page(struct engine *engine, struct client *client, const struct frame *frame);
void query_page_pump(struct engine *engine, struct client *client);
void query_page_end(struct client *client);
void query_groups(struct engine *engine, struct client *client, const struct frame *frame); /* query_groups.c */
bool query_page_busy(const struct engine *engine); /* some go on without waiting for anything */
void watch_begin(struct engine *engine, struct client *client, const struct frame *frame);
void watch_tick(struct engine *engine, struct client *client); /* tells of what is new */
void watch_tokens(struct engine *engine, struct client *client, const struct frame *frame);
void watch_clients(struct engine *engine, struct client *client, const struct frame *frame);
void watch_held(struct client *client);
void watch_files_go_on(struct engine *engine, struct client *client); /* while files_wait */

#endif
