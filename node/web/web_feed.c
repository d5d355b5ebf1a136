/* web_feed: what arrives, as it arrives: Server-Sent Events (GET /feed, with Last-Event-ID) and JSON lines (GET /feed.jsonl?after=).
   A stream that has said all waits outside the server's loop until something is new. */
#include "node/process/clock.h"
#include "node/formats/json_out.h"
#include "node/web/web_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 256
#define PAGE_EVENTS 200
#define BLOCK_BYTES (64 * 1024)

struct stream {
    struct web *web;
    struct MHD_Connection *connection;
    uint8_t token[HASH_BYTES];
    char name[TOKENS_NAME_BYTES_MAX + 1];
    unsigned labels;
    struct taxii_filter *filter;
    struct buf text; /* what is to be sent, from `sent` on */
    size_t sent;
    bool waiting; /* suspended */
    bool quiet;   /* a sign of life is due */
    bool over;
};

struct web_feeds {
    pthread_mutex_t lock;
    struct stream *streams[STREAMS_MAX];
    size_t count;
    bool stopping;
};

/* --- one object, on one line --- */

static void line_put(struct buf *out, const struct web_record *record) {
    struct json_out json = json_out_of(out);
    char added[MOMENT_TEXT_BYTES];
    moment_text_us(added, record->added_us);
    json_out_object(&json);
    json_out_key(&json, "cursor");
    json_out_uint(&json, record->cursor);
    json_out_key(&json, "added");
    json_out_text(&json, added);
    json_out_key(&json, "author");
    json_out_string(&json, record->author);
    json_out_key(&json, "tlp");
    json_out_text(&json, tlp_name(record->tlp));
    json_out_key(&json, "object");
    size_t start = out->size;
    json_out_raw(&json, record->item->text);
    /* In valid JSON a control byte is a blank between values: a line end among them would end our line. */
    for (size_t i = start; !out->failed && i < out->size; i++)
        if (out->data[i] < 0x20) out->data[i] = ' ';
    json_out_object_end(&json);
    buf_put_text(out, "\n");
}

