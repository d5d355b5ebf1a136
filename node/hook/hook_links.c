/* hook_links: the hook process's connections to the engine, opened before its sandbox closes, and the questions asked over them. */
#include "node/hook/hook_state.h"

#include "gossip/pack.h"
#include "node/engine/control.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define PAGE_OBJECTS 10000 /* asked for at once: others use the connection in between */

struct hook_asking {
    const char *subscription; /* null: everything */
    struct take_position position;
    uint64_t limit;
    bool stored; /* behind the subscription's own position */
    bool keeps;  /* all that comes and goes is kept */
};

enum err hook_links_open(struct hooks *hooks) {
    enum err err = control_connect(&hooks->watch, hooks->dir);
    for (size_t i = 0; err == OK && i < HOOK_LINKS; i++) err = control_connect(&hooks->links[i].channel, hooks->dir);
    return err;
}

void hook_links_shut(struct hooks *hooks) {
    for (size_t i = 0; i < HOOK_LINKS; i++)
        if (hooks->links[i].channel.fd >= 0) shutdown(hooks->links[i].channel.fd, SHUT_RDWR);
}

void hook_links_close(struct hooks *hooks) {
    for (size_t i = 0; i < HOOK_LINKS; i++)
        if (hooks->links[i].channel.fd >= 0) channel_close(&hooks->links[i].channel);
    if (hooks->watch.fd >= 0) channel_close(&hooks->watch);
}

static struct hook_link *link_take(struct hooks *hooks) {
    struct hook_link *found = NULL;
    pthread_mutex_lock(&hooks->lock);
    while (!found && !hooks->stopping) {
        for (size_t i = 0; i < HOOK_LINKS && !found; i++)
            if (!hooks->links[i].busy) found = &hooks->links[i];
        if (!found) pthread_cond_wait(&hooks->changed, &hooks->lock);
    }
    if (found) found->busy = true;
    pthread_mutex_unlock(&hooks->lock);
    return found;
}

static void link_give(struct hooks *hooks, struct hook_link *link) {
    pthread_mutex_lock(&hooks->lock);
    link->busy = false;
    pthread_cond_broadcast(&hooks->changed);
    pthread_mutex_unlock(&hooks->lock);
}

static enum err link_answer(struct hook_link *link, struct frame *frame) {
    enum err err = channel_wait(&link->channel, frame, HOOK_ENGINE_MS);
    return err == OK && frame->tag != link->tag ? ERR_FORMAT : err;
}

static enum err refused(struct bytes body, char why[static HOOK_WHY_BYTES]) {
    struct pack_reader in = pack_reader_of(body);
    pack_read_array(&in);
    uint64_t code = pack_read_uint(&in);
    struct bytes text = pack_read_str(&in);
    if (pack_done(&in) != OK || code == OK || code >= ERR_COUNT) return ERR_FORMAT;
    snprintf(why, HOOK_WHY_BYTES, "the engine refuses: %.*s", (int)(text.size < 280 ? text.size : 280),
             text.size > 0 ? (const char *)text.data : "");
    return (enum err)code == ERR_CLOSED || (enum err)code == ERR_FORMAT ? ERR_INTERNAL : (enum err)code;
}

/* --- objects --- */

/* *visited stays the visitor's error: what else comes is read and dropped, so that the connection stays of use. */
static enum err records_read(struct bytes body, hook_visit *visit, void *context, enum err *visited) {
    struct cursor in = cursor_of(body);
    while (in.left > 0 && *visited == OK) {
        struct page_record record;
        if (!page_record_read(&record, &in)) return ERR_FORMAT;
        *visited = visit(context, &record);
    }
    return OK;
}

/* Asks, reads the answers, gives the link back. */
static enum err exchange(struct hooks *hooks, enum frame_type type, struct buf *body, hook_visit *visit, void *context,
                         struct take_end *taken, char why[static HOOK_WHY_BYTES]) {
    struct hook_link *link = link_take(hooks);
    struct frame frame = {.type = FRAME_ANSWER_PAGE};
    enum err visited = OK;
    if (!link) return ERR_CLOSED;
    enum err err = buf_result(body);
    if (err == OK) err = channel_send(&link->channel, type, ++link->tag, bytes_of_buf(body));
    while (err == OK && (frame.type == FRAME_ANSWER_PAGE || frame.type == FRAME_ANSWER_DOCUMENT)) {
        err = link_answer(link, &frame);
        if (err == OK && frame.type == FRAME_ANSWER_PAGE)
            err = visit ? records_read(frame.body, visit, context, &visited) : ERR_FORMAT;
    }
    bool spoke = err == OK;
    if (err == OK && frame.type == FRAME_ANSWER_DONE)
        err = taken ? take_end_read(taken, frame.body) : OK;
    else if (err == OK)
        err = frame.type == FRAME_ANSWER_ERROR ? refused(frame.body, why) : ERR_FORMAT;
    if (!spoke || err == ERR_FORMAT) {
        hooks_break(hooks, err_text(err)); /* what else comes over this connection belongs to no question */
        err = ERR_CLOSED;
    }
    link_give(hooks, link);
    return err == OK ? visited : err;
}

