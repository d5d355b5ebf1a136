/* policy: what no row of tests/golden/policy can say: values beyond every enum, and the self-test. */
#include "gossip/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct policy_settings settings;

static struct verdict decide(enum tlp tlp, enum policy_exit exit, const struct marks *marks) {
    struct policy_object object = {
        .tlp = tlp, .id = bytes_of_text("indicator--1"), .type = bytes_of_text("indicator"), .marks = marks};
    struct policy_reader reader = {.exit = exit, .recipients = 1, .named = true};
    struct policy_context context = {.settings = &settings, .now_ms = 1000};
    struct verdict verdict;
    policy_decide(&verdict, &object, &reader, &context);
    return verdict;
}

/* Whatever a corrupt number would mean, it means no. */
static void test_beyond_every_enum(void **state) {
    (void)state;
    static const int labels[] = {-1, TLP_NONE, TLP_RED + 1, 1000}, exits[] = {-1, 0, POLICY_EXIT_END, 1000};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        struct verdict verdict = decide((enum tlp)labels[i], POLICY_PUBLISH, NULL);
        assert_false(verdict.allow);
        assert_string_equal(verdict.rule, "label.missing");
    }
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++) {
        struct verdict verdict = decide(TLP_CLEAR, (enum policy_exit)exits[i], NULL);
        assert_false(verdict.allow);
        assert_string_equal(verdict.rule, "exit.unknown");
    }
}

/* A foreign text as long as it may be leaves a reason that is whole UTF-8. */
static void test_reasons_are_text(void **state) {
    (void)state;
    char unknown[MARKS_TEXT_BYTES_MAX + 1];
    for (size_t shift = 0; shift < 3; shift++) {
        memset(unknown, 'x', shift);
        for (size_t at = shift; at + 3 <= MARKS_TEXT_BYTES_MAX; at += 3) memcpy(unknown + at, "\xe2\x82\xac", 4);
        struct marks marks = {.unknown = bytes_of_text(unknown)};
        struct verdict verdict = decide(TLP_CLEAR, POLICY_LOCAL, &marks);
        assert_false(verdict.allow);
        size_t size = strlen(verdict.reason);
        assert_true(size > 200 && size < POLICY_REASON_BYTES);
        assert_true((verdict.reason[size - 1] & 0xff) == 0xac);
    }
}

static void test_names_of_exits(void **state) {
    (void)state;
    for (int exit = 1; exit < POLICY_EXIT_END; exit++) {
        enum policy_exit back;
        assert_true(policy_exit_parse(&back, bytes_of_text(policy_exit_name((enum policy_exit)exit))));
        assert_int_equal(back, exit);
    }
    enum policy_exit none;
    assert_false(policy_exit_parse(&none, bytes_of_text("exports")));
}

static void test_selftest(void **state) {
    (void)state;
    const char *what = "";
    if (policy_selftest(&what) != OK) fail_msg("%s", what);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_beyond_every_enum), cmocka_unit_test(test_reasons_are_text),
                                       cmocka_unit_test(test_names_of_exits), cmocka_unit_test(test_selftest)};
    policy_settings_default(&settings);
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
