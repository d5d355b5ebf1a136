/* scale: figures. */
#include "tests/sim/scale_world.h"
#include "tests/sim/baseline_net.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int count, char **words) {
    struct plan plan;
    static struct scale_world world;
    uint32_t nodes = count > 1 ? (uint32_t)atoi(words[1]) : 200;
    unsigned silent = count > 2 ? (unsigned)atoi(words[2]) : 0;
    uint32_t bytes = count > 3 ? (unsigned)atoi(words[3]) : 512;
    size_t messages = count > 4 ? (unsigned)atoi(words[4]) : 100;
    if (sodium_init() < 0) return 1;
    struct plan_wish wish = {.seed = 7,
                             .nodes = nodes,
                             .authors = nodes / 10,
                             .silent_percent = silent,
                             .warm = nodes / 10,
                             .count = messages,
                             .bytes = bytes,
                             .begin_ms = 60000,
                             .interval_ms = 50,
                             .rest_ms = 10000};
    plan_make(&plan, &wish);
    double a = seconds();
    scale_open(&world, &plan);
    printf("open %.1f\n", seconds() - a), a = seconds();
    scale_trust_all(&world);
    scale_start_all(&world);
    printf("start %.1f\n", seconds() - a), a = seconds();
    scale_publish_plan(&world);
    scale_run(&world, 59000);
    printf("links %.1f: %zu open, %zu made, %llu events\n", seconds() - a, scale_open_links(&world), world.link_count,
           (unsigned long long)world.events),
        a = seconds();
    scale_run(&world, plan.measure_from_ms - 1);
    world.traffic = (struct scale_traffic){0};
    scale_run(&world, plan.end_ms);
    struct tally_result r = tally_result(&world.tally);
    printf("published %.1f: %zu open, %zu made, %llu events\n", seconds() - a, scale_open_links(&world), world.link_count,
           (unsigned long long)world.events),
        a = seconds();
    printf("p50 %u p99 %u last %u copies %.2f missed %llu lacking %llu broken '%s' again %llu refused %llu\n", r.p50_ms, r.p99_ms,
           r.last_ms, r.copies, (unsigned long long)r.missed, (unsigned long long)scale_lacking(&world), world.store.broken,
           (unsigned long long)world.tally.again, (unsigned long long)world.refused);
    for (int k = 0; k < SCALE_KINDS; k++)
        if (world.traffic.messages[k])
            printf("  kind %d: %.2f messages %.0f bytes per delivery\n", k,
                   (double)world.traffic.messages[k] / (double)world.tally.delivered,
                   (double)world.traffic.bytes[k] / (double)world.tally.delivered);
    scale_close(&world);
    printf("close %.1f\n", seconds() - a);
    const struct baseline *m[2] = {&baseline_gossipsub, &baseline_plumtree};
    for (int i = 0; i < 2; i++) {
        r = baseline_run(m[i], &plan);
        printf("%s p50 %u p99 %u copies %.2f missed %llu\n", m[i]->name, r.p50_ms, r.p99_ms, r.copies,
               (unsigned long long)r.missed);
    }
    plan_free(&plan);
    return 0;
}
