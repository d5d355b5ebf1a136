/* web_state: the web process's state, shared by the files that act on it: web.c (start, loop), web_links.c (questions to the engine),
   web_http.c (requests, tokens, answers), web_door.c (connections), web_clients.c (what one client may have), web_peer.c (certificates of
   clients), web_groups.c, taxii*.c, web_publish.c, web_status.c and web_kept.c (status resources), web_take.c, web_feed.c, web_lists.c,
   web_figures.c and web_health.c (the listener for metrics). Where only that listener is
   wanted there is no HTTPS server, and nothing that it needs.
   Several threads of libmicrohttpd handle requests; what they share is locked or atomic, and said so. */
#ifndef NODE_WEB_STATE_H
#define NODE_WEB_STATE_H

#include "node/process/frame.h"
#include "node/formats/moment.h"
#include "node/process/log_event.h"
#include "node/subscribe/subscriptions.h"
#include "node/process/proc.h"
#include "node/web/taxii_filter.h"
#include "node/web/tokens.h"
#include "node/web/web.h"
#include "node/web/web_door.h"
#include "node/subscribe/take_wire.h"
#include "node/web/web_facts.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#define WEB_THREADS           2
#define WEB_LINKS             4 /* connections to the engine: one for each thread, and for the publisher and the feeds */
#define WEB_CONNECTIONS_MAX   1024
#define WEB_IDLE_SECONDS      60
#define WEB_BODY_BYTES_MAX    (8 * 1024 * 1024)   /* of a POST */
#define WEB_BODIES_BYTES_MAX  (64 * 1024 * 1024)  /* of all POSTs that are being received; beyond, likewise */
#define WEB_ANSWERS_BYTES_MAX (256 * 1024 * 1024) /* of answers under way; beyond, clients are asked to come back */
#define WEB_TOKEN_BYTES_MAX   (64 * 1024 * 1024)  /* of one token's answers and POSTs under way, before the next request */
#define WEB_TOKEN_STREAMS_MAX 64                  /* of one token */
#define WEB_SHARES            1024                /* places for what tokens hold; a few may stand in one */
#define WEB_ENGINE_MS         30000
#define WEB_CLIENTS_MAX       4096 /* whose requests are counted at once */

/* A connection to the engine, for one thread at a time. */
struct web_link {
    struct channel channel;
    uint64_t tag;
    bool busy;
    struct web_facts_reader *facts;
    struct item *item;
};

/* Requests of one client: a bucket that fills with time. */
struct web_client {
    uint64_t key, used_ms;
    double tokens;
};

/* What one token holds at this moment. */
struct web_share {
    _Atomic uint64_t bytes; /* of its answers and POSTs under way */
    _Atomic uint64_t streams;
};

struct web {
    struct proc_child child;
    struct web_settings settings;
    char *certificate, *key; /* with a zero; the key is guarded */
    char *client_ca;         /* likewise; null: clients are asked for no certificate */
    uint8_t next_key[TAXII_KEY_BYTES];
    uint8_t collections[COLLECTION_COUNT][UUID_BYTES];
    int listener, metrics_listener;
    struct MHD_Daemon *daemon, *metrics;
    struct web_door *door; /* of the daemon; null without one */
    struct web_share shares[WEB_SHARES];
    int wake_fd;

    struct channel watch; /* the main thread's */
    _Atomic uint64_t newest_cursor, newest_us, newest_gone;
    _Atomic uint64_t news;       /* how often something was new: an object, or a withdrawal */
    struct channel figures_link; /* the metrics thread's, as what follows */
    uint64_t figures_tag, figures_ms;
    struct buf figures;          /* as the engine told them last, then */
    uint64_t certificate_ends_s; /* of the HTTPS server; 0: there is none */
    _Atomic bool broken;         /* the engine cannot be asked any more: the process ends, and is started again */
    uint64_t started_ms;

    pthread_rwlock_t tokens_lock;
    struct tokens tokens;

    pthread_mutex_t links_lock;
    pthread_cond_t links_free;
    struct web_link links[WEB_LINKS];

    pthread_mutex_t clients_lock;
    struct web_client *clients; /* WEB_CLIENTS_MAX */

    struct web_publisher *publisher;
    struct web_feeds *feeds;

    _Atomic uint64_t answers_bytes; /* of answers under way */
    _Atomic uint64_t bodies_bytes;  /* of POSTs that are being received */
    _Atomic uint64_t requests, refused_unknown, refused_rate, objects_sent, objects_unsound, bytes_sent;
    _Atomic uint64_t lists_sent, lists_same;                      /* same: who asked has it already */
    _Atomic uint64_t feed_objects, feed_withdrawals, feed_resets; /* of streams and lines */
    _Atomic uint64_t streams, streams_opened, streams_refused;    /* streams: open now */
};

/* --- web.c --- */
/* From any thread: the process cannot go on. */
void web_break(struct web *web, const char *why);

