#include "node/process/notices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void test_burst(void **state) {
    struct notices notices = {0};
    char text[64];
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "entry %u of Agency 1 is dated in the future", i);
        enum notices_verdict wanted = i + 1 < NOTICES_BURST    ? NOTICES_SAY
                                      : i + 1 == NOTICES_BURST ? NOTICES_SAY_LAST
                                                               : NOTICES_SILENT;
        assert_int_equal(notices_judge(&notices, text, 5000 + i), wanted);
    }
    /* Another culprit, another misdeed, and another minute are said. */
    assert_int_equal(notices_judge(&notices, "entry 7 of Agency 2 is dated in the future", 6000), NOTICES_SAY);
    assert_int_equal(notices_judge(&notices, "Agency 1 sent a bad signature", 6000), NOTICES_SAY);
    assert_int_equal(notices_judge(&notices, "entry 9999 of Agency 1 is dated in the future", 5000 + NOTICES_SPAN_MS - 1),
                     NOTICES_SILENT);
    assert_int_equal(notices_judge(&notices, "entry 9999 of Agency 1 is dated in the future", 5000 + NOTICES_SPAN_MS), NOTICES_SAY);
}

/* More kinds than places: the oldest is forgotten, and said once more. */
static void test_forgets(void **state) {
    struct notices notices = {0};
    char text[64];
    (void)state;
    for (unsigned i = 0; i < 10 * NOTICES_KINDS; i++) {
        snprintf(text, sizeof text, "agency %u went over its budget", i);
        assert_int_equal(notices_judge(&notices, text, 1000 + i), NOTICES_SAY);
    }
    assert_int_equal(notices_judge(&notices, text, 1000 + 10 * NOTICES_KINDS), NOTICES_SAY);
    assert_int_equal(notices_judge(&notices, "agency 0 went over its budget", 2000), NOTICES_SAY);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_burst), cmocka_unit_test(test_forgets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
