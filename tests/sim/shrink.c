#include "tests/sim/shrink.h"

#include "tests/sim/real.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct search {
    struct shrunk *best;
    struct world *world;
    char invariant[64];
    double end_s;
};

/* Takes these options when they break the same invariant. */
static bool better(struct search *search, const struct run_options *options, const uint8_t *left_out) {
    char invariant[64];
    struct run_options tried = *options;
    if (now_s() > search->end_s) return false;
    tried.left_out = left_out;
    search->best->tries++;
    struct run_result result = run(search->world, &tried);
    run_invariant(invariant, sizeof invariant, result.broken);
    if (!result.broken[0] || strcmp(invariant, search->invariant) != 0) return false;
    memmove(search->best->left_out, left_out, SHRINK_OPERATIONS_MAX);
    search->best->options = *options;
    search->best->options.left_out = search->best->left_out;
    search->best->result = result;
    return true;
}

static bool fewer_faults(struct search *search) {
    bool any = false;
    for (unsigned fault = 0; fault < FAULT_COUNT; fault++) {
        struct run_options options = search->best->options;
        if (!(search->best->result.faults >> fault & 1)) continue;
        options.off |= 1u << fault;
        any |= better(search, &options, search->best->left_out);
    }
    return any;
}

/* Runs of operations of falling length are left out. */
static void fewer_operations(struct search *search) {
    size_t count = search->best->result.operations;
    uint8_t left_out[SHRINK_OPERATIONS_MAX];
    for (size_t length = count / 2; length > 0; length /= 2)
        for (size_t from = 0; from < count; from += length) {
            bool any = false;
            memcpy(left_out, search->best->left_out, sizeof left_out);
            for (size_t i = from; i < from + length && i < count; i++) any |= !left_out[i], left_out[i] = 1;
            if (any) better(search, &search->best->options, left_out);
        }
}

void shrink(struct shrunk *out, struct world *world, const struct run_options *options, const struct run_result *result,
            double seconds) {
    struct search search = {.best = out, .world = world, .end_s = now_s() + seconds};
    *out = (struct shrunk){.options = *options, .result = *result};
    if (options->left_out) memcpy(out->left_out, options->left_out, result->operations);
    out->options.left_out = out->left_out;
    out->options.explain = false;
    /* The number of operations follows from nodes and minutes: these come first, and then stay as they are. */
    out->options.nodes = result->nodes;
    out->options.minutes = result->minutes;
    run_invariant(search.invariant, sizeof search.invariant, result->broken);
    if (result->operations > SHRINK_OPERATIONS_MAX) return;
    for (unsigned minutes = 1; minutes < out->options.minutes; minutes++) {
        struct run_options shorter = out->options;
        shorter.minutes = minutes;
        if (better(&search, &shorter, out->left_out)) break;
    }
    fewer_faults(&search);
    for (size_t nodes = 2; nodes < out->options.nodes; nodes++) {
        struct run_options smaller = out->options;
        smaller.nodes = nodes;
        if (better(&search, &smaller, out->left_out)) break;
    }
    fewer_operations(&search);
    while (fewer_faults(&search)) continue;
    fewer_operations(&search);
}

void shrink_replay(const struct run_options *options, const struct run_result *result) {
    printf("%s --seed %llu --profile %s --nodes %zu --minutes %u", sim_real_signatures ? "sim" : "simfast",
           (unsigned long long)options->seed, profile_name(options->profile), result->nodes, result->minutes);
    const char *before = " --off ";
    for (unsigned fault = 0; fault < FAULT_COUNT; fault++)
        if (options->off >> fault & 1) printf("%s%s", before, fault_name(fault)), before = ",";
    bool some = false;
    for (size_t i = 0; options->left_out && i < result->operations; i++) some |= options->left_out[i];
    before = " --ops ";
    for (size_t i = 0; some && i < result->operations; i++) {
        if (options->left_out[i]) continue;
        size_t last = i;
        while (last + 1 < result->operations && !options->left_out[last + 1]) last++;
        printf(last > i ? "%s%zu-%zu" : "%s%zu", before, i, last);
        before = ",", i = last;
    }
    if (some && before[0] == ' ') printf(" --ops none");
    printf("\n");
}

void shrink_tell(const struct run_options *options, const struct run_result *result) {
    struct plan plan = run_plan(options);
    struct operation operation;
    char line[160];
    printf("# %zu nodes, %u minutes, faults that are on:", result->nodes, result->minutes);
    for (unsigned fault = 0; fault < FAULT_COUNT; fault++)
        if (plan.faults >> fault & 1) printf(" %s", fault_name(fault));
    printf("\n");
    for (size_t i = 0; i < plan.count; i++) {
        plan_operation(&plan, i, &operation);
        if (!plan_includes(&plan, i, &operation)) continue;
        plan_describe(&operation, line, sizeof line);
        printf("# %5zu %s\n", i, line);
    }
    printf("# %s\n", result->broken[0] ? result->broken : "all invariants hold");
}
