#include "node/engine/figures_consumers.h"

#include "node/engine/engine_core.h"
#include "node/formats/document.h"
#include "node/formats/moment.h"
#include "node/hook/hook_file.h"
#include "node/process/clock.h"

#include <stdlib.h>
#include <string.h>

static void gauge(struct figures *out, const char *name, const char *help, uint64_t value) {
    figures_one(out, FIGURE_GAUGE, name, help, value);
}

static void counter(struct figures *out, const char *name, const char *help, uint64_t value) {
    figures_one(out, FIGURE_COUNTER, name, help, value);
}

/* --- subscriptions --- */

/* Sums of all, and the oldest ones: who has figures of its own keeps them, however many are added and removed later. */
struct view {
    uint64_t last, now_ms;
    uint64_t behind, stale, most;
    const struct subscription *told[FIGURES_SUBSCRIPTIONS_MAX]; /* by number */
    size_t told_count;
};

static uint64_t behind_of(const struct view *view, const struct subscription *subscription) {
    return view->last > subscription->at.cursor ? view->last - subscription->at.cursor : 0;
}

static void told_add(struct view *view, const struct subscription *subscription) {
    size_t at = view->told_count;
    if (at == FIGURES_SUBSCRIPTIONS_MAX && view->told[at - 1]->number < subscription->number) return;
    if (at == FIGURES_SUBSCRIPTIONS_MAX)
        at--;
    else
        view->told_count++;
    for (; at > 0 && view->told[at - 1]->number > subscription->number; at--) view->told[at] = view->told[at - 1];
    view->told[at] = subscription;
}

static void look(const struct engine *engine, struct view *view) {
    const struct subscriptions *all = &engine->subscriptions;
    *view = (struct view){.last = last_cursor(engine), .now_ms = clock_wall_ms()};
    for (size_t i = 0; i < all->count; i++) {
        const struct subscription *subscription = all->list[i];
        uint64_t behind = behind_of(view, subscription);
        uint64_t since_ms = subscription->taken_ms ? subscription->taken_ms : subscription->created_ms;
        view->behind += behind > 0;
        view->stale += behind > 0 && since_ms + FIGURES_STALE_MS < view->now_ms;
        if (behind > view->most) view->most = behind;
        told_add(view, subscription);
    }
}

/* A counter of each subscription begins anew when one of that name is made anew. */
enum each { EACH_BEHIND, EACH_DELIVERED, EACH_REFUSED, EACH_TAKEN };

static void each_put(struct figures *out, const struct view *view, enum each which, const char *name, const char *help) {
    bool counts = which == EACH_DELIVERED || which == EACH_REFUSED;
    figures_family(out, counts ? FIGURE_COUNTER : FIGURE_GAUGE, name, help);
    for (size_t i = 0; i < view->told_count; i++) {
        const struct subscription *subscription = view->told[i];
        uint64_t value = which == EACH_BEHIND      ? behind_of(view, subscription)
                         : which == EACH_DELIVERED ? subscription->counts.delivered
                         : which == EACH_REFUSED   ? subscription->counts.refused
                                                   : subscription->taken_ms / 1000;
        figures_put(out, "subscription", subscription->name, value);
    }
}

