/* err: every code has a text and a name, and a number outside the list is survived. */
#include "crypto/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void test_texts(void **state) {
    (void)state;
    for (int code = 0; code < ERR_COUNT; code++) {
        assert_true(strlen(err_text(code)) > 1);
        for (int other = 0; other < code; other++) {
            assert_string_not_equal(err_text(code), err_text(other));
            assert_string_not_equal(err_name(code), err_name(other));
        }
    }
    assert_string_equal(err_name(OK), "OK");
    assert_string_equal(err_name(ERR_CHAIN), "ERR_CHAIN");
    assert_string_equal(err_text(ERR_NOT_READER), "not addressed to this node");
}

static void test_outside(void **state) {
    (void)state;
    assert_string_equal(err_text((enum err)ERR_COUNT), "unknown error");
    assert_string_equal(err_name((enum err)9999), "ERR_UNKNOWN");
    assert_string_equal(err_name((enum err) - 1), "ERR_UNKNOWN");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_outside)};
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