/* --- web_links.c --- */
/* The watcher's, by which the end of the engine is noticed, and where something is served all others. */
enum err web_links_open(struct web *web, bool serves) MUST_USE;
void web_links_close(struct web *web);
struct web_link *web_link_take(struct web *web); /* waits for a free one */
void web_link_give(struct web *web, struct web_link *link);
enum err web_link_ask(struct web_link *link, enum frame_type type, struct bytes body) MUST_USE;
enum err web_link_answer(struct web_link *link, struct frame *frame) MUST_USE;

/* Objects of a page, as the engine tells them. Views live until the return. */
struct web_record {
    uint64_t cursor, added_us;
    enum tlp tlp;
    unsigned versions;
    struct bytes author;
    const struct item *item;
    struct web_facts facts;
};
/* The next one of a body, without its facts; link->item holds the item. False: this is not what the engine writes. */
bool web_record_read(struct web_record *out, struct cursor *in, const struct web_link *link) MUST_USE;
/* False ends the page here: this object and what follows are not taken. */
typedef bool web_visit(void *context, const struct web_record *record);
struct web_end {
    uint64_t cursor; /* all up to it was looked at */
    bool more;
};
/* Asks for the objects that the filter lets through, of these labels. ERR_CLOSED, ERR_TIMEOUT, ERR_FORMAT, ERR_CORRUPT, ERR_MEMORY. */
enum err web_page(struct web *web, const struct taxii_filter *filter, unsigned labels, web_visit *visit, void *context,
                  struct web_end *end) MUST_USE;

/* --- web_take.c --- */
/* A consumer's question; where it stands moves on with each page. */
struct web_taking {
    char subscription[SUBSCRIPTION_NAME_BYTES_MAX + 1]; /* "": none */
    char filter[FILTER_BYTES_MAX + 1];                  /* "": none */
    char who[TOKENS_NAME_BYTES_MAX + 1];                /* whose token */
    struct scope scope;                                 /* of which groups */
    bool stored;                                        /* begin where the subscription stands itself; otherwise at end.at */
    bool fresh;                                         /* end.at is not the client's word: it begins with what comes now */
    uint64_t limit;
    struct take_end end; /* what the last page said */
};
/* The next page: objects, and withdrawals with CONTROL_VERSION_GONE (node/engine/control.h), whose added_us is their number. What the
   visitor returns does not count. Errors as of web_page. */
enum err web_take(struct web *web, struct web_taking *taking, unsigned labels, web_visit *visit, void *context) MUST_USE;
/* The client has all up to here: the subscription's own place moves. */
enum err web_taken(struct web *web, const struct web_taking *taking) MUST_USE;
/* May this subscription be used here? ERR_NOT_FOUND; ERR_DENIED: it is for another exit, and its place is another consumer's. */
enum err web_subscription_check(struct web *web, const char *name) MUST_USE;

/* Takes all versions of an own object back. ERR_DENIED: another's; `why` says it. */
enum err web_recall(struct web *web, const char *id, char why[static 300]) MUST_USE;

/* --- web_groups.c --- */
#define WEB_GROUPS_MAX     256
#define WEB_GROUP_NAME_MAX 64
struct web_group {
    uint8_t id[HASH_BYTES];
    char name[WEB_GROUP_NAME_MAX + 1];
};
struct web_groups {
    struct web_group items[WEB_GROUPS_MAX];
    size_t count;
};
/* Those that this token may see. */
enum err web_groups(struct web *web, const struct token *token, struct web_groups *out) MUST_USE;
/* Of which groups objects are shown to this token, where it asks for no group's own collection. */
enum err web_scope(struct web *web, const struct token *token, struct scope *out) MUST_USE;

/* --- web_http.c --- */
/* Who asks: a copy of its token, so that a change meanwhile does no harm. */
struct web_user {
    char name[TOKENS_NAME_BYTES_MAX + 1];
    struct token token; /* name, scope and recipients point into this struct */
    char scope[TOKENS_SCOPE_MAX + 1];
    char recipients[TOKENS_RECIPIENTS_MAX * (TOKENS_NAME_BYTES_MAX + 1) + 1];
};

struct web_request {
    struct web *web;
    struct MHD_Connection *connection;
    const char *method, *url;
    struct web_user user;
    struct buf body;
    struct web_share *share; /* its token's; null: it has none */
    size_t answer_bytes;     /* counted in web->answers_bytes and the share */
    size_t body_bytes;       /* counted in web->bodies_bytes and the share */
    bool bodied;             /* of a method that brings a body: who asks was looked at before it was read */
    unsigned refused;        /* the body is not taken: with this status; 0: it is */
};

