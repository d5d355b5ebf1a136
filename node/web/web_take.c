/* What is new behind a consumer's position: objects and withdrawals, through a subscription, a filter, or neither. */
#include "gossip/pack.h"
#include "node/engine/control.h"
#include "node/subscribe/take_wire.h"
#include "node/web/web_state.h"

#include <string.h>

static enum err take_ask(struct web_link *link, const struct web_taking *taking, unsigned labels) {
    const struct take_question question = {.subscription = bytes_of_text(taking->subscription),
                                           .exit = POLICY_LIVE,
                                           .who = bytes_of_text(taking->who),
                                           .labels = labels,
                                           .limit = taking->limit,
                                           .stored = taking->stored,
                                           .at = taking->end.at,
                                           .filter = bytes_of_text(taking->filter),
                                           .scope = taking->scope,
                                           .fresh = taking->fresh,
                                           .kind = TAKE_KIND_TOKEN};
    struct buf body = {0};
    take_question_write(&body, &question);
    enum err err = buf_result(&body);
    if (err == OK) err = web_link_ask(link, FRAME_ASK_TAKE, bytes_of_buf(&body));
    buf_free(&body);
    return err;
}

static enum err records_read(struct web *web, struct web_link *link, struct bytes body, web_visit *visit, void *context) {
    struct cursor in = cursor_of(body);
    while (in.left > 0) {
        struct web_record record;
        if (!web_record_read(&record, &in, link)) return ERR_FORMAT;
        bool gone = (record.versions & CONTROL_VERSION_GONE) != 0;
        if (!gone && web_facts_read(link->facts, link->item, &record.facts) != OK) {
            atomic_fetch_add(&web->objects_unsound, 1);
            continue;
        }
        atomic_fetch_add(gone ? &web->feed_withdrawals : &web->feed_objects, 1);
        (void)visit(context, &record);
    }
    return OK;
}

static enum err done_read(struct web_taking *taking, struct bytes body) {
    enum err err = take_end_read(&taking->end, body);
    if (err == OK) taking->stored = taking->fresh = false;
    return err;
}

/* Tells the subscription; its answer comes before the next question's. */
static enum err taken_say(struct web_link *link, const struct web_taking *taking, struct take_position at, uint64_t delivered) {
    const struct take_taken taken = {bytes_of_text(taking->subscription), at, delivered};
    struct buf body = {0};
    struct frame frame;
    take_taken_write(&body, &taken);
    enum err err = buf_result(&body);
    if (err == OK) err = web_link_ask(link, FRAME_ASK_TAKEN, bytes_of_buf(&body));
    buf_free(&body);
    if (err == OK) err = web_link_answer(link, &frame);
    if (err != OK) return err;
    return frame.type == FRAME_ANSWER_DONE || frame.type == FRAME_ANSWER_ERROR ? OK : ERR_FORMAT;
}

static enum err take_read(struct web *web, struct web_link *link, struct web_taking *taking, web_visit *visit, void *context) {
    for (;;) {
        struct frame frame;
        enum err err = web_link_answer(link, &frame);
        if (err != OK) return err;
        if (frame.type == FRAME_ANSWER_ERROR) return ERR_CORRUPT;
        if (frame.type == FRAME_ANSWER_DONE) return done_read(taking, frame.body);
        if (frame.type != FRAME_ANSWER_PAGE) return ERR_FORMAT;
        err = records_read(web, link, frame.body, visit, context);
        if (err != OK) return err;
    }
}

enum err web_take(struct web *web, struct web_taking *taking, unsigned labels, web_visit *visit, void *context) {
    struct web_link *link = web_link_take(web);
    enum err err = take_ask(link, taking, labels);
    if (err == OK) err = take_read(web, link, taking, visit, context);
    if (err == OK && taking->end.reset) atomic_fetch_add(&web->feed_resets, 1);
    /* Counted when it is sent; the place moves when the client asks behind it. */
    if (err == OK && taking->subscription[0] && taking->end.count > 0)
        err = taken_say(link, taking, (struct take_position){0}, taking->end.count);
    if (err != OK && err != ERR_CORRUPT) web_break(web, err_text(err));
    web_link_give(web, link);
    return err;
}

enum err web_taken(struct web *web, const struct web_taking *taking) {
    struct web_link *link = web_link_take(web);
    enum err err = taken_say(link, taking, taking->end.at, 0);
    if (err != OK) web_break(web, err_text(err));
    web_link_give(web, link);
    return err;
}

/* The exit that a subscription is for, of the document that `show` answers. */
static bool exit_is_live(struct bytes document) {
    struct pack_reader in = pack_reader_of(document);
    for (uint32_t keys = pack_read_map(&in); keys > 0 && !pack_failed(&in); keys--) {
        struct bytes key = pack_read_str(&in);
        bool text = !pack_failed(&in) && in.cursor.left > 0 && *in.cursor.at >= 0xa0;
        bool number = text && *in.cursor.at >= 0xcc && *in.cursor.at <= 0xcf;
        if (!text || number)
            pack_read_uint(&in);
        else if (bytes_equal_text(key, "exit"))
            return bytes_equal_text(pack_read_str(&in), policy_exit_name(POLICY_LIVE));
        else
            pack_read_str(&in);
    }
    return false;
}

enum err web_subscription_check(struct web *web, const char *name) {
    struct web_link *link = web_link_take(web);
    struct buf body = {0};
    struct frame frame = {.type = FRAME_ANSWER_DOCUMENT};
    bool live = false, found = true;
    pack_write_array(&body, 2);
    pack_write_str(&body, bytes_of_text("show"));
    pack_write_str(&body, bytes_of_text(name));
    enum err err = buf_result(&body);
    if (err == OK) err = web_link_ask(link, FRAME_ASK_SUBSCRIPTION, bytes_of_buf(&body));
    buf_free(&body);
    while (err == OK && frame.type == FRAME_ANSWER_DOCUMENT) {
        err = web_link_answer(link, &frame);
        if (err == OK && frame.type == FRAME_ANSWER_DOCUMENT) live = exit_is_live(frame.body);
        if (err == OK && frame.type == FRAME_ANSWER_ERROR) found = false;
    }
    if (err != OK) web_break(web, err_text(err));
    web_link_give(web, link);
    return err != OK ? err : !found ? ERR_NOT_FOUND : live ? OK : ERR_DENIED;
}