static void subscriptions_put(const struct engine *engine, struct figures *out) {
    const struct subscription_counts *counts = &engine->subscriptions.counts;
    struct view view;
    look(engine, &view);
    gauge(out, "comity_subscriptions", "Subscriptions of this node.", engine->subscriptions.count);
    gauge(out, "comity_subscriptions_behind", "Those behind whose place something waits to be looked at.", view.behind);
    gauge(out, "comity_subscriptions_stale", "Those of them from which nobody took anything for an hour.", view.stale);
    gauge(out, "comity_subscriptions_behind_objects_max", "Objects that wait to be looked at by the one that is most behind.",
          view.most);
    counter(out, "comity_subscriptions_looked_total", "Objects that subscriptions came by.", counts->looked);
    counter(out, "comity_subscriptions_matched_total", "Of those, what their filters take.", counts->matched);
    counter(out, "comity_subscriptions_refused_total", "Of those, what the policy or a label kept back.", counts->refused);
    counter(out, "comity_subscriptions_delivered_total", "Objects and withdrawals that consumers said they have.",
            counts->delivered);
    counter(out, "comity_consumers_reset_total", "Consumers that were told to forget what they have, and to begin anew.",
            engine->tallies.consumers_reset);
    each_put(out, &view, EACH_BEHIND, "comity_subscription_behind_objects", "Objects that wait to be looked at, by subscription.");
    each_put(out, &view, EACH_DELIVERED, "comity_subscription_delivered_total", "What its consumer said it has, by subscription.");
    each_put(out, &view, EACH_REFUSED, "comity_subscription_refused_total",
             "What the policy or its label kept back, by subscription.");
    each_put(out, &view, EACH_TAKEN, "comity_subscription_taken_timestamp_seconds",
             "When its place was last moved, by subscription; 0: never.");
    gauge(out, "comity_subscriptions_untold", "Subscriptions without figures of their own here: there are too many.",
          engine->subscriptions.count - view.told_count);
}

/* --- the live feed --- */

static void live_put(const struct engine *engine, struct figures *out) {
    static const struct {
        enum control_live which;
        enum figure_type type;
        const char *name, *help;
    } families[] = {
        {CONTROL_LIVE_SESSIONS, FIGURE_GAUGE, "comity_live_sessions", "Clients that follow the live feed."},
        {CONTROL_LIVE_STARVING, FIGURE_GAUGE, "comity_live_sessions_starving",
         "Those for which something is new, and that have granted no message for more than a second."},
        {CONTROL_LIVE_STARVED, FIGURE_COUNTER, "comity_live_starved_total", "How often a client came to that."},
        {CONTROL_LIVE_OBJECTS, FIGURE_COUNTER, "comity_live_objects_total", "Objects sent over the live feed."},
        {CONTROL_LIVE_WITHDRAWALS, FIGURE_COUNTER, "comity_live_withdrawals_total", "Withdrawals sent over the live feed."},
        {CONTROL_LIVE_RESETS, FIGURE_COUNTER, "comity_live_resets_total", "Clients of the live feed that were told to begin anew."},
        {CONTROL_LIVE_MESSAGES, FIGURE_COUNTER, "comity_live_messages_total", "Messages sent over the live feed, of all kinds."},
        {CONTROL_LIVE_BYTES, FIGURE_COUNTER, "comity_live_sent_bytes_total", "Their bytes."},
        {CONTROL_LIVE_KEYS_REFUSED, FIGURE_COUNTER, "comity_live_keys_refused_total",
         "Connections to the live feed with a key that is not let in."},
        {CONTROL_LIVE_REFUSED, FIGURE_COUNTER, "comity_live_refused_total",
         "Connections to the live feed beyond those that it serves, and messages that it does not understand."},
        {CONTROL_LIVE_PUBLISHED, FIGURE_COUNTER, "comity_live_pub_messages_total", "Messages of the lossy publisher."},
        {CONTROL_LIVE_LOST, FIGURE_COUNTER, "comity_live_pub_lost_total",
         "Messages of the lossy publisher that were not given to a listener, because it was too slow."},
    };
    const struct live_counts *live = report_live(engine);
    gauge(out, "comity_live_up", "1 where the process of the live feed runs.", live != NULL);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        figures_one(out, families[i].type, families[i].name, families[i].help, live ? live->counts[families[i].which] : 0);
}

/* --- hooks: HOOKS_MAX at most, by the names of the operator's file --- */

struct hook_view {
    char name[HOOK_NAME_BYTES_MAX + 1], subscription[SUBSCRIPTION_NAME_BYTES_MAX + 1];
    bool file;
    uint64_t failing, calls, calls_failed, objects, withdrawals, writings, last_s, behind;
};
struct hook_views {
    struct engine *engine;
    struct hook_view list[HOOKS_MAX];
    size_t count;
};

