/* web_publish: what clients post, published by one thread of its own, in order, through the engine's usual door; and the status
   resources that tell what became of it. The engine keeps them: before a POST is answered one that tells what holds if this process is
   ended before it is published, and then what became of it. */
#include "gossip/pack.h"
#include "node/process/clock.h"
#include "node/engine/control.h"
#include "node/engine/post_status.h"
#include "node/formats/intake.h"
#include "node/formats/json.h"
#include "node/web/web_state.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POSTS_MAX        32 /* that wait */
#define POSTS_A_TOKEN    8  /* of them, so that one token keeps no other from posting */
#define FRAME_BYTES      (512 * 1024)
#define FRAME_ITEMS_MAX  4096
#define REASON_BYTES_MAX 400
#define ROWS_MAX         20000                           /* objects of one POST */
#define ROWS_BYTES_MAX   (CONTROL_KEPT_BYTES_MAX - 4096) /* that a status tells one by one; refused ones first */
#define INTERRUPTED      "the node was stopped before it was known what became of it: post it again, which doubles nothing"

/* What became of one object. */
struct row {
    char id[ITEM_ID_BYTES_MAX + 1];
    char version[MOMENT_TEXT_BYTES];
    char *message; /* owned; null: published */
};

/* One POST, from its body to its status. */
struct post {
    char id[UUID_CHARS + 1];
    char user[TOKENS_NAME_BYTES_MAX + 1];
    char *recipients;
    unsigned collection; /* the number of its label */
    enum tlp label_max;
    uint64_t asked_ms;
    struct buf body;
    struct row *rows;
    size_t row_count, row_capacity;
    uint64_t total, successes, failures;
};

struct web_publisher {
    struct web *web;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    struct post *posts[POSTS_MAX]; /* a ring, oldest first */
    size_t first, count;
};

/* The work on one post, in the thread. */
struct work {
    struct web *web;
    struct web_link *link;
    struct post *post;
    struct buf frame;
    size_t rows[FRAME_ITEMS_MAX]; /* which row each item of the frame has */
    size_t items;
    bool failed;
    char why[REASON_BYTES_MAX];
};

/* --- rows --- */

static size_t row_add(struct post *post, struct bytes id, uint64_t modified_ms, const char *message) {
    if (post->row_count == post->row_capacity) {
        size_t capacity = post->row_capacity ? 2 * post->row_capacity : 64;
        struct row *grown = capacity <= 2 * ROWS_MAX ? realloc(post->rows, capacity * sizeof *grown) : NULL;
        if (!grown) return SIZE_MAX;
        post->rows = grown, post->row_capacity = capacity;
    }
    struct row *row = &post->rows[post->row_count];
    *row = (struct row){0};
    if (id.size > 0 && id.size <= ITEM_ID_BYTES_MAX) memcpy(row->id, id.data, id.size);
    if (modified_ms) moment_text(row->version, modified_ms);
    if (message) row->message = strdup(message);
    return post->row_count++;
}

static void row_refuse(struct post *post, size_t at, struct bytes rule, struct bytes reason) {
    char text[REASON_BYTES_MAX];
    if (at >= post->row_count || post->rows[at].message) return;
    snprintf(text, sizeof text, "%.*s%s%.*s%s", (int)(reason.size < 300 ? reason.size : 300), (const char *)reason.data,
             rule.size > 0 ? " [" : "", (int)(rule.size < 64 ? rule.size : 64), (const char *)rule.data, rule.size > 0 ? "]" : "");
    post->rows[at].message = strdup(text);
}

static void rows_refuse_all(struct post *post, const char *why) {
    for (size_t i = 0; i < post->row_count; i++) row_refuse(post, i, bytes_of(NULL, 0), bytes_of_text(why));
}

/* --- to the engine --- */

/* An error of the engine becomes the reason of all that stands or fails with it. */
static void work_refused(struct work *work, struct bytes body) {
    struct pack_reader in = pack_reader_of(body);
    pack_read_array(&in);
    pack_read_uint(&in);
    struct bytes text = pack_read_str(&in);
    work->failed = true;
    snprintf(work->why, sizeof work->why, "%.*s", (int)(text.size < 300 ? text.size : 300),
             text.size > 0 ? (const char *)text.data : "");
}

