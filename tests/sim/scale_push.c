/* Delay and copies of new entries: Comity's core and the models of gossipsub and Plumtree under the same plans. */
#include "tests/sim/baseline_net.h"
#include "tests/sim/scale_figures.h"

#include <stdio.h>

/* What ZeroMQ adds to a message under CURVE: a frame's flags and length (2), the command's name (8), the short nonce (8), the box (16) and
   the inner flags (1). Longer messages have a longer length; that is in the noise. */
#define TRANSPORT_MESSAGE_BYTES 35
/* PING every 10 s each way, with its PONG: a frame of 7 and 5 bytes more under CURVE, 42 and 40. */
#define TRANSPORT_HEARTBEAT_BYTES_PER_S (2 * (42 + 40) / 10.0)
/* Both greetings (128), HELLO (200), WELCOME (168), INITIATE (257 and metadata, about 300), READY (about 80). */
#define TRANSPORT_DIAL_BYTES 880
#define IDLE_MS              120000

void figure_mesh(struct scale_world *world, const struct plan *plan) {
    scale_open(world, plan);
    scale_trust_all(world);
    scale_start_all(world);
    scale_publish_plan(world);
}

void figure_check(struct report *report, const struct scale_world *world, const char *round) {
    uint64_t lacking = scale_lacking(world);
    report_check(report, lacking == 0, "%s: %llu entries or payloads are lacking", round, (unsigned long long)lacking);
    report_check(report, !world->store.broken[0], "%s: %s", round, world->store.broken);
    report_check(report, world->tally.again == 0, "%s: %llu delivered twice", round, (unsigned long long)world->tally.again);
}

static void traffic_note(struct report *report, const struct scale_world *world, const char *round) {
    static const char *const names[SCALE_KINDS] = {
        [5] = "digest", [6] = "heads",     [7] = "get",    [8] = "entries", [9] = "want",   [10] = "payload", [11] = "push",
        [12] = "have",  [13] = "announce", [14] = "graft", [15] = "prune",  [16] = "trust", [20] = "sums",    [21] = "stream"};
    char text[200] = "";
    size_t size = 0;
    for (size_t i = 0; i < SCALE_KINDS && size < sizeof text; i++) {
        double each = (double)world->traffic.messages[i] / (double)world->tally.delivered;
        if (names[i] && each >= 0.005) size += (size_t)snprintf(text + size, sizeof text - size, " %s %.2f", names[i], each);
    }
    report_note(report, "%s, messages a delivery:%s", round, text);
}

/* Traffic with nothing new, of a mesh that has come to rest. */
static void idle(struct report *report, struct scale_world *world) {
    char text[64];
    uint64_t begin_ms = world->wheel.now_ms + 30000, idle_ms = report->quick ? IDLE_MS / 4 : IDLE_MS;
    scale_run(world, begin_ms);
    world->traffic = (struct scale_traffic){0};
    scale_run(world, begin_ms + idle_ms);
    double links = (double)scale_open_links(world), seconds = (double)idle_ms / 1000;
    double own = (double)scale_bytes(&world->traffic) + (double)scale_messages(&world->traffic) * TRANSPORT_MESSAGE_BYTES;
    double dials = (double)world->traffic.links_made * TRANSPORT_DIAL_BYTES;
    double all = TRANSPORT_HEARTBEAT_BYTES_PER_S + (own + dials) / links / seconds;
    snprintf(text, sizeof text, "%.1f bytes/s, both ways", all);
    report_judged(report, "traffic when idle, per link, above TCP", all, 30, text, "");
    report_note(
        report,
        "idle: heartbeats %.1f, messages %.1f, dials of probes %.1f bytes/s a link; %.0f links, %.2f dials/s; counted: %d bytes a "
        "message for ZMTP and CURVE, %d a dial",
        TRANSPORT_HEARTBEAT_BYTES_PER_S, own / links / seconds, dials / links / seconds, links,
        (double)world->traffic.dials / seconds, TRANSPORT_MESSAGE_BYTES, TRANSPORT_DIAL_BYTES);
}

static void speed_row(struct report *report, const struct plan *plan, double took) {
    char figure[80], text[64];
    snprintf(figure, sizeof figure, "simulating %u nodes and %zu messages, processor seconds", plan->nodes, plan->count);
    snprintf(text, sizeof text, "%.0f s", took);
    report_judged(report, figure, took, 60, text, "");
}

