/* web_feed: what arrives, as it arrives, and what is withdrawn: Server-Sent Events (GET /feed, with Last-Event-ID) and JSON lines (GET
   /feed.jsonl?after=), of all that a token may see, of a filter (filter=) or of a subscription (subscription=).
   A stream that has said all waits outside the server's loop until something is new. */
#include "node/process/clock.h"
#include "node/engine/control.h"
#include "node/formats/json_out.h"
#include "node/web/web_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 256
#define PAGE_EVENTS 200
#define BLOCK_BYTES (64 * 1024)
#define QUIET_ITEMS 10000 /* passed by without an event */
#define LINES_MS    5000  /* an answer that is still empty says how far it came */
#define LOOK_MS     250   /* for a stream at a time */

struct stream {
    struct web *web;
    struct MHD_Connection *connection;
    uint8_t token[HASH_BYTES];
    unsigned labels;
    struct web_taking *taking;
    uint64_t news;   /* as counted when it last had all */
    uint64_t told;   /* the cursor of the last id that was sent */
    struct buf text; /* what is to be sent, from `sent` on */
    size_t sent;
    struct web_share *share; /* where it is counted; null: it is not */
    bool waiting;            /* suspended */
    bool quiet;              /* a sign of life is due */
    bool over;
};

struct web_feeds {
    pthread_mutex_t lock;
    struct stream *streams[STREAMS_MAX];
    size_t count;
    bool stopping;
};

/* --- positions: "CURSOR.GONE", or CURSOR alone as clients had it before there were withdrawals --- */

#define POSITION_BYTES 48

static void position_text(char out[static POSITION_BYTES], uint64_t cursor, uint64_t gone) {
    snprintf(out, POSITION_BYTES, "%llu.%llu", (unsigned long long)cursor, (unsigned long long)gone);
}

static bool number_read(const char *text, char end, uint64_t *out, const char **next) {
    char *stop;
    if (*text < '0' || *text > '9') return false;
    *out = strtoull(text, &stop, 10);
    *next = stop + (*stop == '.' && end == '.');
    return *stop == end || *stop == 0;
}

/* Without the second number, withdrawals count from now on. */
static bool position_read(const struct web *web, const char *text, uint64_t *cursor, uint64_t *gone) {
    const char *next;
    *gone = atomic_load(&web->newest_gone);
    if (!number_read(text, '.', cursor, &next)) return false;
    return strchr(text, '.') == NULL || number_read(next, 0, gone, &next);
}

/* --- one object, or one withdrawal, on one line --- */

struct lines {
    struct buf *out;
    uint64_t gone; /* the last withdrawal told; goes into the positions of what follows */
    uint64_t cursor;
};

static void object_put(struct json_out *json, const struct web_record *record) {
    json_out_key(json, "object");
    size_t start = json->out->size;
    json_out_raw(json, record->item->text);
    /* In valid JSON a control byte is a blank between values: a line end among them would end our line. */
    for (size_t i = start; !json->out->failed && i < json->out->size; i++)
        if (json->out->data[i] < 0x20) json->out->data[i] = ' ';
}

/* The item's text is the engine's own: {"cause":"recall"}. */
static void gone_put(struct json_out *json, const struct web_record *record) {
    json_out_key(json, "withdrawn");
    json_out_string(json, record->item->id);
    json_out_key(json, "type");
    json_out_string(json, record->item->type);
    json_out_key(json, "why");
    json_out_raw(json, record->item->text);
}