static void verdicts_read(struct work *work, struct bytes body) {
    struct pack_reader in = pack_reader_of(body);
    uint32_t count = pack_read_array(&in);
    for (uint32_t i = 0; i < count && !pack_failed(&in); i++) {
        pack_read_array(&in);
        uint64_t index = pack_read_uint(&in), code = pack_read_uint(&in);
        struct bytes rule = pack_read_str(&in), reason = pack_read_str(&in);
        if (!pack_failed(&in) && index < work->items && code != ERR_EXISTS) row_refuse(work->post, work->rows[index], rule, reason);
    }
}

/* Asks, and reads answers until the request ends. */
static enum err ask(struct work *work, enum frame_type type, struct bytes body) {
    struct frame frame;
    enum err err = web_link_ask(work->link, type, body);
    while (err == OK && (err = web_link_answer(work->link, &frame)) == OK) {
        if (frame.type == FRAME_ANSWER_DONE) return OK;
        if (frame.type == FRAME_ANSWER_ITEMS) verdicts_read(work, frame.body);
        if (frame.type != FRAME_ANSWER_ERROR) continue;
        work_refused(work, frame.body);
        return OK;
    }
    work->failed = true;
    snprintf(work->why, sizeof work->why, "the node does not answer (%s): post again, which doubles nothing", err_text(err));
    web_break(work->web, err_text(err));
    return err;
}

static enum err publication_open(struct work *work) {
    const char *names = work->post->recipients;
    bool all = strcmp(names, "*") == 0;
    struct buf body = {0};
    uint32_t count = all ? 0 : 1;
    for (const char *at = names; !all && *at; at++) count += *at == ',';
    pack_write_array(&body, 3);
    pack_write_uint(&body, work->post->collection); /* the number of its label; everything has none */
    pack_write_bool(&body, all);
    pack_write_array(&body, count);
    while (!all && *names) {
        size_t size = strcspn(names, ",");
        pack_write_str(&body, bytes_of(names, size));
        names += names[size] ? size + 1 : size;
    }
    enum err err = buf_result(&body);
    if (err == OK) err = ask(work, FRAME_ASK_PUBLISH, bytes_of_buf(&body));
    buf_free(&body);
    return err;
}

static enum err items_send(struct work *work) {
    if (work->items == 0 || work->failed) return OK;
    enum err err = ask(work, FRAME_ASK_ITEMS, bytes_of_buf(&work->frame));
    buf_clear(&work->frame);
    work->items = 0;
    return err;
}

/* --- from the body --- */

/* Why this token or collection does not take an object, or null. */
static const char *label_problem(const struct post *post, const struct item *item) {
    if (post->collection != COLLECTION_ALL && item->tlp > (enum tlp)post->collection)
        return "its own label is stricter than the collection's: post it to the collection of its label";
    if (item->tlp > post->label_max) return "its label is stricter than this token's";
    return NULL;
}

static enum err on_accept(void *context, const struct item *item, const struct intake_place *place) {
    struct work *work = context;
    struct post *post = work->post;
    (void)place;
    const char *problem = label_problem(post, item);
    size_t row = row_add(post, item->id, item->modified_ms, problem);
    if (row == SIZE_MAX) return ERR_MEMORY;
    if (problem || work->failed) return OK;
    size_t before = work->frame.size;
    buf_put_u8(&work->frame, 0);
    buf_put_u32(&work->frame, 0);
    enum err err = item_encode(&work->frame, item);
    if (err != OK || work->frame.failed) {
        work->frame.size = before;
        row_refuse(post, row, bytes_of(NULL, 0), bytes_of_text(err_text(err != OK ? err : ERR_MEMORY)));
        return OK;
    }
    put_be32(work->frame.data + before + 1, (uint32_t)(work->frame.size - before - 5));
    work->rows[work->items++] = row;
    return work->items == FRAME_ITEMS_MAX || work->frame.size > FRAME_BYTES ? items_send(work) : OK;
}

