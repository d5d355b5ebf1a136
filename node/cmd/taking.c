#include "node/cmd/taking.h"

#include "node/engine/page_record.h"
#include "node/subscribe/take_wire.h"

static enum err ask(struct taking *taking) {
    const struct take_question question = {.subscription = bytes_of_text(taking->subscription),
                                           .exit = taking->exit,
                                           .who = bytes_of_text(taking->who),
                                           .labels = TAKE_LABELS_ALL,
                                           .limit = taking->limit,
                                           .stored = taking->stored,
                                           .at = taking->end.at,
                                           .filter = bytes_of_text(taking->filter),
                                           .as_objects = true,
                                           .scope.any = true};
    struct buf body = {0};
    take_question_write(&body, &question);
    enum err err = buf_result(&body);
    if (err == OK) err = client_ask(taking->client, FRAME_ASK_TAKE, bytes_of_buf(&body));
    buf_free(&body);
    return err;
}

static enum err gone_read(struct taking *taking, const struct taking_events *events, struct bytes body) {
    struct item *item = &taking->reader->answer.item;
    struct cursor in = cursor_of(body);
    while (in.left > 0) {
        struct page_record record;
        if (!page_record_read(&record, &in) || record.versions != CONTROL_VERSION_GONE) return ERR_FORMAT;
        if (item_decode(item, record.encoded) != OK) return ERR_FORMAT;
        const struct taking_gone gone = {.cursor = record.cursor,
                                         .number = record.added_us,
                                         .time_ms = item->modified_ms,
                                         .tlp = record.tlp,
                                         .author = record.author,
                                         .type = item->type,
                                         .id = item->id,
                                         .cause = take_cause_read(item->text)};
        events->gone(events->context, &gone);
    }
    return OK;
}

static enum err done_read(struct taking *taking, struct bytes body) {
    enum err err = take_end_read(&taking->end, body);
    if (err == OK) taking->stored = false;
    return err;
}

enum outcome taking_page(struct taking *taking, const struct taking_events *events) {
    struct frame frame;
    enum err err = ask(taking);
    while (err == OK && (err = client_answer(taking->client, &frame, -1)) == OK) {
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(taking->client, frame.body);
        if (frame.type == FRAME_ANSWER_DONE) {
            err = done_read(taking, frame.body);
            if (err == OK) return OUTCOME_SUCCESS;
        } else if (frame.type == FRAME_ANSWER_OBJECT) {
            err = answer_read(taking->reader, frame.body);
            if (err == OK) events->object(events->context, &taking->reader->answer);
        } else {
            err = frame.type == FRAME_ANSWER_PAGE ? gone_read(taking, events, frame.body) : ERR_FORMAT;
        }
    }
    return client_lost(taking->client, err);
}

enum outcome taking_taken(struct taking *taking, uint64_t delivered) {
    const struct take_taken taken = {bytes_of_text(taking->subscription), taking->end.at, delivered};
    struct frame frame;
    struct buf body = {0};
    take_taken_write(&body, &taken);
    enum err err = buf_result(&body);
    if (err == OK) err = client_ask(taking->client, FRAME_ASK_TAKEN, bytes_of_buf(&body));
    buf_free(&body);
    if (err == OK) err = client_answer(taking->client, &frame, -1);
    if (err != OK) return client_lost(taking->client, err);
    return frame.type == FRAME_ANSWER_ERROR ? client_refused(taking->client, frame.body) : OUTCOME_SUCCESS;
}