static void line_put(struct lines *lines, const struct web_record *record) {
    struct json_out json = json_out_of(lines->out);
    char moment[MOMENT_TEXT_BYTES], position[POSITION_BYTES];
    bool gone = (record->versions & CONTROL_VERSION_GONE) != 0;
    if (gone && record->added_us > 0) lines->gone = record->added_us;
    if (!gone) lines->cursor = record->cursor;
    position_text(position, lines->cursor, lines->gone);
    json_out_object(&json);
    json_out_key(&json, "cursor");
    json_out_uint(&json, record->cursor);
    json_out_key(&json, "position");
    json_out_text(&json, position);
    json_out_key(&json, gone ? "time" : "added");
    gone ? moment_text(moment, record->item->modified_ms) : moment_text_us(moment, record->added_us);
    json_out_text(&json, moment);
    json_out_key(&json, "author");
    json_out_string(&json, record->author);
    json_out_key(&json, "tlp");
    json_out_text(&json, tlp_name(record->tlp));
    gone ? gone_put(&json, record) : object_put(&json, record);
    json_out_object_end(&json);
    buf_put_text(lines->out, "\n");
}

static bool on_event(void *context, const struct web_record *record) {
    struct lines *lines = context;
    bool gone = (record->versions & CONTROL_VERSION_GONE) != 0;
    size_t start = lines->out->size;
    buf_put_text(lines->out, gone ? "event: withdrawn\ndata: " : "event: object\ndata: ");
    line_put(lines, record);
    /* Browsers keep the last id. One that a newer version caused has no number: the events around it tell the place. */
    if (!gone || record->added_us > 0)
        buf_put_format(lines->out, "id: %llu.%llu\n", (unsigned long long)lines->cursor, (unsigned long long)lines->gone);
    buf_put_text(lines->out, "\n");
    return start < lines->out->size;
}

static bool on_line(void *context, const struct web_record *record) {
    line_put(context, record);
    return true;
}

/* --- the streams --- */

enum err web_feeds_start(struct web *web) {
    web->feeds = calloc(1, sizeof *web->feeds);
    if (!web->feeds) return ERR_MEMORY;
    pthread_mutex_init(&web->feeds->lock, NULL);
    return OK;
}

static void stream_resume(struct stream *stream) {
    if (!stream->waiting) return;
    stream->waiting = false;
    MHD_resume_connection(stream->connection);
}

void web_feeds_wake(struct web *web, bool quiet) {
    struct web_feeds *feeds = web->feeds;
    if (!feeds) return;
    pthread_mutex_lock(&feeds->lock);
    for (size_t i = 0; i < feeds->count; i++) {
        feeds->streams[i]->quiet |= quiet;
        stream_resume(feeds->streams[i]);
    }
    pthread_mutex_unlock(&feeds->lock);
}

void web_feeds_stop(struct web *web) {
    struct web_feeds *feeds = web->feeds;
    if (!feeds) return;
    pthread_mutex_lock(&feeds->lock);
    feeds->stopping = true;
    for (size_t i = 0; i < feeds->count; i++) stream_resume(feeds->streams[i]);
    pthread_mutex_unlock(&feeds->lock);
}

void web_feeds_free(struct web *web) {
    free(web->feeds);
    web->feeds = NULL;
}

static void stream_free(void *context) {
    struct stream *stream = context;
    struct web_feeds *feeds = stream->web->feeds;
    pthread_mutex_lock(&feeds->lock);
    for (size_t i = 0; i < feeds->count; i++)
        if (feeds->streams[i] == stream) feeds->streams[i] = feeds->streams[--feeds->count];
    atomic_store(&stream->web->streams, feeds->count);
    pthread_mutex_unlock(&feeds->lock);
    if (stream->share) atomic_fetch_sub(&stream->share->streams, 1);
    buf_free(&stream->text);
    free(stream->taking);
    free(stream);
}

/* Is the token still good? What was revoked ends its streams. */
static bool stream_permitted(struct stream *stream) {
    struct web *web = stream->web;
    pthread_rwlock_rdlock(&web->tokens_lock);
    const struct token *token = tokens_of_hash(&web->tokens, stream->token);
    bool good = token && token->read && (token->expires_ms == 0 || token->expires_ms > clock_wall_ms());
    pthread_rwlock_unlock(&web->tokens_lock);
    return good;
}

