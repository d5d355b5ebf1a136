#include "gossip/policy.h"

#include <string.h>

/* Rows that touch each family of rules once: a build in which one of them comes out otherwise does not start. */

#define NOW 1000000

struct row {
    const char *name;
    enum tlp tlp;
    enum policy_exit exit;
    bool named, foreign, allow;
    unsigned handling;
    enum pap pap;
    uint64_t valid_until_ms;
    const char *rule;
};

static const struct row rows[] = {
    {"an object without a label", TLP_NONE, POLICY_PUBLISH, true, false, false, 0, PAP_NONE, 0, "label.missing"},
    {"a label beyond all", (enum tlp)(TLP_RED + 1), POLICY_LOCAL, true, false, false, 0, PAP_NONE, 0, "label.missing"},
    {"an exit that is none", TLP_CLEAR, (enum policy_exit)0, true, false, false, 0, PAP_NONE, 0, "exit.unknown"},
    {"an exit beyond all", TLP_CLEAR, POLICY_EXIT_END, true, false, false, 0, PAP_NONE, 0, "exit.unknown"},
    {"metrics", TLP_CLEAR, POLICY_METRICS, true, false, false, 0, PAP_NONE, 0, "exit.metrics"},
    {"RED to all", TLP_RED, POLICY_PUBLISH, false, false, false, 0, PAP_NONE, 0, "tlp.red.named"},
    {"RED to named ones", TLP_RED, POLICY_PUBLISH, true, false, true, 0, PAP_NONE, 0, "tlp.red"},
    {"RED to TAXII", TLP_RED, POLICY_TAXII, true, true, false, 0, PAP_NONE, 0, "exit.label"},
    {"CLEAR to all", TLP_CLEAR, POLICY_PUBLISH, false, false, true, 0, PAP_NONE, 0, "tlp.clear"},
    {"what has expired", TLP_GREEN, POLICY_PUBLISH, true, false, false, 0, PAP_NONE, NOW, "expired"},
    {"another's object as one's own", TLP_CLEAR, POLICY_PUBLISH, true, true, false, 0, PAP_NONE, 0, "publish.foreign"},
    {"AMBER+STRICT passed on", TLP_AMBER_STRICT, POLICY_RESHARE, true, true, false, 0, PAP_NONE, 0, "reshare.amber-strict"},
    {"PAP:AMBER to rules that block", TLP_CLEAR, POLICY_BLOCKING, true, true, false, 0, PAP_AMBER, 0, "pap.blocking"},
    {"H0 to an agency that is no police", TLP_GREEN, POLICY_PUBLISH, true, false, false, MARKS_H0, PAP_NONE, 0, "handling.h0"},
    {"H2 passed on", TLP_CLEAR, POLICY_RESHARE, true, true, false, MARKS_H2, PAP_NONE, 0, "handling.h2"},
    {"H3 without its text", TLP_GREEN, POLICY_PUBLISH, true, false, false, MARKS_H3, PAP_NONE, 0, "handling.h3.text"},
    {"a local user", TLP_RED, POLICY_LOCAL, false, true, true, 0, PAP_NONE, 0, "local"},
};

static bool comes_out(const struct policy_settings *settings, const struct row *row, const struct marks *marks, const char *rule) {
    struct policy_object object = {.tlp = row->tlp,
                                   .valid_until_ms = row->valid_until_ms,
                                   .id = bytes_of_text("indicator--1"),
                                   .type = bytes_of_text("indicator"),
                                   .marks = marks,
                                   .foreign = row->foreign};
    struct policy_reader reader = {.exit = row->exit, .name = "reader", .recipients = 1, .named = row->named};
    struct policy_context context = {.settings = settings, .now_ms = NOW};
    struct verdict verdict;
    policy_decide(&verdict, &object, &reader, &context);
    return verdict.allow == row->allow && strcmp(verdict.rule, rule) == 0;
}

enum err policy_selftest(const char **what) {
    struct policy_settings settings;
    policy_settings_default(&settings);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct marks marks = {.handling = rows[i].handling, .pap = rows[i].pap};
        *what = rows[i].name;
        if (!comes_out(&settings, &rows[i], &marks, rows[i].rule)) return ERR_SELFTEST;
    }
    /* A level, a group or a marking that nobody declared is refused, never guessed. */
    static const struct row plain = {"", TLP_CLEAR, POLICY_LOCAL, true, true, false, 0, PAP_NONE, 0, ""};
    struct marks marks = {.unknown = bytes_of_text("marking-definition--1")};
    *what = "a marking that is not understood";
    if (!comes_out(&settings, &plain, &marks, "marking.unknown")) return ERR_SELFTEST;
    marks = (struct marks){.group = bytes_of("0123456789abcdef0123456789abcdef", MARKS_GROUP_BYTES)};
    *what = "a group without a roster";
    if (!comes_out(&settings, &plain, &marks, "group.unknown")) return ERR_SELFTEST;
    marks = (struct marks){.level_count = 1};
    marks.levels[0] = (struct marks_level){.authority = bytes_of_text("EU"), .level = bytes_of_text("S-UE/EU-S")};
    *what = "a level of an authority that is not accepted";
    return comes_out(&settings, &plain, &marks, "level.authority") ? OK : ERR_SELFTEST;
}