static bool on_event(void *context, const struct web_record *record) {
    struct buf *out = context;
    buf_put_format(out, "id: %llu\nevent: object\ndata: ", (unsigned long long)record->cursor);
    line_put(out, record);
    buf_put_text(out, "\n");
    return true;
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
    pthread_mutex_unlock(&feeds->lock);
    buf_free(&stream->text);
    free(stream->filter);
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

/* Fills the text with what is new, if anything is. */
static enum err stream_fill(struct stream *stream) {
    struct web_end end = {.more = true};
    buf_clear(&stream->text);
    stream->sent = 0;
    while (stream->text.size == 0 && end.more && stream->filter->position < atomic_load(&stream->web->newest_cursor)) {
        enum err err = web_page(stream->web, stream->filter, stream->labels, on_event, &stream->text, &end);
        if (err != OK) return err;
        stream->filter->position = end.cursor;
    }
    return buf_result(&stream->text);
}

/* Nothing is new: waits, unless something came meanwhile. True: a sign of life is due instead. */
static bool stream_wait(struct stream *stream) {
    struct web_feeds *feeds = stream->web->feeds;
    pthread_mutex_lock(&feeds->lock);
    bool quiet = stream->quiet;
    stream->quiet = false;
    stream->over = feeds->stopping;
    if (!quiet && !stream->over && stream->filter->position >= atomic_load(&stream->web->newest_cursor)) {
        stream->waiting = true;
        MHD_suspend_connection(stream->connection);
    }
    pthread_mutex_unlock(&feeds->lock);
    return quiet;
}

static ssize_t on_read(void *context, uint64_t position, char *out, size_t max) {
    struct stream *stream = context;
    (void)position;
    if (stream->sent == stream->text.size) {
        if (!stream_permitted(stream)) return MHD_CONTENT_READER_END_OF_STREAM;
        if (stream_fill(stream) != OK) return MHD_CONTENT_READER_END_WITH_ERROR;
        if (stream->text.size == 0 && stream_wait(stream)) buf_put_text(&stream->text, ": nothing new\n\n");
        if (stream->over) return MHD_CONTENT_READER_END_OF_STREAM;
    }
    size_t left = stream->text.size - stream->sent, size = left < max ? left : max;
    if (size > 0) memcpy(out, stream->text.data + stream->sent, size);
    stream->sent += size;
    return (ssize_t)size;
}

/* --- requests --- */

static bool number_read(const char *text, uint64_t *out) {
    char *end;
    if (*text < '0' || *text > '9') return false;
    *out = strtoull(text, &end, 10);
    return *end == 0;
}

/* All versions of what this token may see, behind a cursor. */
static struct taxii_filter *filter_new(const char *who, uint64_t position, uint64_t limit) {
    struct taxii_filter *filter = calloc(1, sizeof *filter);
    if (!filter) return NULL;
    taxii_filter_init(filter);
    filter->exit = POLICY_LIVE;
    filter->all_versions = true;
    filter->position = position;
    filter->limit = limit;
    filter->who = who;
    return filter;
}

static bool stream_register(struct stream *stream) {
    struct web_feeds *feeds = stream->web->feeds;
    pthread_mutex_lock(&feeds->lock);
    bool room = feeds->count < STREAMS_MAX && !feeds->stopping;
    if (room) feeds->streams[feeds->count++] = stream;
    pthread_mutex_unlock(&feeds->lock);
    return room;
}

enum MHD_Result web_feed_events(struct web_request *request) {
    struct web *web = request->web;
    const char *from = web_header(request, "Last-Event-ID");
    uint64_t position = atomic_load(&web->newest_cursor);
    if (!from) from = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, "after");
    if (from && !number_read(from, &position))
        return web_error(request, MHD_HTTP_BAD_REQUEST, "Last-Event-ID: give the id of the last event, a number");
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream) return MHD_NO;
    *stream = (struct stream){.web = web,
                              .connection = request->connection,
                              .labels = token_labels_any(&request->user.token),
                              .filter = filter_new(NULL, position, PAGE_EVENTS)};
    snprintf(stream->name, sizeof stream->name, "%s", request->user.name);
    if (stream->filter) stream->filter->who = stream->name;
    memcpy(stream->token, request->user.token.hash, sizeof stream->token);
    if (stream->filter && web_scope(web, &request->user.token, stream->filter) != OK) {
        free(stream->filter);
        stream->filter = NULL;
    }
    if (!stream->filter || !stream_register(stream)) {
        free(stream->filter);
        free(stream);
        return web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "Too many streams are open");
    }
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

enum MHD_Result web_feed_lines(struct web_request *request) {
    const char *after = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, "after");
    const char *most = MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, "limit");
    struct web_answer answer = {.status = MHD_HTTP_OK, .type = "application/x-ndjson"};
    uint64_t position = 0, limit = TAXII_LIMIT_DEFAULT;
    struct web_end end = {.more = true};
    enum err err = OK;
    if (after && !number_read(after, &position))
        return web_error(request, MHD_HTTP_BAD_REQUEST, "after: give the cursor of the last line, a number");
    if (most && (!number_read(most, &limit) || limit == 0 || limit > TAXII_LIMIT_MAX))
        return web_error(request, MHD_HTTP_BAD_REQUEST, "limit: give a number from 1 to %d", TAXII_LIMIT_MAX);
    struct taxii_filter *filter = filter_new(request->user.name, position, limit);
    if (!filter) return MHD_NO;
    err = web_scope(request->web, &request->user.token, filter);
    while (err == OK && end.more && answer.body.size == 0 && filter->position < atomic_load(&request->web->newest_cursor)) {
        err = web_page(request->web, filter, token_labels_any(&request->user.token), on_line, &answer.body, &end);
        filter->position = end.cursor;
    }
    free(filter);
    if (err == OK) return web_answer(request, &answer);
    buf_free(&answer.body);
    return web_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "The node does not answer at this moment");
}