/* A group that this agency has joined since, and that the token names, counts from now on. */
static enum err stream_scope(struct stream *stream) {
    struct web *web = stream->web;
    struct web_user user;
    if (stream->taking->scope.any) return OK;
    pthread_rwlock_rdlock(&web->tokens_lock);
    const struct token *token = tokens_of_hash(&web->tokens, stream->token);
    if (token) snprintf(user.scope, sizeof user.scope, "%.*s", (int)token->scope.size, (const char *)token->scope.data);
    if (token) user.token = *token;
    pthread_rwlock_unlock(&web->tokens_lock);
    if (!token) return OK;
    user.token.scope = bytes_of_text(user.scope);
    return token_groups_some(&user.token) ? web_scope(web, &user.token, &stream->taking->scope) : OK;
}

/* Fills the text with what is new, if anything is. */
static enum err stream_fill(struct stream *stream) {
    struct web_taking *taking = stream->taking;
    buf_clear(&stream->text);
    stream->sent = 0;
    if (!taking->end.more && stream->news == atomic_load(&stream->web->news)) return OK;
    uint64_t deadline_ms = clock_monotonic_ms() + LOOK_MS;
    if (stream_scope(stream) != OK) return ERR_CLOSED;
    do {
        struct lines lines = {.out = &stream->text, .gone = taking->end.at.gone, .cursor = taking->end.at.cursor};
        stream->news = atomic_load(&stream->web->news);
        enum err err = web_take(stream->web, taking, stream->labels, on_event, &lines);
        if (err != OK) return err;
        if (stream->text.size > 0) stream->told = taking->end.at.cursor;
        if (taking->end.reset)
            buf_put_format(&stream->text, "event: reset\ndata: {\"reset\":true}\nid: 0.%llu\n\n",
                           (unsigned long long)taking->end.at.gone);
    } while (stream->text.size == 0 && taking->end.more && clock_monotonic_ms() < deadline_ms);
    return buf_result(&stream->text);
}

/* Nothing is new: waits, unless something came meanwhile. True: a sign of life is due instead. */
static bool stream_wait(struct stream *stream) {
    struct web_feeds *feeds = stream->web->feeds;
    pthread_mutex_lock(&feeds->lock);
    bool quiet = stream->quiet;
    stream->quiet = false;
    stream->over = feeds->stopping;
    if (!quiet && !stream->over && stream->news == atomic_load(&stream->web->news)) {
        stream->waiting = true;
        MHD_suspend_connection(stream->connection);
    }
    pthread_mutex_unlock(&feeds->lock);
    return quiet;
}

/* A sign of life; with the place, when much passed by that was not wanted, so that a client that comes again need not have it looked at
   again. (An event without data is none to a browser: it only keeps the id.) */
static void quiet_put(struct stream *stream) {
    const struct web_taking *taking = stream->taking;
    buf_put_text(&stream->text, ": nothing new\n");
    if (!taking->stored && taking->end.at.cursor - stream->told >= QUIET_ITEMS) {
        buf_put_format(&stream->text, "id: %llu.%llu\n", (unsigned long long)taking->end.at.cursor,
                       (unsigned long long)taking->end.at.gone);
        stream->told = taking->end.at.cursor;
    }
    buf_put_text(&stream->text, "\n");
}

static ssize_t on_read(void *context, uint64_t position, char *out, size_t max) {
    struct stream *stream = context;
    (void)position;
    if (stream->sent == stream->text.size) {
        if (!stream_permitted(stream)) return MHD_CONTENT_READER_END_OF_STREAM;
        if (stream_fill(stream) != OK) return MHD_CONTENT_READER_END_WITH_ERROR;
        /* Others are served in between, however little of it is wanted. */
        if (stream->text.size == 0 && (stream->taking->end.more || stream_wait(stream))) quiet_put(stream);
        if (stream->over) return MHD_CONTENT_READER_END_OF_STREAM;
    }
    size_t left = stream->text.size - stream->sent, size = left < max ? left : max;
    if (size > 0) memcpy(out, stream->text.data + stream->sent, size);
    stream->sent += size;
    return (ssize_t)size;
}

