#include "tests/sim/campaign.h"

#include "tests/sim/shrink.h"
#include "tests/sim/story.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHRINK_SECONDS 60.0

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct run_options campaign_options(const struct campaign *campaign, uint64_t seed) {
    struct run_options options = campaign->options;
    options.seed = seed;
    if (campaign->all_profiles) options.profile = (enum profile)(seed % PROFILE_scale);
    return options;
}

/* --- one seed --- */

static void failed(const struct campaign *campaign, const struct run_options *options, const struct run_result *result) {
    static struct shrunk shrunk;
    printf("broken: %s\n  replay: ", result->broken);
    shrink_replay(options, result);
    fflush(stdout);
    if (campaign->no_shrink) return;
    shrink(&shrunk, &story_world, options, result, SHRINK_SECONDS);
    printf("  shrunk in %u tries: ", shrunk.tries);
    shrink_replay(&shrunk.options, &shrunk.result);
    shrink_tell(&shrunk.options, &shrunk.result);
    fflush(stdout);
}

static void add(struct campaign_sum *sum, const struct run_result *result) {
    atomic_fetch_add(&sum->events, result->events);
    atomic_fetch_add(&sum->virtual_ms, result->virtual_ms);
    atomic_fetch_add(&sum->entries, result->entries);
    if (result->converge_ms > sum->converge_ms) sum->converge_ms = result->converge_ms;
    for (unsigned i = 0; i < SITUATION_COUNT; i++)
        __atomic_fetch_add(&sum->situations.counts[i], result->situations.counts[i], __ATOMIC_RELAXED);
}

static void seed_run(const struct campaign *campaign, struct campaign_sum *sum, uint64_t seed) {
    struct run_options options = campaign_options(campaign, seed);
    struct run_result result = run(&story_world, &options);
    add(sum, &result);
    if (campaign->hashes)
        printf("%llu %016llx %llu\n", (unsigned long long)seed, (unsigned long long)result.trace,
               (unsigned long long)result.events);
    if (campaign->tell) shrink_tell(&options, &result);
    if (result.broken[0]) {
        if (atomic_fetch_add(&sum->failed, 1) == 0) memcpy(sum->broken, result.broken, sizeof sum->broken);
        failed(campaign, &options, &result);
    }
    if (campaign->twice) {
        struct run_result again = run(&story_world, &options);
        if (again.trace != result.trace || again.events != result.events) {
            atomic_fetch_add(&sum->differing, 1);
            printf("differs: seed %llu is not the same run twice\n", (unsigned long long)seed);
        }
    }
    atomic_fetch_add(&sum->done, 1);
}

/* --- many --- */

static void work(const struct campaign *campaign, struct campaign_sum *sum, double end_s) {
    while (!campaign->seconds || now_s() < end_s) {
        uint64_t seed = atomic_fetch_add(&sum->next, 1);
        if (seed >= campaign->from + campaign->count || (campaign->first && sum->failed)) break;
        seed_run(campaign, sum, seed);
        fflush(stdout);
    }
}

