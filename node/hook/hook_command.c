/* hook_command: a program that gets what came and went, as lines of JSON on its standard input. When it ends with 0 the batch was taken, and the
   position of the subscription moves; else the same is given again, later, without what was withdrawn meanwhile. So everything is given
   at least once, and twice only when the node, or the program, ended in between. */
#include "node/hook/hook_state.h"

#include "node/formats/json_out.h"
#include "node/formats/moment.h"
#include "node/process/clock.h"

#include <stdio.h>
#include <string.h>

#define BATCH_BYTES_MAX (64 * 1024 * 1024)

struct batch {
    struct hook_work *work;
    struct buf lines;
    uint64_t objects, withdrawals;
    struct take_position known; /* what the engine has on disk, as far as it was heard */
};

/* One line, as the feeds of the web process have them: {"cursor","added","author","tlp","object"}, or of what is gone
   {"cursor","time","author","tlp","withdrawn": ID,"type","why": {"cause": ...}}; why is the engine's own text. */
static void line_put(struct buf *out, const struct page_record *record, const struct answer *answer) {
    struct json_out json = json_out_of(out);
    char moment[MOMENT_TEXT_BYTES];
    json_out_object(&json);
    json_out_key(&json, "cursor");
    json_out_uint(&json, record->cursor);
    json_out_key(&json, page_record_gone(record) ? "time" : "added");
    page_record_gone(record) ? moment_text(moment, answer->item.modified_ms) : moment_text_us(moment, record->added_us);
    json_out_text(&json, moment);
    json_out_key(&json, "author");
    json_out_string(&json, record->author);
    json_out_key(&json, "tlp");
    json_out_text(&json, tlp_name(record->tlp));
    if (page_record_gone(record)) {
        json_out_key(&json, "withdrawn");
        json_out_string(&json, answer->item.id);
        json_out_key(&json, "type");
        json_out_string(&json, answer->item.type);
    }
    json_out_key(&json, page_record_gone(record) ? "why" : "object");
    answer_object(out, answer); /* one line, whatever the author wrote */
    buf_put_text(out, "}\n");
}

static enum err on_record(void *context, const struct page_record *record) {
    struct batch *batch = context;
    struct answer_reader *reader = batch->work->reader;
    if (answer_of_item(reader, record->cursor, record->author, record->tlp, record->added_us / 1000, record->encoded) != OK)
        return ERR_FORMAT;
    /* What is not what its author indexed is given to no program. */
    if (!page_record_gone(record) && reader->answer.problem) return OK;
    line_put(&batch->lines, record, &reader->answer);
    *(page_record_gone(record) ? &batch->withdrawals : &batch->objects) += 1;
    return buf_result(&batch->lines);
}

/* One batch; *more: another one waits. */
static enum err turn(struct batch *batch, const char *subscription, bool *more, char why[static HOOK_WHY_BYTES]) {
    struct hook_work *work = batch->work;
    struct take_end taken = {0};
    buf_clear(&batch->lines);
    batch->objects = batch->withdrawals = 0;
    enum err err = hook_take(work, subscription, on_record, batch, &taken, why);
    if (err == ERR_NOT_FOUND && !work->hook->subscription) {
        err = hook_subscribe(work, subscription, why);
        *more = err == OK;
        return err;
    }
    if (err == OK && taken.reset) buf_put_text(&batch->lines, "{\"reset\":true}\n");
    if (err == OK && batch->lines.size > 0) err = hook_call(work, bytes_of_buf(&batch->lines), why);
    bool same = memcmp(&taken.at, &batch->known, sizeof taken.at) == 0;
    if (err == OK && !(same && batch->lines.size == 0)) err = hook_taken(work, subscription, &taken, why);
    if (err != OK) return err;
    batch->known = taken.at;
    if (batch->objects > 0) hook_count(work, &work->objects, batch->objects);
    if (batch->withdrawals > 0) hook_count(work, &work->withdrawals, batch->withdrawals);
    *more = taken.more;
    return OK;
}

void hook_command_main(struct hook_work *work) {
    struct batch batch = {.work = work};
    char why[HOOK_WHY_BYTES];
    uint64_t asked;
    bool more = false, over = false;
    buf_init(&batch.lines, BATCH_BYTES_MAX);
    while (!over && hook_await(work, more ? 1 : 0, &asked)) {
        /* What arrives together is given together. */
        if (!more && !hook_pause(work, clock_monotonic_ms() + work->hook->wait_ms, true)) break;
        why[0] = 0;
        enum err err = turn(&batch, work->place, &more, why);
        if (err == OK && !more) hook_succeeded(work, asked, 0);
        over = err == ERR_CLOSED;
        if (err == OK || over) continue;
        more = false;
        if (why[0] == 0) snprintf(why, sizeof why, "%s", err_text(err));
        over = !hook_pause(work, hook_failed(work, asked, why), true);
    }
    buf_free(&batch.lines);
}