/* An answer under construction. Headers are pairs of name and value, ended by null. */
struct web_answer {
    unsigned status;
    const char *type;
    struct buf body;                                        /* taken over */
    char first[MOMENT_TEXT_BYTES], last[MOMENT_TEXT_BYTES]; /* X-TAXII-Date-Added; "" when there is none */
    const char *headers[9];
};
enum MHD_Result web_answer(struct web_request *request, struct web_answer *answer);
/* The standard's error body. */
enum MHD_Result web_error(struct web_request *request, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *web_header(const struct web_request *request, const char *name); /* null when it was not sent */
bool web_http_start(struct web *web, char why[static 256]);
void web_http_stop(struct web *web);

/* --- web_peer.c --- */
/* The fingerprint of the client's certificate, if one was sent and one of web.client_ca vouches for it, now and for clients. */
bool web_peer(const struct web_request *request, uint8_t fingerprint[static TOKENS_FINGERPRINT]);

/* --- web_clients.c --- */
/* Takes one request of what `key` may have; false when it has to wait. */
bool web_client_take(struct web *web, uint64_t key, unsigned rate);
/* Where it is counted what a token holds, by the first bytes of its hash. */
struct web_share *web_share_of(struct web *web, uint64_t key);

/* --- taxii.c --- */
enum MHD_Result taxii_handle(struct web_request *request);
/* taxii_collections.c */
struct web_collection {
    unsigned number; /* of its label; COLLECTION_ALL also for a group's */
    unsigned labels; /* that it shows to this token, as bits of enum tlp */
    uint8_t uuid[UUID_BYTES];
    char alias[WEB_GROUP_NAME_MAX + 8], title[WEB_GROUP_NAME_MAX + 48];
    bool writes; /* the token may post to it */
    bool of_group;
    struct web_group group;
};
enum MHD_Result taxii_collections(struct web_request *request);
enum MHD_Result taxii_collection_one(struct web_request *request, const struct web_collection *collection);
/* By its id or its alias. ERR_NOT_FOUND: there is none, or none that this token may see. */
enum err taxii_collection_find(const struct web_request *request, const char *name, struct web_collection *out) MUST_USE;
/* Of which groups the collection shows objects to this token. */
enum err taxii_collection_scope(const struct web_request *request, const struct web_collection *collection,
                                struct scope *out) MUST_USE;
/* taxii_objects.c */
enum taxii_list { TAXII_OBJECTS, TAXII_MANIFEST, TAXII_VERSIONS };
enum MHD_Result taxii_list(struct web_request *request, const struct web_collection *collection, enum taxii_list list,
                           const char *id);

/* --- web_publish.c: what was posted, published by a thread of its own --- */
enum err web_publisher_start(struct web *web) MUST_USE;
void web_publisher_stop(struct web *web);
/* Takes the body over. ERR_SYNTAX, ERR_TRUNCATED: it is no JSON; nothing was taken. ERR_FULL: too much waits, or too many status
   resources are kept. Appends the status resource. */
enum err web_publisher_post(struct web *web, const struct web_user *user, const struct web_collection *collection, struct buf *body,
                            struct buf *status) MUST_USE;
/* Appends the status resource of this id, if it is this user's. ERR_NOT_FOUND. */
enum err web_publisher_status(struct web *web, const struct web_user *user, const char *id, struct buf *status) MUST_USE;

/* --- web_status.c --- */
struct post_status;
void web_status_write(struct buf *out, const char *id, const struct post_status *status); /* node/engine/post_status.h, as JSON */

/* --- web_kept.c: status resources that outlive this process, kept by the engine --- */
/* On disk when it returns. ERR_FULL: this user has too many. */
enum err web_kept_put(struct web *web, const char *user, const char *id, uint64_t asked_ms, struct bytes document) MUST_USE;
/* Appends it. ERR_NOT_FOUND: there is none of this user. */
enum err web_kept_get(struct web *web, const char *user, const char *id, struct buf *out) MUST_USE;

/* --- web_feed.c --- */
enum err web_feeds_start(struct web *web) MUST_USE;
void web_feeds_stop(struct web *web); /* ends all streams: before the server stops */
void web_feeds_free(struct web *web);
/* Something is new, or a token was revoked; `quiet`: nothing is, and a sign of life is due. */
void web_feeds_wake(struct web *web, bool quiet);
enum MHD_Result web_feed_lines(struct web_request *request);
enum MHD_Result web_feed_events(struct web_request *request);

/* --- web_lists.c --- */
enum MHD_Result web_list(struct web_request *request, const char *file);

/* --- web_figures.c: for the metrics thread --- */
enum err web_figures_open(struct web *web) MUST_USE;
void web_figures_close(struct web *web);
/* Makes web->figures new. ERR_TIMEOUT, ERR_BUSY: the engine has no answer now; others: it never will, and the process ends. */
enum err web_figures_ask(struct web *web) MUST_USE;

/* --- web_health.c: metrics and health, without TLS and tokens --- */
bool web_health_start(struct web *web, char why[static 256]);
void web_health_stop(struct web *web);

#endif