static void text_copy(char *out, size_t size, struct bytes text) {
    size_t length = text.size < size ? text.size : size - 1;
    if (length > 0) memcpy(out, text.data, length);
    out[length] = 0;
}

static void hook_read(void *context, struct bytes document) {
    struct hook_views *views = context;
    uint64_t last_ms = 0;
    if (views->count == HOOKS_MAX) return;
    struct hook_view *view = &views->list[views->count++];
    *view = (struct hook_view){.file = bytes_equal_text(document_string(document, "kind"), "file")};
    text_copy(view->name, sizeof view->name, document_string(document, "name"));
    text_copy(view->subscription, sizeof view->subscription, document_string(document, "subscription"));
    view->failing = document_string(document, "problem").size > 0;
    view->calls = document_number(document, "calls");
    view->calls_failed = document_number(document, "calls_failed");
    view->objects = document_number(document, "objects");
    view->withdrawals = document_number(document, "withdrawals");
    view->writings = document_number(document, "writings");
    if (moment_parse(&last_ms, document_string(document, "last"))) view->last_s = last_ms / 1000;
    /* Of a command: its place is a subscription's. */
    const struct subscription *place = view->file ? NULL : subscription_find(views->engine, bytes_of_text(view->subscription));
    uint64_t last = last_cursor(views->engine);
    if (place && last > place->at.cursor) view->behind = last - place->at.cursor;
}

/* `of`: 1 commands, 2 files, 3 both. */
static void hook_family(struct figures *out, const struct hook_views *views, enum figure_type type, unsigned of, size_t offset,
                        const char *name, const char *help) {
    figures_family(out, type, name, help);
    for (size_t i = 0; i < views->count; i++) {
        const struct hook_view *view = &views->list[i];
        uint64_t value;
        if ((of & (view->file ? 2u : 1u)) == 0) continue;
        memcpy(&value, (const char *)view + offset, sizeof value);
        figures_put(out, "hook", view->name, value);
    }
}

static void hooks_put(struct engine *engine, struct figures *out) {
    struct hook_views views = {.engine = engine};
    document_each(bytes_of_buf(&engine->hooks.document), "hooks", hook_read, &views);
    gauge(out, "comity_hooks", "Hooks of this node.", engine->hooks.count);
    gauge(out, "comity_hooks_failing", "Those that failed last.", engine->hooks.failing);
    hook_family(out, &views, FIGURE_GAUGE, 3, offsetof(struct hook_view, failing), "comity_hook_failing", "1: it failed last.");
    hook_family(out, &views, FIGURE_COUNTER, 3, offsetof(struct hook_view, calls), "comity_hook_calls_total",
                "Programs started: commands, and reloads of files.");
    hook_family(out, &views, FIGURE_COUNTER, 3, offsetof(struct hook_view, calls_failed), "comity_hook_calls_failed_total",
                "Those that did not end with 0.");
    hook_family(out, &views, FIGURE_GAUGE, 3, offsetof(struct hook_view, last_s), "comity_hook_success_timestamp_seconds",
                "When it last had all and went well; 0: not since the start.");
    hook_family(out, &views, FIGURE_COUNTER, 1, offsetof(struct hook_view, objects), "comity_hook_objects_total",
                "Objects given to a command.");
    hook_family(out, &views, FIGURE_COUNTER, 1, offsetof(struct hook_view, withdrawals), "comity_hook_withdrawals_total",
                "Withdrawals given to a command.");
    hook_family(out, &views, FIGURE_GAUGE, 1, offsetof(struct hook_view, behind), "comity_hook_behind_objects",
                "Objects that wait to be looked at for a command.");
    hook_family(out, &views, FIGURE_GAUGE, 2, offsetof(struct hook_view, objects), "comity_hook_file_objects",
                "Objects in a file, when it was last written.");
    hook_family(out, &views, FIGURE_COUNTER, 2, offsetof(struct hook_view, writings), "comity_hook_writings_total",
                "How often a file with another content took its place.");
}

void figures_consumers(struct engine *engine, struct figures *out) {
    subscriptions_put(engine, out);
    live_put(engine, out);
    hooks_put(engine, out);
}
