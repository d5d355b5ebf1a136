/* A consumer says how far it came: the subscription's position moves, durably, before the answer. */
#include "node/subscribe/take.h"

#include "node/engine/engine_core.h"
#include "node/process/clock.h"

/* A position that the withdrawal list does not reach any more, of another store, or of wider terms: its consumer began anew, and says where. */
static bool lost(const struct engine *engine, const struct subscription *subscription) {
    const struct gone *gone = &engine->gone;
    bool other = subscription->at.cursor > last_cursor(engine) || subscription->at.gone > gone->last;
    enum policy_exit exit = subscription->taken_exit ? subscription->taken_exit : subscription->exit;
    if (other || subscription->high == 0) return other;
    return subscription->at.gone + 1 < gone->first || gone_fenced(gone, exit, subscription->at.gone);
}

void taken_move(const struct engine *engine, struct subscription *subscription, struct take_position to) {
    struct take_position *at = &subscription->at;
    if (to.cursor == 0 && to.gone == 0) return; /* only counts */
    if (subscription->rewound) return;
    if (lost(engine, subscription)) {
        *at = to;
        subscription->high = to.cursor;
        return;
    }
    if (to.cursor > at->cursor) at->cursor = to.cursor;
    if (to.gone > at->gone) at->gone = to.gone;
    if (at->cursor > subscription->high) subscription->high = at->cursor;
}

static void counts_add(struct subscription_counts *counts, const struct take_tally *tally) {
    counts->looked += tally->looked;
    counts->matched += tally->matched;
    counts->refused += tally->refused;
}

static void count(struct subscriptions *all, struct subscription *subscription, struct take_tally *tally, uint64_t delivered) {
    subscription->counts.delivered += delivered;
    all->counts.delivered += delivered;
    if (tally->number != subscription->number) return;
    counts_add(&subscription->counts, tally);
    counts_add(&all->counts, tally);
    *tally = (struct take_tally){0};
}

void taken_ask(struct engine *engine, struct client *client, const struct frame *frame) {
    struct take_taken taken;
    if (!take_taken_read(&taken, frame->body)) {
        server_error(client, frame->tag, ERR_FORMAT, "the position is not well formed");
        return;
    }
    struct subscription *subscription = subscription_find(engine, taken.subscription);
    if (!subscription) {
        server_error(client, frame->tag, ERR_NOT_FOUND, "no subscription has this name: `comity subscription list` shows them");
        return;
    }
    if (taken.at.cursor > last_cursor(engine) || taken.at.gone > engine->gone.last) {
        server_error(client, frame->tag, ERR_RANGE, "this position is ahead of all that was ever told");
        return;
    }
    struct store_batch *batch = store_batch_new(engine->store);
    if (!batch) {
        engine_fail(engine, 5, "out of memory for a position");
        return;
    }
    taken_move(engine, subscription, taken.at);
    count(&engine->subscriptions, subscription, &client->tally, taken.delivered);
    subscription->taken_ms = clock_wall_ms();
    subscription_put(batch, subscription);
    client->taken_tag = frame->tag;
    client->taken_ticket = TAKE_TICKET | ++engine->subscriptions.tickets;
    store_commit(engine->store, batch, client->taken_ticket);
}

void taken_stored(struct engine *engine, uint64_t ticket) {
    struct buf body = {0};
    if ((ticket & TAKE_TICKET) == 0) return;
    pack_write_array(&body, 0);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &engine->clients[i];
        if (!client->used || client->taken_ticket != ticket) continue;
        client->taken_ticket = 0;
        server_answer(client, FRAME_ANSWER_DONE, client->taken_tag, bytes_of_buf(&body));
    }
    buf_free(&body);
}