/* --- the questions --- */

static enum err take_ask(struct hook_work *work, const struct hook_asking *asking, hook_visit *visit, void *context,
                         struct take_end *taken, char why[static HOOK_WHY_BYTES]) {
    const struct hook *hook = work->hook;
    const struct bytes filter = bytes_of_text(hook->filter ? hook->filter : "");
    uint8_t terms[TAKE_TERMS_BYTES];
    hash_of(terms, "comity-hook-terms", filter, bytes_of(NULL, 0));
    const struct take_question question = {.subscription = bytes_of_text(asking->subscription ? asking->subscription : ""),
                                           .exit = hook_exit(hook),
                                           .who = bytes_of_text(hook->name),
                                           .labels = hook->labels,
                                           .limit = asking->limit,
                                           .stored = asking->stored,
                                           .at = asking->position,
                                           .filter = filter,
                                           .scope.any = true,
                                           .kind = TAKE_KIND_HOOK,
                                           .terms = bytes_of(terms, sizeof terms),
                                           .keeps = asking->keeps};
    struct buf body = {0};
    take_question_write(&body, &question);
    enum err err = exchange(work->hooks, FRAME_ASK_TAKE, &body, visit, context, taken, why);
    buf_free(&body);
    return err;
}

enum err hook_take(struct hook_work *work, const char *subscription, hook_visit *visit, void *context, struct take_end *taken,
                   char why[static HOOK_WHY_BYTES]) {
    const struct hook_asking asking = {.subscription = subscription, .limit = work->hook->batch, .stored = true};
    return take_ask(work, &asking, visit, context, taken, why);
}

enum err hook_take_all(struct hook_work *work, hook_visit *visit, void *context, char why[static HOOK_WHY_BYTES]) {
    struct hook_asking asking = {.subscription = work->hook->subscription, .limit = PAGE_OBJECTS};
    struct take_end taken = {.more = true};
    enum err err = OK;
    while (err == OK && taken.more) {
        err = take_ask(work, &asking, visit, context, &taken, why);
        asking.position = taken.at;
        if (err != OK || !taken.reset) continue;
        snprintf(why, HOOK_WHY_BYTES, "the list of withdrawals was cut while it was read");
        err = ERR_BUSY;
    }
    return err;
}

enum err hook_take_kept(struct hook_work *work, const struct take_position *from, hook_visit *visit, void *context,
                        struct take_end *taken, char why[static HOOK_WHY_BYTES]) {
    const struct hook_asking asking = {
        .subscription = work->hook->subscription, .position = *from, .limit = PAGE_OBJECTS, .keeps = true};
    return take_ask(work, &asking, visit, context, taken, why);
}

enum err hook_taken(struct hook_work *work, const char *subscription, const struct take_end *taken,
                    char why[static HOOK_WHY_BYTES]) {
    const struct take_taken told = {bytes_of_text(subscription), taken->at, taken->count};
    struct buf body = {0};
    take_taken_write(&body, &told);
    enum err err = exchange(work->hooks, FRAME_ASK_TAKEN, &body, NULL, NULL, NULL, why);
    buf_free(&body);
    return err;
}

enum err hook_subscribe(struct hook_work *work, const char *name, char why[static HOOK_WHY_BYTES]) {
    struct buf body = {0};
    pack_write_array(&body, 6);
    pack_write_str(&body, bytes_of_text("add"));
    pack_write_str(&body, bytes_of_text(name));
    pack_write_str(&body, bytes_of_text(""));
    pack_write_uint(&body, TLP_NONE);
    pack_write_uint(&body, POLICY_HOOK);
    pack_write_bool(&body, !work->hook->from_now);
    enum err err = exchange(work->hooks, FRAME_ASK_SUBSCRIPTION, &body, NULL, NULL, NULL, why);
    buf_free(&body);
    return err == ERR_EXISTS ? OK : err;
}