static void on_refuse(void *context, const struct intake_place *place, const char *id, const char *reason) {
    struct work *work = context;
    char text[REASON_BYTES_MAX];
    snprintf(text, sizeof text, "line %llu (byte %llu): %.300s", (unsigned long long)place->line,
             (unsigned long long)place->byte_offset, reason);
    if (row_add(work->post, id ? bytes_of_text(id) : bytes_of(NULL, 0), 0, text) == SIZE_MAX) work->failed = true;
}

static void body_read(struct work *work) {
    struct intake_options options = {.format = INTAKE_STIX,
                                     .now_ms = clock_wall_ms(),
                                     .tlp = (enum tlp)work->post->collection,
                                     .context = work,
                                     .accept = on_accept,
                                     .refuse = on_refuse};
    memcpy(options.agency_id, work->web->settings.agency_id, sizeof options.agency_id);
    struct intake *intake = intake_new(&options);
    enum err err = intake ? intake_feed(intake, bytes_of_buf(&work->post->body)) : ERR_MEMORY;
    if (err == OK) err = intake_finish(intake);
    intake_free(intake);
    if (err == OK || err == ERR_SYNTAX || err == ERR_TRUNCATED) return; /* said through `refuse` */
    work->failed = true;
    snprintf(work->why, sizeof work->why, "%s", err_text(err));
}

static void post_publish(struct web *web, struct post *post) {
    static const uint8_t nothing = 0x90; /* an empty array */
    struct work *work = calloc(1, sizeof *work);
    if (!work) {
        row_add(post, bytes_of(NULL, 0), 0, err_text(ERR_MEMORY));
        return;
    }
    *work = (struct work){.web = web, .post = post, .link = web_link_take(web)};
    enum err err = publication_open(work);
    if (err == OK) body_read(work);
    if (err == OK && !work->failed) err = items_send(work);
    if (err == OK && !work->failed) err = ask(work, FRAME_ASK_COMMIT, bytes_of(&nothing, 1));
    if (work->failed) rows_refuse_all(post, work->why);
    web_link_give(web, work->link);
    buf_free(&work->frame);
    free(work);
}

/* --- how many --- */

static enum err on_value(void *context, struct bytes text, const struct intake_place *place) {
    (void)text, (void)place;
    ++*(uint64_t *)context;
    return OK;
}

static enum err on_shell(void *context, struct bytes text, const struct intake_place *place, bool complete, bool *enter) {
    (void)context, (void)text, (void)place, (void)complete;
    *enter = true;
    return OK;
}

static void on_json_refuse(void *context, const struct intake_place *place, const char *reason) {
    (void)place, (void)reason;
    ++*(uint64_t *)context;
}

/* Objects in an envelope; none of them was looked at. ERR_SYNTAX, ERR_TRUNCATED: this is no JSON. */
static enum err objects_count(struct bytes body, uint64_t *count) {
    struct json_handlers handlers = {.context = count, .value = on_value, .shell = on_shell, .refuse = on_json_refuse};
    size_t at = 0;
    while (at < body.size && strchr(" \t\r\n", body.data[at]) != NULL && body.data[at] != 0) at++;
    if (at == body.size || body.data[at] != '{') return ERR_SYNTAX;
    struct json *json = json_new(&handlers, ITEM_TEXT_BYTES_MAX, 0);
    enum err err = json ? json_feed(json, body) : ERR_MEMORY;
    if (err == OK) err = json_finish(json);
    json_free(json);
    return err;
}

/* --- status resources --- */

static struct post_row row_told(const struct row *row) {
    return (struct post_row){.id = bytes_of_text(row->id),
                             .version = bytes_of_text(row->version),
                             .refused = row->message != NULL,
                             .message = row->message ? bytes_of_text(row->message) : bytes_of(NULL, 0)};
}

/* How many rows of this kind fit behind `bytes`. */
static uint32_t rows_fit(const struct post *post, bool refused, size_t *bytes) {
    uint32_t count = 0;
    for (size_t i = 0; i < post->row_count; i++) {
        struct post_row row = row_told(&post->rows[i]);
        if (row.refused != refused) continue;
        *bytes += post_row_bytes_max(&row);
        if (*bytes > ROWS_BYTES_MAX) break;
        count++;
    }
    return count;
}

