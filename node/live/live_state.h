/* live_state: what the live process holds, shared by its files (live*.c) and nobody else. One thread: a loop over the engine's answers,
   the door and its clients. */
#ifndef NODE_LIVE_STATE_H
#define NODE_LIVE_STATE_H

#include "node/curve/curve_door.h"
#include "node/engine/control.h"
#include "node/live/live.h"
#include "node/live/live_clients.h"
#include "node/live/live_message.h"
#include "node/process/proc.h"
#include "node/web/web_facts.h"

#define LIVE_LINKS 3 /* connections to the engine over which objects are asked for */

enum live_ending { LIVE_GOES_ON, LIVE_ENDING, LIVE_ENDED };

/* One client that has said hello, or is about to be told why it may not. */
struct live_session {
    struct curve_origin origin;
    uint8_t routing_id[CURVE_DOOR_ROUTING_ID_BYTES_MAX];
    size_t routing_id_bytes;
    char name[FIELDS_NAME_BYTES_MAX + 1], subscription[FIELDS_NAME_BYTES_MAX + 1];
    unsigned labels;                 /* that it may see, as bits of enum tlp */
    uint8_t terms[TAKE_TERMS_BYTES]; /* a hash of the subscriptions that it may follow */
    uint64_t expires_ms;

    bool begun;                               /* the engine knows the subscription, and the client was welcomed */
    bool paged;                               /* the engine answered its first page */
    bool stored;                              /* the subscription's own position moves with what this client acknowledges */
    bool ahead;                               /* the last page said that there is more */
    bool asking;                              /* a question of it is under way */
    struct take_position position;            /* all up to it was queued for this client, or is not for it */
    struct take_position acknowledged, taken; /* by the client; by the engine as the subscription's own */
    uint64_t delivered, delivered_taken;      /* messages acknowledged, likewise */
    uint64_t credit;                          /* messages that it still takes */
    uint64_t starving_ms;                     /* since when it takes none though something is new; 0: it does not starve */
    bool starved;                             /* for so long that it was counted */
    uint64_t queued;                          /* messages queued since the last acknowledgement */
    uint64_t retry_ms;                        /* the engine asked to come again later */
    uint64_t heard_ms, said_ms;               /* the last message of the client, and to it */
    struct take_position said;                /* the newest position that it was told */

    /* queue -> ZeroMQ -> acknowledged by the client's kernel */
    struct buf queue; /* u32 size and bytes of each message */
    size_t queue_sent;
    uint64_t wire_bytes, wire_acknowledged; /* positions in the stream: handed over, and acknowledged when last looked */
    uint64_t looked_ms;

    bool left; /* its connection ended */
    enum live_ending ending;
    uint64_t end_ms; /* the connection is cut then: what was said last has left by that time */
};

/* What is asked of the engine over one connection at a time. */
enum live_job { LIVE_JOB_NONE, LIVE_JOB_BEGIN, LIVE_JOB_TAKE, LIVE_JOB_TAKEN, LIVE_JOB_PUB };

struct live_link {
    struct channel channel;
    uint64_t tag;
    enum live_job job;
    struct live_session *session; /* null: of the publisher, or of a session that ended meanwhile */
    struct buf page;              /* records gathered until the page's end tells their position */
    bool cut;                     /* records beyond LIVE_QUEUE_BYTES_MAX were left out */
    struct web_facts_reader *facts;
    struct item *item;
};

/* The lossy publisher. */
struct live_pub {
    struct curve_socket socket;
    uint64_t position; /* objects up to it were published, or came before it listened */
    bool asking, ahead;
    uint64_t retry_ms, said_ms;
};

struct live {
    struct proc_child child;
    struct live_settings settings;
    uint8_t *keys; /* public 32, secret 32, in guarded memory */
    struct curve_door door;
    bool zsys_open;

    struct channel watch;
    bool newest_known, clients_known;
    struct take_position newest; /* that can be read */
    struct live_clients clients;
    bool broken; /* the engine cannot be asked any more: the process ends, and is started again */
    bool stop;

    struct live_link links[LIVE_LINKS];
    struct live_session *sessions[LIVE_SESSIONS_MAX];
    size_t session_count;
    size_t turn; /* whose question comes next */
    struct live_pub pub;

    uint64_t counts[CONTROL_LIVE_COUNT], told[CONTROL_LIVE_COUNT]; /* as they are, and as the engine was told them */
    uint64_t told_ms, guarded_ms;
};

/* --- live.c --- */
void live_break(struct live *live, const char *why);

/* --- live_links.c: questions to the engine and their answers --- */
enum err live_links_open(struct live *live) MUST_USE;
void live_links_close(struct live *live);
void live_links_ask(struct live *live, uint64_t now_ms); /* gives free connections to who waits */
void live_link_read(struct live *live, struct live_link *link, uint64_t now_ms);
bool live_session_wants_taken(const struct live_session *session); /* the engine does not know yet what was acknowledged */
bool live_session_starves(const struct live *live, const struct live_session *session); /* news, and no credit for it */
void live_links_forget(struct live *live, const struct live_session *session);          /* it ends; its answers go nowhere */

/* --- live_page.c: from a page's records to messages --- */
void live_page_gather(struct live_link *link, struct bytes records);
/* ERR_FORMAT: the engine said what it may not; ERR_MEMORY. */
enum err live_page_queue(struct live *live, struct live_link *link, const struct take_end *end) MUST_USE;

/* --- live_session.c --- */
void live_receive(struct live *live, uint64_t now_ms); /* all that waits at the door */
void live_connection_ended(void *context, int fd);
void live_sessions_review(struct live *live, uint64_t now_ms); /* the list of clients changed, or time passed */
void live_sessions_step(struct live *live, uint64_t now_ms);   /* signs of life, dead ones, endings */
void live_sessions_drop(struct live *live);
/* Says why, sends what can be sent, and cuts the connection soon. */
void live_session_end(struct live_session *session, const char *code, const char *text, uint64_t now_ms);
void live_session_welcome(struct live_session *session, struct take_position position);

/* --- live_send.c --- */
/* Queues the message that was written from `start` on in the queue's end: see live_send_begin. */
size_t live_send_begin(struct live_session *session);
void live_send_done(struct live_session *session, size_t start);
size_t live_queued_bytes(const struct live_session *session);
/* Gives ZeroMQ what it takes. True: more waits, so look again soon. */
bool live_send_step(struct live *live, struct live_session *session, uint64_t now_ms);
void live_send_start(struct live *live, struct live_session *session);

/* --- live_pub.c --- */
enum err live_pub_open(struct live *live, char why[static 256]) MUST_USE;
void live_pub_close(struct live *live);
void live_pub_step(struct live *live, uint64_t now_ms); /* subscriptions, signs of life */
bool live_pub_wants(const struct live *live, uint64_t now_ms);
/* The records of a page, as topics. ERR_FORMAT, ERR_MEMORY. */
enum err live_pub_page(struct live *live, struct live_link *link, uint64_t cursor, bool more) MUST_USE;

#endif
