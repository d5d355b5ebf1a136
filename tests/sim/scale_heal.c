/* Nodes that are away, halves that part: whatever passed must arrive afterwards, and soon. */
#include "tests/sim/baseline_net.h"
#include "tests/sim/scale_figures.h"

#include <stdio.h>

#define MERGE_LAST_MS 600000 /* when a round is given up */

/* Links over the border break when their transports see it, which takes a while. */
static void links_part(struct scale_world *world) {
    for (size_t i = 0; i < world->link_count; i++) {
        struct scale_link *link = world->links[i];
        if (plan_reaches(world->plan, link->ends[0], link->ends[1], world->wheel.now_ms)) continue;
        scale_link_break(world, link, SCALE_BREAK_MIN_MS + plan_mix(world->plan->seed, 6, i) % SCALE_BREAK_MIN_MS);
    }
}

static void away_set(struct scale_world *world, bool away) {
    for (uint32_t node = 0; node < world->count; node++) {
        if (!world->plan->away[node]) continue;
        if (away)
            scale_stop(world, node);
        else
            scale_start(world, node);
    }
}

/* Runs until nobody lacks anything; how long that took. */
static uint64_t merge_ms(struct scale_world *world) {
    uint64_t begin_ms = world->wheel.now_ms;
    while (scale_lacking(world) > 0 && world->wheel.now_ms - begin_ms < MERGE_LAST_MS) scale_run(world, world->wheel.now_ms + 250);
    return world->wheel.now_ms - begin_ms;
}

/* A tenth of the nodes is away for a minute and comes back; then the halves are apart for ten minutes. Both publish all the time. */
static void away_and_split(struct report *report) {
    static struct scale_world world;
    struct plan plan;
    struct plan_wish wish = {.seed = 21, .nodes = 1000, .authors = 100, .away_percent = 10, .count = 200};
    char text[64];
    wish.bytes = 512, wish.begin_ms = 30000, wish.interval_ms = 1500, wish.rest_ms = 30000;
    if (report->quick) wish.nodes = 100, wish.authors = 20, wish.count = 60;
    plan_make(&plan, &wish);
    uint64_t third_ms = wish.count * wish.interval_ms / 3;
    plan.away_from_ms = wish.begin_ms + wish.rest_ms, plan.away_until_ms = plan.away_from_ms + third_ms;
    plan.split_from_ms = plan.away_until_ms + 30000, plan.split_until_ms = plan.end_ms - wish.rest_ms;
    struct tally_result gossipsub = baseline_run(&baseline_gossipsub, &plan), plumtree = baseline_run(&baseline_plumtree, &plan);
    figure_mesh(&world, &plan);
    scale_run(&world, plan.away_from_ms);
    away_set(&world, true);
    scale_run(&world, plan.away_until_ms);
    away_set(&world, false);
    scale_run(&world, plan.split_from_ms);
    links_part(&world);
    scale_run(&world, plan.split_until_ms);
    uint64_t lacking = scale_lacking(&world), took_ms = merge_ms(&world);
    scale_run(&world, plan.end_ms);
    struct tally_result result = tally_result(&world.tally);
    figure_check(report, &world, "away and apart");
    snprintf(text, sizeof text, "%llu (gossipsub %llu, Plumtree %llu)", (unsigned long long)result.missed,
             (unsigned long long)gossipsub.missed, (unsigned long long)plumtree.missed);
    report_judged(report, "missed after healing", (double)result.missed, 0, text, "gossipsub, serf lose what passed meanwhile");
    snprintf(text, sizeof text, "%.1f s (%llu were lacking)", (double)took_ms / 1000, (unsigned long long)lacking);
    report_judged(report, "re-merge of healed halves, seconds", (double)took_ms / 1000, 60, text, "iroh-gossip #152: never");
    report_note(report, "away and apart: %u nodes, a tenth away for %.0f s, halves apart for %.0f s; %llu events", wish.nodes,
                (double)third_ms / 1000, (double)(plan.split_until_ms - plan.split_from_ms) / 1000,
                (unsigned long long)world.events);
    scale_close(&world);
    plan_free(&plan);
}

/* Halves apart for a month. Of so long a time each node is shown only one moment a minute, which is the most that a sleepy machine would
   make of it: back-off, renewal and probes go on. */
static void month(struct report *report) {
    static struct scale_world world;
    struct plan plan;
    struct plan_wish wish = {.seed = 22, .nodes = 40, .authors = 40, .count = 40};
    uint64_t days = report->quick ? 2 : 30, day_ms = 24ull * 3600 * 1000;
    char text[64];
    wish.bytes = 512, wish.begin_ms = 60000, wish.interval_ms = days * day_ms / 41;
    plan_make(&plan, &wish);
    plan.split_from_ms = 60000, plan.split_until_ms = 60000 + days * day_ms;
    figure_mesh(&world, &plan);
    scale_run(&world, plan.split_from_ms);
    links_part(&world);
    world.tick_every_ms = 60000;
    scale_run(&world, plan.split_until_ms);
    world.tick_every_ms = 0;
    uint64_t lacking = scale_lacking(&world), took_ms = merge_ms(&world);
    figure_check(report, &world, "a month apart");
    snprintf(text, sizeof text, "%.1f s (%llu were lacking)", (double)took_ms / 1000, (unsigned long long)lacking);
    report_judged(report, report->quick ? "the same after two days, 40 nodes" : "the same after a month, 40 nodes",
                  (double)took_ms / 1000, 60, text, "iroh-gossip #152: never");
    report_note(report, "a month apart: %llu events", (unsigned long long)world.events);
    scale_close(&world);
    plan_free(&plan);
}

void figure_heal(struct report *report) {
    away_and_split(report);
    month(report);
}