static void rows_write(struct buf *out, const struct post *post, bool refused, uint32_t count) {
    for (size_t i = 0; count > 0 && i < post->row_count; i++) {
        struct post_row row = row_told(&post->rows[i]);
        if (row.refused != refused) continue;
        post_row_write(out, &row);
        count--;
    }
}

static struct post_status pending(const struct post *post) {
    return (struct post_status){.asked_ms = post->asked_ms, .total = post->total};
}

static void complete_write(struct buf *out, const struct post *post) {
    size_t bytes = 0;
    uint32_t failures = rows_fit(post, true, &bytes), successes = rows_fit(post, false, &bytes);
    const struct post_status status = {.complete = true,
                                       .asked_ms = post->asked_ms,
                                       .total = post->row_count,
                                       .successes = post->successes,
                                       .failures = post->failures,
                                       .row_count = failures + successes};
    post_status_write(out, &status);
    rows_write(out, post, true, failures);
    rows_write(out, post, false, successes);
}

/* What holds unless it is replaced. */
static void interrupted_write(struct buf *out, const struct post *post) {
    const struct post_row row = {.refused = true, .message = bytes_of_text(INTERRUPTED)};
    const struct post_status status = {
        .complete = true, .asked_ms = post->asked_ms, .total = post->total, .failures = post->total, .row_count = 1};
    post_status_write(out, &status);
    post_row_write(out, &row);
}

static void post_free(struct post *post) {
    if (!post) return;
    for (size_t i = 0; i < post->row_count; i++) free(post->rows[i].message);
    free(post->rows);
    free(post->recipients);
    buf_free(&post->body);
    free(post);
}

static struct post *post_new(const struct web_user *user, const struct web_collection *collection, struct buf *body) {
    struct post *post = calloc(1, sizeof *post);
    uint8_t uuid[UUID_BYTES];
    if (!post) return NULL;
    randombytes_buf(uuid, sizeof uuid);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* version 4 */
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
    uuid_text(post->id, uuid);
    snprintf(post->user, sizeof post->user, "%s", user->name);
    post->recipients = strdup(collection->of_group ? collection->alias : user->recipients);
    post->collection = collection->number;
    post->label_max = user->token.label_max;
    post->asked_ms = clock_wall_ms();
    post->body = *body;
    *body = (struct buf){0};
    if (post->recipients) return post;
    post_free(post);
    return NULL;
}

static enum err status_keep(struct web *web, const struct post *post, void (*write)(struct buf *out, const struct post *post)) {
    struct buf document = {0};
    write(&document, post);
    enum err err = buf_result(&document);
    if (err == OK) err = web_kept_put(web, post->user, post->id, post->asked_ms, bytes_of_buf(&document));
    buf_free(&document);
    return err;
}

/* Of all tokens, or of this one. Under the lock. */
static bool crowded(const struct web_publisher *publisher, const char *user) {
    size_t own = 0;
    for (size_t i = 0; i < publisher->count; i++)
        own += strcmp(publisher->posts[(publisher->first + i) % POSTS_MAX]->user, user) == 0;
    return publisher->count == POSTS_MAX || own >= POSTS_A_TOKEN;
}

static enum err post_queue(struct web_publisher *publisher, struct post *post, struct buf *status) {
    pthread_mutex_lock(&publisher->lock);
    bool room = publisher->count < POSTS_MAX;
    if (room) {
        const struct post_status waits = pending(post);
        web_status_write(status, post->id, &waits);
        publisher->posts[(publisher->first + publisher->count++) % POSTS_MAX] = post;
        pthread_cond_signal(&publisher->changed);
    }
    pthread_mutex_unlock(&publisher->lock);
    return room ? OK : ERR_FULL;
}

static bool full(struct web_publisher *publisher, const char *user) {
    pthread_mutex_lock(&publisher->lock);
    bool is_full = crowded(publisher, user);
    pthread_mutex_unlock(&publisher->lock);
    return is_full;
}

