/* policy: the whole table of decisions; what no row allows is denied. */
#include "gossip/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1000

struct row {
    enum tlp tlp;
    uint64_t valid_until_ms;
    int exit;
    size_t recipients;
    bool named, allow;
    enum carriage carriage;
    const char *rule;
};

static void test_table(void **state) {
    static const struct row rows[] = {
        {TLP_CLEAR, 0, POLICY_PUBLISH, 1, false, true, CARRIAGE_RELAY, "tlp.clear"},
        {TLP_GREEN, 0, POLICY_PUBLISH, 3, false, true, CARRIAGE_RELAY, "tlp.green"},
        {TLP_AMBER, 0, POLICY_PUBLISH, 1, true, true, CARRIAGE_RELAY, "tlp.amber"},
        {TLP_AMBER, 0, POLICY_PUBLISH, 5, false, true, CARRIAGE_RELAY, "tlp.amber"},
        {TLP_AMBER_STRICT, 0, POLICY_PUBLISH, 1, true, true, CARRIAGE_DIRECT, "tlp.amber-strict"},
        {TLP_RED, 0, POLICY_PUBLISH, 1, true, true, CARRIAGE_DIRECT, "tlp.red"},
        {TLP_RED, 0, POLICY_PUBLISH, 4, false, false, 0, "tlp.red.named"},
        {TLP_RED, 0, POLICY_PUBLISH, 0, true, false, 0, "recipients.none"},
        {TLP_CLEAR, 0, POLICY_PUBLISH, 0, false, false, 0, "recipients.none"},
        {TLP_NONE, 0, POLICY_PUBLISH, 1, true, false, 0, "label.missing"},
        {TLP_NONE, 0, POLICY_LOCAL, 0, false, false, 0, "label.missing"},
        {(enum tlp)6, 0, POLICY_PUBLISH, 1, true, false, 0, "label.missing"},
        {(enum tlp) - 1, 0, POLICY_PUBLISH, 1, true, false, 0, "label.missing"},
        {TLP_GREEN, NOW, POLICY_PUBLISH, 1, true, false, 0, "expired"},
        {TLP_GREEN, NOW - 1, POLICY_PUBLISH, 1, true, false, 0, "expired"},
        {TLP_GREEN, NOW + 1, POLICY_PUBLISH, 1, true, true, CARRIAGE_RELAY, "tlp.green"},
        {TLP_RED, 0, POLICY_LOCAL, 0, false, true, CARRIAGE_RELAY, "local"},
        {TLP_CLEAR, NOW - 1, POLICY_LOCAL, 0, false, true, CARRIAGE_RELAY, "local"},
        {TLP_CLEAR, 0, 0, 1, true, false, 0, "exit.unknown"},
        {TLP_CLEAR, 0, 3, 1, true, false, 0, "exit.unknown"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct policy_object object = {.tlp = row->tlp, .valid_until_ms = row->valid_until_ms};
        struct policy_reader reader = {.exit = (enum policy_exit)row->exit, .recipients = row->recipients, .named = row->named};
        struct verdict verdict = policy_decide(&object, &reader, NOW);
        if (verdict.allow != row->allow || strcmp(verdict.rule, row->rule) != 0)
            fail_msg("row %zu: %d by %s", i, verdict.allow, verdict.rule);
        if (row->allow) assert_int_equal(verdict.carriage, row->carriage);
        assert_true(strlen(verdict.reason) > 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