static struct tally_result comity(struct report *report, const struct plan *plan, const char *round, bool rest) {
    static struct scale_world world;
    double began = report_processor_seconds();
    figure_mesh(&world, plan);
    scale_run(&world, plan->measure_from_ms - 1);
    world.traffic = (struct scale_traffic){0};
    scale_run(&world, plan->end_ms);
    struct tally_result result = tally_result(&world.tally);
    traffic_note(report, &world, round);
    figure_check(report, &world, round);
    double took = report_processor_seconds() - began;
    report_note(report, "%s: %u nodes, %zu publications of %u bytes: %.0f s of one processor with setup, %llu events", round,
                plan->nodes, plan->count, plan->list[0].bytes, took, (unsigned long long)world.events);
    if (rest) speed_row(report, plan, took);
    if (rest) idle(report, &world);
    report_say("%s: %.0f s of one processor", round, took);
    scale_close(&world);
    return result;
}

struct compared {
    struct tally_result comity, gossipsub, plumtree;
};

static struct compared compare(struct report *report, const struct plan_wish *wish, const char *round, bool rest) {
    struct compared compared;
    struct plan plan;
    plan_make(&plan, wish);
    compared.gossipsub = baseline_run(&baseline_gossipsub, &plan);
    compared.plumtree = baseline_run(&baseline_plumtree, &plan);
    compared.comity = comity(report, &plan, round, rest);
    plan_free(&plan);
    return compared;
}

static void delay_rows(struct report *report, const struct compared *compared, const char *who, const char *elsewhere) {
    char figure[80], text[64];
    double ratio = (double)compared->comity.p99_ms / (double)compared->gossipsub.p99_ms;
    snprintf(figure, sizeof figure, "p99 delivery, %s, to gossipsub-like's", who);
    snprintf(text, sizeof text, "%.2f (%u to %u ms)", ratio, compared->comity.p99_ms, compared->gossipsub.p99_ms);
    report_judged(report, figure, ratio, 1.05, text, elsewhere);
    const struct tally_result *results[] = {&compared->comity, &compared->gossipsub, &compared->plumtree};
    const char *names[] = {"Comity", "gossipsub-like D=8", "Plumtree-like"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(figure, sizeof figure, "    %s", names[i]);
        snprintf(text, sizeof text, "p50 %u, p99 %u, last %u ms, %.2f copies", results[i]->p50_ms, results[i]->p99_ms,
                 results[i]->last_ms, results[i]->copies);
        report_beside(report, figure, text);
    }
}

static void assumptions(struct report *report) {
    report_note(
        report,
        "delays: from the call to publish (the author's sync of 2 ms included) to the verified payload, at honest nodes; one way "
        "%d to %d ms, drawn for each pair; the warm-up is not counted",
        PLAN_LATENCY_MIN_MS, PLAN_LATENCY_MAX_MS);
    report_note(report, "silent relays take part, receive, graft and prune; what tells of an entry or gives one is kept back: "
                        "push, announce, heads, "
                        "have, entries, stream, payload");
    report_note(report, "gossipsub-like: 16 connections a node, as many as Comity's links at most (12 make it slower by 15 ms, 20 "
                        "faster by as much); "
                        "Plumtree-like: active views of 5, a tree for each author");
    report_note(report, "Comity: the real core; signatures and hashes are stand-ins of equal size");
}

void figure_push(struct report *report) {
    struct plan_wish wish = {.seed = 7, .nodes = 1000, .authors = 100, .warm = 100, .count = 1000, .bytes = 512};
    char text[64];
    wish.begin_ms = 30000, wish.interval_ms = 50, wish.rest_ms = 10000;
    if (report->quick) wish.nodes = 200, wish.authors = 20, wish.warm = 20, wish.count = 60;
    struct compared honest = compare(report, &wish, "all honest", true);
    wish.silent_percent = 25, wish.count = report->quick ? 60 : 500;
    struct compared silent = compare(report, &wish, "25 % silent relays", false);
    wish.silent_percent = 0, wish.bytes = 32 * 1024;
    wish.warm = wish.authors, wish.count = report->quick ? 10 : 60;
    struct compared large = compare(report, &wish, "payloads of 32 KiB", false);

    report_check(report, honest.comity.copies < 4 && silent.comity.copies < 4, "the tree does not form: %.2f copies",
                 honest.comity.copies);
    report_check(report, large.comity.copies < 1.5, "large payloads come more than once: %.2f copies", large.comity.copies);
    assumptions(report);
    delay_rows(report, &honest, "all honest", "226 ms gossipsub, 408 Plumtree");
    delay_rows(report, &silent, "25 % silent relays", "296 ms gossipsub, 796 Plumtree");
    snprintf(text, sizeof text, "%.2f (silent relays: %.2f)", honest.comity.copies, silent.comity.copies);
    report_judged(report, "payload copies per node, 512 bytes", honest.comity.copies, 2.8, text,
                  "gossipsub 6.3 to 9.2; Plumtree 1.0");
    snprintf(text, sizeof text, "%.2f (p99 %u ms; gossipsub %u)", large.comity.copies, large.comity.p99_ms, large.gossipsub.p99_ms);
    report_judged(report, "payload copies per node, 32 KiB", large.comity.copies, 1.2, text, "");
}
