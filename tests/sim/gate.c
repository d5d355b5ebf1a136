#include "tests/sim/gate.h"

#include "tests/sim/campaign.h"
#include "tests/sim/real.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* What is run: with stand-in signatures all, twice; with real ones, and under the sanitizers, a share. */
static const struct {
    const char *name;
    enum profile profile;
    uint64_t from, count;
    unsigned minutes; /* 0: the seed chooses */
} parts[] = {
    {"swarm", PROFILE_swarm, 1000, 160, 0},
    {"safety", PROFILE_safety, 2000, 200, 0},
    {"liveness", PROFILE_liveness, 3000, 50, 0},
    {"hostile", PROFILE_hostile, 4000, 120, 4},
    {"storage", PROFILE_storage, 5000, 160, 0},
    {"scale", PROFILE_scale, 6000, 2, 4},
    {"confidential", PROFILE_confidential, 7000, 60, 4},
};
#define PART_COUNT (sizeof parts / sizeof *parts)

static int line(int *number, bool good, const char *name, const char *what) {
    printf("%s %d - %s%s%s\n", good ? "ok" : "not ok", ++*number, name, what[0] ? ": " : "", what);
    fflush(stdout);
    return !good;
}

static struct campaign part_campaign(size_t part) {
    struct campaign campaign = {.from = parts[part].from, .count = parts[part].count, .jobs = 1, .twice = true, .no_shrink = false};
    campaign.options.profile = parts[part].profile;
    campaign.options.minutes = parts[part].minutes;
    /* Signatures and sanitizers each cost ten times what the rest does. */
    if (sim_real_signatures || SANITIZED) campaign.count = (campaign.count + 9) / 10, campaign.twice = !SANITIZED;
    if (sim_real_signatures && SANITIZED) campaign.count = (campaign.count + 3) / 4;
    return campaign;
}

static int run_parts(int *number, struct situations *situations) {
    int failed = 0;
    for (size_t i = 0; i < PART_COUNT; i++) {
        struct campaign campaign = part_campaign(i);
        struct campaign_sum sum;
        char what[200];
        bool good = campaign_run(&campaign, &sum);
        situations_add(situations, &sum.situations);
        snprintf(what, sizeof what, "%llu seeds%s, %.1f simulated hours, %llu events, slowest convergence %.1f s",
                 (unsigned long long)sum.done, campaign.twice ? " twice" : "", (double)sum.virtual_ms / 3.6e6,
                 (unsigned long long)sum.events, (double)sum.converge_ms / 1000);
        failed += line(number, good, parts[i].name, what);
    }
    return failed;
}

/* A fault that never occurs, or a path that is never taken, is no test of anything. */
static int check_situations(int *number, const struct situations *situations) {
    char missing[400] = "";
    for (unsigned i = 0; i < SITUATION_COUNT; i++) {
        if (situations->counts[i] > 0 || (i == SITUATION_real_signatures && !sim_real_signatures)) continue;
        strncat(missing, situation_name(i), sizeof missing - strlen(missing) - 2);
        strncat(missing, " ", sizeof missing - strlen(missing) - 1);
    }
    return line(number, missing[0] == 0, "every situation occurred", missing);
}

/* The plain build runs the same seeds: the sanitizers must not change what happens. */
static int check_plain(int *number, const char *program) {
    char path[1024], command[1400], seed[24], hash[24];
    const char *folder = strstr(program, "build-san/");
    unsigned differing = 0, compared = 0;
    unsigned long long events;
    if (!folder) return 0;
    snprintf(path, sizeof path, "%.*sbuild/%s", (int)(folder - program), program, folder + strlen("build-san/"));
    if (access(path, X_OK) != 0) return line(number, false, "the plain build's hashes", "it is not built");
    for (size_t i = 0; i < PART_COUNT; i++) {
        struct campaign campaign = part_campaign(i);
        snprintf(command, sizeof command, "%s --hashes --no-shrink --profile %s --minutes %u --seeds %llu:%llu", path,
                 profile_name(parts[i].profile), parts[i].minutes, (unsigned long long)campaign.from,
                 (unsigned long long)campaign.count);
        FILE *plain = popen(command, "r");
        while (plain && fscanf(plain, "%23s %23s %llu", seed, hash, &events) == 3) {
            struct run_options options = campaign_options(&campaign, strtoull(seed, NULL, 10));
            extern struct world story_world;
            struct run_result result = run(&story_world, &options);
            differing += result.trace != strtoull(hash, NULL, 16) || result.events != events;
            compared++;
        }
        if (plain) pclose(plain);
    }
    snprintf(path, sizeof path, "%u compared, %u differ", compared, differing);
    return line(number, compared > 0 && differing == 0, "the same runs as in the plain build", path);
}

int gate(const char *program) {
    struct situations situations = {0};
    int number = 0, failed = run_parts(&number, &situations);
    if (!sim_real_signatures && !SANITIZED) failed += check_situations(&number, &situations);
    if (!sim_real_signatures && SANITIZED) failed += check_plain(&number, program);
    printf("1..%d\n", number);
    return failed;
}
