/* The table of decisions: tests/golden/policy/NAME.in holds cases, a line each, NAME.ok the same lines with what is decided and why.
   COMITY_GOLDEN_UPDATE=1 writes the .ok files again; the difference is the review. Every rule is needed: with any one switched off
   some case comes out otherwise, and which one is told for a rule that none would miss. */
#include "tests/unit/policy_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FOLDER      "tests/golden/policy/"
#define CASES_LEAST 200
#define LINE_BYTES  2048
#define MADE_BYTES  (LINE_BYTES + 1024)

static const char *const names[] = {"labels", "exits", "marks", "levels", "police", "iep", "groups", "agreements", "reshare"};
#define NAME_COUNT (sizeof names / sizeof *names)

static struct policy_case one;

static FILE *open_file(const char *name, const char *ending, const char *mode) {
    char path[256];
    snprintf(path, sizeof path, FOLDER "%s.%s", name, ending);
    FILE *file = fopen(path, mode);
    if (!file) fail_msg("%s cannot be opened", path);
    return file;
}

static void read_case(const char *name, const char *line) {
    const char *word = "";
    if (!policy_case_read(&one, line, &word)) fail_msg("%s.in: '%s' is not understood in: %s", name, word, line);
}

static bool is_case(const char *line) { return *line != '#' && *line != '\n' && *line; }

static void decide(struct verdict *out, size_t without) {
    policy_decide_without(out, &one.object, &one.reader, &one.context, without);
}

static void answer(char out[static MADE_BYTES], const char *name, char *line) {
    struct verdict verdict;
    if (!is_case(line)) {
        snprintf(out, MADE_BYTES, "%s", line);
        return;
    }
    read_case(name, line);
    decide(&verdict, SIZE_MAX);
    line[strcspn(line, "\n")] = 0;
    bool agency = one.reader.exit == POLICY_PUBLISH || one.reader.exit == POLICY_RESHARE;
    const char *carriage = !verdict.allow || !agency ? "" : verdict.carriage == CARRIAGE_DIRECT ? " (direct)" : " (relay)";
    char covered[40] = "";
    if (verdict.agreement[0]) snprintf(covered, sizeof covered, " (agreement %s clause %u)", verdict.agreement, verdict.clause);
    snprintf(out, MADE_BYTES, "%s\n    %s %s%s%s: %s\n", line, verdict.allow ? "allow" : "DENY", verdict.rule, carriage, covered,
             verdict.reason);
}

static void test_table(void **state) {
    bool update = getenv("COMITY_GOLDEN_UPDATE") != NULL;
    char line[LINE_BYTES], made[MADE_BYTES], kept[LINE_BYTES];
    size_t cases = 0;
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        FILE *in = open_file(names[i], "in", "r"), *ok = open_file(names[i], "ok", update ? "w" : "r");
        while (fgets(line, sizeof line, in)) {
            cases += is_case(line);
            answer(made, names[i], line);
            if (update) {
                fputs(made, ok);
                continue;
            }
            for (const char *at = made; *at; at += strcspn(at, "\n") + 1)
                if (!fgets(kept, sizeof kept, ok) || strncmp(at, kept, strlen(kept)) != 0)
                    fail_msg("%s.ok: decided is\n%sand the file says\n%s", names[i], made, kept);
        }
        if (!update && fgets(kept, sizeof kept, ok)) fail_msg("%s.ok has more: %s", names[i], kept);
        fclose(in);
        fclose(ok);
    }
    if (cases < CASES_LEAST) fail_msg("%zu cases, and at least %d are wanted", cases, CASES_LEAST);
    printf("# %zu cases, %zu rules\n", cases, policy_rule_count);
}

/* The first case of the file that comes out otherwise without this rule, into `line`. */
static bool missed(const char *name, size_t rule, char line[static LINE_BYTES]) {
    FILE *in = open_file(name, "in", "r");
    bool found = false;
    while (!found && fgets(line, LINE_BYTES, in)) {
        struct verdict with, without;
        if (!is_case(line)) continue;
        read_case(name, line);
        decide(&with, SIZE_MAX);
        read_case(name, line);
        decide(&without, rule);
        found = with.allow != without.allow || strcmp(with.rule, without.rule) != 0;
    }
    fclose(in);
    return found;
}

static void test_every_rule_is_needed(void **state) {
    char line[LINE_BYTES];
    size_t needless = 0;
    (void)state;
    for (size_t rule = 0; rule < policy_rule_count; rule++) {
        size_t at = 0;
        while (at < NAME_COUNT && !missed(names[at], rule, line)) at++;
        if (at < NAME_COUNT)
            printf("# without %s: %s.in: %s", policy_rules[rule].name, names[at], line);
        else
            printf("# no case misses the rule %s\n", policy_rules[rule].name);
        needless += at == NAME_COUNT;
    }
    assert_int_equal(needless, 0);
}

/* Rules about marks are left out where there are none: that must make no difference. */
static void test_without_marks(void **state) {
    char line[LINE_BYTES];
    size_t compared = 0;
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        FILE *in = open_file(names[i], "in", "r");
        while (fgets(line, sizeof line, in)) {
            struct verdict with, without;
            if (!is_case(line)) continue;
            read_case(names[i], line);
            if (!marks_empty(&one.marks)) continue;
            decide(&with, SIZE_MAX);
            one.object.marks = NULL;
            decide(&without, SIZE_MAX);
            if (with.allow != without.allow || strcmp(with.rule, without.rule) != 0) fail_msg("%s: %s", names[i], line);
            compared++;
        }
        fclose(in);
    }
    assert_in_range(compared, 100, 10000);
}

/* Every case tells what was looked at, with a name and a value each, and in time. */
static void test_inputs(void **state) {
    char line[LINE_BYTES];
    struct policy_input inputs[POLICY_INPUTS_MAX];
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        FILE *in = open_file(names[i], "in", "r");
        while (fgets(line, sizeof line, in)) {
            struct verdict verdict;
            if (!is_case(line)) continue;
            read_case(names[i], line);
            decide(&verdict, SIZE_MAX);
            size_t count = policy_inputs(inputs, &verdict, &one.object, &one.reader, &one.context);
            assert_in_range(count, 1, POLICY_INPUTS_MAX);
            for (size_t j = 0; j < count; j++)
                if (!inputs[j].value[0]) fail_msg("%s: the input %s of this case is empty: %s", names[i], inputs[j].name, line);
        }
        fclose(in);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_every_rule_is_needed),
                                       cmocka_unit_test(test_without_marks), cmocka_unit_test(test_inputs)};
    return cmocka_run_group_tests_name("golden_policy", tests, NULL, NULL);
}
