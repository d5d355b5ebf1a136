/* What one node costs in a mesh of 100, 1,000 and 10,000: at most 100 authors; beyond 1,000 nodes each trusts the authors and about 60 others. */
#include "tests/sim/scale_figures.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>

struct cost {
    double messages, bytes; /* sent by each node for each publication */
    double copies, p99_ms, links, kilobytes;
};

static size_t heap_bytes(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static struct cost growth_of(struct report *report, uint32_t nodes, size_t publications) {
    static struct scale_world world;
    struct plan plan;
    struct plan_wish wish = {.seed = 31, .nodes = nodes, .authors = nodes < 100 ? nodes : 100, .count = publications};
    wish.warm = publications, wish.bytes = 512, wish.begin_ms = 30000, wish.interval_ms = 100, wish.rest_ms = 5000;
    plan_make(&plan, &wish);
    scale_open(&world, &plan);
    size_t before = heap_bytes();
    if (nodes > 1000)
        scale_trust_some(&world, 60);
    else
        scale_trust_all(&world);
    scale_start_all(&world);
    scale_publish_plan(&world);
    scale_run(&world, plan.measure_from_ms - 1);
    world.traffic = (struct scale_traffic){0};
    scale_run(&world, plan.end_ms);
    struct tally_result result = tally_result(&world.tally);
    figure_check(report, &world, "growth");
    double each = (double)nodes * (double)publications;
    struct cost cost = {.messages = (double)scale_messages(&world.traffic) / each,
                        .bytes = (double)scale_bytes(&world.traffic) / each,
                        .copies = result.copies,
                        .p99_ms = result.p99_ms,
                        .links = 2 * (double)scale_open_links(&world) / (double)nodes,
                        .kilobytes = (double)(heap_bytes() - before) / nodes / 1024};
    report_say("growth, %u nodes: %llu events", nodes, (unsigned long long)world.events);
    scale_close(&world);
    plan_free(&plan);
    return cost;
}

void figure_growth(struct report *report) {
    static const uint32_t sizes[] = {100, 1000, 10000};
    struct cost costs[3] = {{0}};
    size_t count = report->quick ? 1 : 3;
    char text[64];
    for (size_t i = 0; i < count; i++) {
        char figure[80];
        costs[i] = growth_of(report, sizes[i], sizes[i] > 1000 ? 30 : 100);
        snprintf(figure, sizeof figure, "cost of a node among %u: sent a publication", sizes[i]);
        snprintf(text, sizeof text, "%.1f messages, %.0f bytes", costs[i].messages, costs[i].bytes);
        report_beside(report, figure, text);
        snprintf(figure, sizeof figure, "    copies, links, heap; p99");
        snprintf(text, sizeof text, "%.2f, %.1f, %.0f KB; %.0f ms", costs[i].copies, costs[i].links, costs[i].kilobytes,
                 costs[i].p99_ms);
        report_beside(report, figure, text);
    }
    if (count < 3) return;
    /* At most logarithmic: from 100 to 10,000 no more than log 10,000 / log 100. */
    double messages = costs[2].messages / costs[0].messages, bytes = costs[2].bytes / costs[0].bytes;
    double most = messages > bytes ? messages : bytes;
    snprintf(text, sizeof text, "%.2f messages, %.2f bytes", messages, bytes);
    report_judged(report, "growth of cost per node from 100 to 10,000 nodes", most, log(10000) / log(100), text,
                  "at most logarithmic");
}
