/* selftest: passes here, and says "libsodium" or the name of a check. */
#include "crypto/selftest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_passes(void **state) {
    (void)state;
    const char *what = NULL;
    enum err error = selftest_run(&what);
    if (error != OK) print_error("failed: %s\n", what);
    assert_int_equal(error, OK);
    assert_non_null(what);
    assert_int_equal(selftest_run(NULL), OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_passes)};
    return cmocka_run_group_tests_name("selftest", tests, NULL, NULL);
}