/* --- requests --- */

static const char *argument(const struct web_request *request, const char *name) {
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* What `subscription` and `filter` ask for. False: it was answered. */
static bool wanted_read(struct web_request *request, struct web_taking *taking, enum MHD_Result *result) {
    const char *name = argument(request, "subscription"), *text = argument(request, "filter");
    struct filter *filter = NULL;
    struct filter_problem problem;
    enum err err = text ? filter_parse(&filter, bytes_of_text(text), &problem) : OK;
    filter_free(filter);
    if (err != OK) {
        *result = err == ERR_MEMORY ? web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "%s", err_text(err))
                                    : web_error(request, MHD_HTTP_BAD_REQUEST, "filter, line %u, column %u: %s", problem.line,
                                                problem.column, problem.text);
        return false;
    }
    if (text) snprintf(taking->filter, sizeof taking->filter, "%s", text);
    err = web_scope(request->web, &request->user.token, &taking->scope);
    if (err == OK && !name) return true;
    if (err == OK) err = fields_name_valid(bytes_of_text(name)) ? web_subscription_check(request->web, name) : ERR_NOT_FOUND;
    if (err == OK) {
        snprintf(taking->subscription, sizeof taking->subscription, "%s", name);
        return true;
    }
    *result = err == ERR_NOT_FOUND ? web_error(request, MHD_HTTP_NOT_FOUND, "There is no subscription of this name")
              : err == ERR_DENIED  ? web_error(request, MHD_HTTP_FORBIDDEN,
                                               "This subscription is for another exit: one for here is made with --exit live")
                                   : web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "The node does not answer at this moment");
    return false;
}

/* Where the client says that it stands; else where its subscription stands, or what `otherwise` says. False: it was answered. */
static bool place_read(struct web_request *request, struct web_taking *taking, const char *from, const char *what,
                       uint64_t otherwise, enum MHD_Result *result) {
    taking->end.at.cursor = otherwise;
    taking->end.at.gone = atomic_load(&request->web->newest_gone);
    if (!from) {
        taking->stored = taking->subscription[0] != 0;
        taking->fresh = !taking->stored;
        return true;
    }
    if (!position_read(request->web, from, &taking->end.at.cursor, &taking->end.at.gone)) {
        *result = web_error(request, MHD_HTTP_BAD_REQUEST, "%s: give a number, or CURSOR.GONE", what);
        return false;
    }
    /* Who has no word for withdrawals has none for a beginning either. */
    taking->fresh = strchr(from, '.') == NULL;
    /* What it asks behind it has. */
    if (taking->subscription[0] && web_taken(request->web, taking) != OK) {
        *result = web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "The node does not answer at this moment");
        return false;
    }
    return true;
}

/* A token has a part of the places only. */
static bool stream_register(struct stream *stream, struct web_share *share) {
    struct web_feeds *feeds = stream->web->feeds;
    pthread_mutex_lock(&feeds->lock);
    bool room = feeds->count < STREAMS_MAX && !feeds->stopping && atomic_load(&share->streams) < WEB_TOKEN_STREAMS_MAX;
    if (room) {
        feeds->streams[feeds->count++] = stream;
        stream->share = share;
        atomic_fetch_add(&share->streams, 1);
    }
    atomic_fetch_add(room ? &stream->web->streams_opened : &stream->web->streams_refused, 1);
    atomic_store(&stream->web->streams, feeds->count);
    pthread_mutex_unlock(&feeds->lock);
    return room;
}