bool campaign_run(const struct campaign *campaign, struct campaign_sum *out) {
    struct campaign_sum *sum = mmap(NULL, sizeof *sum, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double end_s = now_s() + campaign->seconds;
    unsigned children = 0;
    bool good = true;
    if (sum == MAP_FAILED) return false;
    atomic_store(&sum->next, campaign->from);
    fflush(stdout);
    while (children + 1 < campaign->jobs) {
        pid_t child = fork();
        if (child < 0) break;
        if (child == 0) {
            work(campaign, sum, end_s);
            _exit(0);
        }
        children++;
    }
    work(campaign, sum, end_s);
    for (int status; children > 0; children--)
        if (wait(&status) > 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
            good = false; /* it crashed: no verdict, but no pass */
    memcpy(out, sum, sizeof *out);
    munmap(sum, sizeof *sum);
    return good && out->failed == 0 && out->differing == 0;
}

/* --- the command line --- */

static bool ops_read(uint8_t *left_out, const char *text) {
    memset(left_out, 1, SHRINK_OPERATIONS_MAX);
    if (strcmp(text, "none") == 0) return true;
    for (char *end; *text; text = *end == ',' ? end + 1 : end) {
        unsigned long from = strtoul(text, &end, 10), to = from;
        if (end == text) return false;
        if (*end == '-') to = strtoul(end + 1, &end, 10);
        if (to >= SHRINK_OPERATIONS_MAX || (*end && *end != ',')) return false;
        for (unsigned long i = from; i <= to; i++) left_out[i] = 0;
    }
    return true;
}

static bool seeds_read(struct campaign *campaign, const char *text) {
    char *end;
    campaign->from = strtoull(text, &end, 10);
    campaign->count = *end == ':' ? strtoull(end + 1, &end, 10) : 1;
    return *end == 0;
}

static bool word_read(struct campaign *campaign, const char *word, const char *value) {
    static uint8_t left_out[SHRINK_OPERATIONS_MAX];
    if (strcmp(word, "--seed") == 0 || strcmp(word, "--seeds") == 0) return seeds_read(campaign, value);
    if (strcmp(word, "--nodes") == 0) return campaign->options.nodes = strtoul(value, NULL, 10), campaign->options.nodes > 1;
    if (strcmp(word, "--minutes") == 0) return campaign->options.minutes = (unsigned)strtoul(value, NULL, 10), true;
    if (strcmp(word, "--jobs") == 0) return campaign->jobs = (unsigned)strtoul(value, NULL, 10), true;
    if (strcmp(word, "--seconds") == 0) return campaign->seconds = strtod(value, NULL), true;
    if (strcmp(word, "--off") == 0) return faults_read(&campaign->options.off, value);
    if (strcmp(word, "--ops") == 0) return campaign->options.left_out = left_out, ops_read(left_out, value);
    if (strcmp(word, "--profile") == 0 && strcmp(value, "all") == 0) return campaign->all_profiles = true;
    if (strcmp(word, "--profile") == 0) return campaign->all_profiles = false, profile_read(&campaign->options.profile, value);
    return false;
}

static bool flag_read(struct campaign *campaign, const char *word, bool *situations) {
    bool *const flags[] = {&campaign->twice, &campaign->hashes, &campaign->no_shrink,      &campaign->tell,
                           &campaign->first, situations,        &campaign->options.explain};
    static const char *const names[] = {"--twice", "--hashes", "--no-shrink", "--tell", "--first", "--situations", "--explain"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(word, names[i]) == 0) return *flags[i] = true;
    return false;
}

static void list(void) {
    for (unsigned i = 0; i < PROFILE_COUNT; i++) printf("profile   %s\n", profile_name(i));
    for (unsigned i = 0; i < FAULT_COUNT; i++) printf("fault     %-12s %s\n", fault_name(i), fault_text(i));
    for (unsigned i = 0; i < SITUATION_COUNT; i++) printf("situation %-24s %s\n", situation_name(i), situation_text(i));
}

int campaign_main(int count, char **words) {
    struct campaign campaign = {.from = 1, .count = 1, .jobs = 1, .all_profiles = true};
    struct campaign_sum sum;
    bool situations = false;
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--list") == 0) return list(), 0;
        if (flag_read(&campaign, words[i], &situations)) continue;
        if (i + 1 < count && word_read(&campaign, words[i], words[i + 1])) {
            i++;
            continue;
        }
        fprintf(stderr, "%s: cannot read \"%s\"; see the head of tests/sim/main.c, and --list\n", words[0], words[i]);
        return 2;
    }
    double began_s = now_s();
    bool good = campaign_run(&campaign, &sum);
    double took_s = now_s() - began_s;
    for (unsigned i = 0; situations && i < SITUATION_COUNT; i++)
        printf("%12llu %s\n", (unsigned long long)sum.situations.counts[i], situation_name(i));
    if (!campaign.hashes)
        printf("%s: %llu seeds, %llu broken, %llu differing; %.1f simulated hours in %.1f s (%.0f times real time), %.0f events/s, "
               "slowest convergence %.1f s\n",
               good ? "good" : "BAD", (unsigned long long)sum.done, (unsigned long long)sum.failed,
               (unsigned long long)sum.differing, (double)sum.virtual_ms / 3.6e6, took_s, (double)sum.virtual_ms / 1000 / took_s,
               (double)sum.events / took_s, (double)sum.converge_ms / 1000);
    return good ? 0 : 1;
}
