#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdlib.h>
#include <string.h>

/* Own recalls that some reader has not answered yet: how many, since when. A receipt has its block looked at again; who is pinned no
   more, or revoked, is not waited for, so all are looked at again in turns. */

#define LOOK_EACH  32 /* blocks in one go */
#define LOOK_MS    50
#define STORED_MS  500 /* a receipt is on the disk by then; if not, its block's turn comes */
#define AGAIN_MS   60000
#define AGAIN_EACH 256

void recall_due_add(struct engine *engine, uint64_t block, uint64_t noted_ms, bool before) {
    struct recalls *recalls = &engine->recalls;
    if (recalls->due_count == recalls->due_capacity) {
        size_t capacity = recalls->due_capacity ? 2 * recalls->due_capacity : 64;
        struct recall_due *grown = capacity <= RECALL_DUE_MAX ? realloc(recalls->due, capacity * sizeof *grown) : NULL;
        if (!grown) return; /* a figure is lost, and nothing else */
        recalls->due = grown, recalls->due_capacity = capacity;
    }
    recalls->due[recalls->due_count++] =
        (struct recall_due){.block = block, .noted_ms = noted_ms, .waiting = !before, .look_ms = 1, .before = before};
    recalls->due_next_ms = 0;
}

static void look_later(struct recalls *recalls, struct recall_due *due, uint64_t look_ms) {
    due->look_ms = look_ms;
    if (recalls->due_next_ms > look_ms) recalls->due_next_ms = look_ms;
}

void recall_due_again(struct engine *engine, uint64_t block) {
    struct recalls *recalls = &engine->recalls;
    for (size_t i = 0; i < recalls->due_count; i++)
        if (recalls->due[i].block == block) look_later(recalls, &recalls->due[i], clock_monotonic_ms() + STORED_MS);
}

struct look {
    const struct engine *engine;
    uint32_t waiting;
};

static void reader_look(void *context, uint64_t block, const uint8_t *node_id, const struct receipt *receipt) {
    struct look *look = context;
    struct gossip_log_view log;
    (void)block;
    if (receipt->state == RECALL_ERASED || !gossip_log_find(look->engine->gossip, node_id, &log)) return;
    const struct agency *agency = engine_agency(look->engine, log.agency_id);
    const struct agency_node *node = agency ? agency_node_find(agency, node_id) : NULL;
    look->waiting += node && !node->revoked;
}

static void overdue_say(struct engine *engine, struct recall_due *due, uint64_t now_ms) {
    if (now_ms < due->noted_ms + RECALL_OVERDUE_MS || now_ms < due->said_ms + RECALL_OVERDUE_MS) return;
    due->said_ms = now_ms;
    engine_event(engine, LOG_RECALL_OVERDUE,
                 LOG_FIELDS(LOG_NUMBER("block", due->block), LOG_NUMBER("readers", due->waiting),
                            LOG_NUMBER("hours", (now_ms - due->noted_ms) / 3600000)),
                 "%u reader%s not erased block %llu, recalled %llu hours ago: `comity recall status`", (unsigned)due->waiting,
                 due->waiting == 1 ? " has" : "s have", (unsigned long long)due->block,
                 (unsigned long long)((now_ms - due->noted_ms) / 3600000));
}

/* True when nobody is waited for any more. */
static bool block_look(struct engine *engine, struct recall_due *due, uint64_t now_ms) {
    struct look look = {.engine = engine};
    struct recall_row row;
    bool settled = store_pending(engine->store) == 0; /* before the look */
    bool known = recall_row_get(engine, engine->node_id, due->block, &row) == OK;
    if (!known && !settled) return false; /* on its way to the disk: a later look finds it */
    due->look_ms = 0;
    if (!known) return true; /* its branch of the log was dropped */
    recall_readers(engine, due->block, reader_look, &look);
    due->waiting = look.waiting;
    if (due->waiting > 0) {
        overdue_say(engine, due, now_ms);
        return false;
    }
    if (due->before) return true;
    engine->tallies.recalls_completed++;
    log_event(LOG_RECALL_COMPLETE,
              LOG_FIELDS(LOG_NUMBER("block", due->block), LOG_NUMBER("seconds", (now_ms - due->noted_ms) / 1000)),
              "every reader has erased block %llu, recalled %llu s ago", (unsigned long long)due->block,
              (unsigned long long)((now_ms - due->noted_ms) / 1000));
    return true;
}

static void some_again(struct recalls *recalls, uint64_t monotonic_ms) {
    if (monotonic_ms < recalls->due_look_ms) return;
    recalls->due_look_ms = monotonic_ms + AGAIN_MS;
    for (size_t i = 0; i < AGAIN_EACH && i < recalls->due_count; i++)
        look_later(recalls, &recalls->due[recalls->due_at++ % recalls->due_count], monotonic_ms);
}

void recall_due_pump(struct engine *engine) {
    struct recalls *recalls = &engine->recalls;
    uint64_t now_ms = clock_wall_ms(), monotonic_ms = clock_monotonic_ms();
    size_t kept = 0, looked = 0;
    some_again(recalls, monotonic_ms);
    if (recalls->due_next_ms <= monotonic_ms && !recalls->writing) {
        recalls->due_next_ms = UINT64_MAX;
        for (size_t i = 0; i < recalls->due_count; i++) {
            struct recall_due due = recalls->due[i];
            bool look = due.look_ms != 0 && due.look_ms <= monotonic_ms && looked < LOOK_EACH;
            looked += look;
            if (look && block_look(engine, &due, now_ms)) continue;
            if (due.look_ms != 0) look_later(recalls, &due, due.look_ms > monotonic_ms ? due.look_ms : monotonic_ms + LOOK_MS);
            recalls->due[kept++] = due;
        }
        recalls->due_count = kept;
    }
    if (recalls->due_ms > recalls->due_next_ms) recalls->due_ms = recalls->due_next_ms;
}

struct recall_dues recall_due_count(const struct engine *engine) {
    struct recall_dues out = {0};
    uint64_t now_ms = clock_wall_ms();
    for (size_t i = 0; i < engine->recalls.due_count; i++) {
        const struct recall_due *due = &engine->recalls.due[i];
        out.waiting += due->waiting > 0;
        out.receipts += due->waiting;
        out.overdue += due->waiting > 0 && now_ms >= due->noted_ms + RECALL_OVERDUE_MS;
    }
    return out;
}
