/* hook_report: what is told of the hooks. */
#include "node/hook/hook_state.h"

#include "gossip/pack.h"
#include "node/formats/moment.h"
#include "node/process/clock.h"

static void put_uint(struct buf *out, const char *key, uint64_t value) {
    pack_write_str(out, bytes_of_text(key));
    pack_write_uint(out, value);
}

static void put_text(struct buf *out, const char *key, const char *value) {
    struct bytes text = bytes_of_text(value);
    pack_write_str(out, bytes_of_text(key));
    pack_write_str(out, pack_utf8_valid(text) ? text : bytes_of_text("(not UTF-8)"));
}

/* Keys in order. Behind the lock. */
static void hook_put(struct buf *out, const struct hook_work *work) {
    char last[MOMENT_TEXT_BYTES] = "";
    uint64_t now_ms = clock_monotonic_ms();
    if (work->last_ms > 0) moment_text(last, work->last_ms);
    pack_write_map(out, 13);
    put_uint(out, "answered", work->answered);
    put_uint(out, "calls", work->calls);
    put_uint(out, "calls_failed", work->calls_failed);
    put_text(out, "kind", work->hook->file ? "file" : "command");
    put_text(out, "last", last);
    put_text(out, "name", work->hook->name);
    put_uint(out, "objects", work->objects);
    put_text(out, "problem", work->problem);
    put_uint(out, "retry_s", work->next_ms > now_ms ? (work->next_ms - now_ms + 999) / 1000 : 0);
    pack_write_str(out, bytes_of_text("running"));
    pack_write_bool(out, work->running);
    put_text(out, "subscription", work->place);
    put_uint(out, "withdrawals", work->withdrawals);
    put_uint(out, "writings", work->writings);
}

uint64_t hook_report(struct hooks *hooks, struct buf *out) {
    uint64_t failing = 0;
    pack_write_map(out, 1);
    pack_write_str(out, bytes_of_text("hooks"));
    pack_write_array(out, (uint32_t)hooks->file.count);
    pthread_mutex_lock(&hooks->lock);
    for (size_t i = 0; i < hooks->file.count; i++) {
        hook_put(out, &hooks->work[i]);
        failing += hooks->work[i].problem[0] != 0;
    }
    pthread_mutex_unlock(&hooks->lock);
    return failing;
}