enum err web_publisher_post(struct web *web, const struct web_user *user, const struct web_collection *collection, struct buf *body,
                            struct buf *status) {
    uint64_t total = 0;
    enum err err = objects_count(bytes_of_buf(body), &total);
    if (err != OK) return err;
    if (full(web->publisher, user->name)) return ERR_FULL;
    struct post *post = post_new(user, collection, body);
    if (!post) return ERR_MEMORY;
    post->total = total;
    err = status_keep(web, post, interrupted_write);
    if (err == OK) err = post_queue(web->publisher, post, status);
    if (err != OK) post_free(post);
    return err;
}

/* Is it one of those that are not published yet? */
static bool waiting(struct web_publisher *publisher, const struct web_user *user, const char *id, struct post_status *out) {
    bool waits = false;
    pthread_mutex_lock(&publisher->lock);
    for (size_t i = 0; !waits && i < publisher->count; i++) {
        const struct post *post = publisher->posts[(publisher->first + i) % POSTS_MAX];
        waits = strcmp(post->id, id) == 0 && strcmp(post->user, user->name) == 0;
        if (waits) *out = pending(post);
    }
    pthread_mutex_unlock(&publisher->lock);
    return waits;
}

enum err web_publisher_status(struct web *web, const struct web_user *user, const char *id, struct buf *status) {
    struct post_status told;
    struct buf document = {0};
    enum err err = OK;
    if (!waiting(web->publisher, user, id, &told)) {
        err = web_kept_get(web, user->name, id, &document);
        if (err == OK && !post_status_read(&told, bytes_of_buf(&document))) err = ERR_FORMAT;
    }
    if (err == OK) web_status_write(status, id, &told);
    buf_free(&document);
    return err == OK ? buf_result(status) : err;
}

/* --- the thread --- */

/* The oldest that waits, which stays in its place until its status is kept; null when the thread is to end. */
static struct post *post_take(struct web_publisher *publisher) {
    struct post *post = NULL;
    pthread_mutex_lock(&publisher->lock);
    while (!publisher->stopping && publisher->count == 0) pthread_cond_wait(&publisher->changed, &publisher->lock);
    if (!publisher->stopping) post = publisher->posts[publisher->first];
    pthread_mutex_unlock(&publisher->lock);
    return post;
}

static void *publish_all(void *context) {
    struct web_publisher *publisher = context;
    struct post *post;
    while ((post = post_take(publisher)) != NULL) {
        /* Readers of its status look at what was set before it was queued. */
        struct post work = *post;
        post_publish(publisher->web, &work);
        for (size_t i = 0; i < work.row_count; i++) work.rows[i].message ? work.failures++ : work.successes++;
        enum err err = status_keep(publisher->web, &work, complete_write);
        if (err != OK) log_warn("the status of a POST cannot be kept: %s", err_text(err));
        pthread_mutex_lock(&publisher->lock);
        *post = work;
        publisher->first = (publisher->first + 1) % POSTS_MAX;
        publisher->count--;
        pthread_mutex_unlock(&publisher->lock);
        post_free(post);
    }
    return NULL;
}

enum err web_publisher_start(struct web *web) {
    struct web_publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher) return ERR_MEMORY;
    publisher->web = web;
    pthread_mutex_init(&publisher->lock, NULL);
    pthread_cond_init(&publisher->changed, NULL);
    web->publisher = publisher;
    if (pthread_create(&publisher->thread, NULL, publish_all, publisher) == 0) return OK;
    free(publisher);
    web->publisher = NULL;
    return ERR_MEMORY;
}

void web_publisher_stop(struct web *web) {
    struct web_publisher *publisher = web->publisher;
    if (!publisher) return;
    pthread_mutex_lock(&publisher->lock);
    publisher->stopping = true;
    pthread_cond_signal(&publisher->changed);
    pthread_mutex_unlock(&publisher->lock);
    pthread_join(publisher->thread, NULL);
    for (size_t i = 0; i < publisher->count; i++) post_free(publisher->posts[(publisher->first + i) % POSTS_MAX]);
    free(publisher);
    web->publisher = NULL;
}
