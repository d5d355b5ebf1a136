/* What two nodes say to find out that nothing is new, and what a thousand scattered entries cost beyond themselves. */
#include "tests/sim/scale_figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two nodes that trust `logs` agencies, each other included; each log holds an entry, and the first node has a second one of all of them. */
static void pair_open(struct scale_world *world, const struct plan *plan, bool scattered) {
    scale_open(world, plan);
    scale_trust_all(world);
    for (uint32_t author = 0; author < plan->nodes; author++) {
        for (unsigned entries = 0; entries < (scattered && author != 1 ? 2u : 1u); entries++) {
            const struct store_record *record = scale_write(world, author, ENTRY_STATEMENT, 0, STORE_NO_MESSAGE);
            store_entries(&world->store, 0, author, bytes_of_buf(&record->entry));
            if (entries == 0) store_entries(&world->store, 1, author, bytes_of_buf(&record->entry));
        }
    }
    /* The authors themselves are not there. */
    scale_start(world, 0);
    scale_start(world, 1);
}

/* Runs until the two are linked, which takes some dials among so many that are not there, and some seconds more. */
static void linked(struct scale_world *world) {
    while (scale_open_links(world) == 0 && world->wheel.now_ms < 3600000) scale_run(world, world->wheel.now_ms + 100);
    scale_run(world, world->wheel.now_ms + 2000);
}

/* Bytes of all messages of the sync itself: the handshake is what it is with any content. */
static uint64_t sync_bytes(const struct scale_traffic *traffic) {
    return scale_bytes(traffic) - traffic->bytes[MESSAGE_HELLO] - traffic->bytes[MESSAGE_PROOF];
}

struct nothing {
    uint64_t connect; /* when a link opens: trust and heads compared, both ways */
    uint64_t round;   /* later on: one digest, and its answer if there is one */
};

static struct nothing nothing_new(struct report *report, uint32_t logs) {
    static struct scale_world world;
    struct nothing nothing;
    struct plan plan;
    struct plan_wish wish = {.seed = 11, .nodes = logs, .authors = logs};
    plan_make(&plan, &wish);
    pair_open(&world, &plan, false);
    linked(&world);
    nothing.connect = sync_bytes(&world.traffic);
    world.traffic = (struct scale_traffic){0};
    scale_run(&world, world.wheel.now_ms + 600000);
    uint64_t rounds = world.traffic.messages[MESSAGE_DIGEST];
    nothing.round = rounds ? (sync_bytes(&world.traffic) + rounds - 1) / rounds : UINT32_MAX;
    report_check(report, !world.store.broken[0] && scale_open_links(&world) == 1, "nothing new in %u logs: no link", logs);
    scale_close(&world);
    plan_free(&plan);
    return nothing;
}

static void scattered(struct report *report, uint32_t logs) {
    static struct scale_world world;
    struct plan plan;
    struct plan_wish wish = {.seed = 12, .nodes = logs + 1, .authors = logs + 1};
    char figure[80], text[64];
    uint64_t entries = 0, lacking = 0;
    plan_make(&plan, &wish);
    pair_open(&world, &plan, true);
    linked(&world);
    for (uint32_t author = 0; author < plan.nodes; author++) {
        lacking += world.store.logs[author].count - store_head(&world.store, 1, author);
        if (author != 1) entries += store_record(&world.store, author, 2)->entry.size;
    }
    report_check(report, lacking == 0 && !world.store.broken[0], "scattered: %llu entries lacking %s", (unsigned long long)lacking,
                 world.store.broken);
    double each = ((double)sync_bytes(&world.traffic) - (double)entries) / (double)logs;
    snprintf(figure, sizeof figure, "%u new entries in %u logs: bytes beyond them, each", logs, logs);
    snprintf(text, sizeof text, "%.1f (%.0f KB in all)", each, (double)sync_bytes(&world.traffic) / 1000);
    report_judged(report, figure, each, 16, text, "negentropy 801 KB at 100,000 items");
    for (size_t i = 0; i < SCALE_KINDS; i++)
        if (world.traffic.messages[i])
            report_note(report, "scattered: %llu messages of kind %zu, %llu bytes", (unsigned long long)world.traffic.messages[i],
                        i, (unsigned long long)world.traffic.bytes[i]);
    scale_close(&world);
    plan_free(&plan);
}

void figure_sync(struct report *report) {
    static const uint32_t sizes[] = {10, 100, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (report->quick && sizes[i] > 100) continue;
        char figure[80], text[64];
        struct nothing nothing = nothing_new(report, sizes[i]);
        uint64_t most = nothing.connect > nothing.round ? nothing.connect : nothing.round;
        snprintf(figure, sizeof figure, "bytes to find out that nothing is new, %u logs", sizes[i]);
        snprintf(text, sizeof text, "%llu (on connecting, both ways %llu)", (unsigned long long)nothing.round,
                 (unsigned long long)nothing.connect);
        report_judged(report, figure, (double)most, 100, text, "negentropy 322");
    }
    scattered(report, report->quick ? 100 : 1000);
}