static enum MHD_Result stream_answer(struct web_request *request, struct stream *stream) {
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, stream, stream_free);
    if (!response) {
        stream_free(stream);
        return MHD_NO;
    }
    enum MHD_Result result = MHD_add_response_header(response, "Content-Type", "text/event-stream");
    if (result == MHD_YES) result = MHD_add_response_header(response, "Cache-Control", "no-store");
    if (result == MHD_YES) result = MHD_queue_response(request->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result web_feed_events(struct web_request *request) {
    struct web *web = request->web;
    enum MHD_Result result = MHD_NO;
    const char *from = web_header(request, "Last-Event-ID");
    if (!from) from = argument(request, "after");
    struct stream *stream = calloc(1, sizeof *stream);
    struct web_taking *taking = calloc(1, sizeof *taking);
    bool good = stream && taking && wanted_read(request, taking, &result) &&
                place_read(request, taking, from, "Last-Event-ID", atomic_load(&web->newest_cursor), &result);
    if (good) {
        *stream = (struct stream){
            .web = web, .connection = request->connection, .labels = token_labels_any(&request->user.token), .taking = taking};
        snprintf(taking->who, sizeof taking->who, "%s", request->user.name);
        taking->limit = PAGE_EVENTS;
        taking->end.more = true; /* the first look */
        memcpy(stream->token, request->user.token.hash, sizeof stream->token);
        if (stream_register(stream, request->share)) return stream_answer(request, stream);
        result = web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "Too many streams are open; a token may have %d",
                           WEB_TOKEN_STREAMS_MAX);
    }
    free(taking);
    free(stream);
    return result;
}

/* Lines that hold withdrawals are asked for by a position that has them, a subscription, or withdrawn=yes: clients from before know objects
   only. */
static bool on_object_line(void *context, const struct web_record *record) {
    if ((record->versions & CONTROL_VERSION_GONE) == 0) line_put(context, record);
    return true;
}

static enum err lines_take(struct web_request *request, struct web_taking *taking, bool withdrawn, struct buf *out) {
    unsigned labels = token_labels_any(&request->user.token);
    uint64_t deadline_ms = clock_monotonic_ms() + LINES_MS;
    enum err err = OK;
    taking->end.more = true;
    while (err == OK && taking->end.more && out->size == 0 && clock_monotonic_ms() < deadline_ms) {
        struct lines lines = {.out = out, .gone = taking->end.at.gone, .cursor = taking->end.at.cursor};
        err = web_take(request->web, taking, labels, withdrawn ? on_line : on_object_line, &lines);
        if (err == OK && taking->end.reset && withdrawn)
            buf_put_format(out, "{\"reset\":true,\"position\":\"0.%llu\"}\n", (unsigned long long)taking->end.at.gone);
    }
    return err;
}

static enum MHD_Result lines_answer(struct web_request *request, struct web_taking *taking, bool withdrawn) {
    struct web_answer answer = {.status = MHD_HTTP_OK, .type = "application/x-ndjson"};
    char position[POSITION_BYTES];
    if (lines_take(request, taking, withdrawn, &answer.body) != OK) {
        buf_free(&answer.body);
        return web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "The node does not answer at this moment");
    }
    position_text(position, taking->end.at.cursor, taking->end.at.gone);
    answer.headers[0] = "X-Comity-Position";
    answer.headers[1] = position;
    return web_answer(request, &answer);
}

enum MHD_Result web_feed_lines(struct web_request *request) {
    const char *after = argument(request, "after"), *most = argument(request, "limit"), *withdrawn = argument(request, "withdrawn");
    const char *next;
    uint64_t limit = TAXII_LIMIT_DEFAULT;
    enum MHD_Result result = MHD_NO;
    if (most && (!number_read(most, 0, &limit, &next) || limit == 0 || limit > TAXII_LIMIT_MAX))
        return web_error(request, MHD_HTTP_BAD_REQUEST, "limit: give a number from 1 to %d", TAXII_LIMIT_MAX);
    struct web_taking *taking = calloc(1, sizeof *taking);
    if (taking && wanted_read(request, taking, &result) && place_read(request, taking, after, "after", 0, &result)) {
        bool asked = (withdrawn && strcmp(withdrawn, "yes") == 0) || taking->subscription[0] || (after && strchr(after, '.'));
        snprintf(taking->who, sizeof taking->who, "%s", request->user.name);
        taking->limit = limit;
        result = lines_answer(request, taking, asked);
    }
    free(taking);
    return result;
}
