/* idset: what stands twice is never said to stand once. */
#include "node/store/idset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void twice(void **state) {
    struct idset set = {0};
    (void)state;
    assert_true(idset_several(&set, 7)); /* nothing is known */
    assert_true(idset_init(&set));
    for (uint64_t i = 0; i < 10000; i++) idset_note(&set, i * UINT64_C(0x9e3779b97f4a7c15));
    size_t wrong = 0;
    for (uint64_t i = 0; i < 10000; i++) wrong += idset_several(&set, i * UINT64_C(0x9e3779b97f4a7c15));
    assert_true(wrong < 100);
    for (uint64_t i = 0; i < 10000; i += 3) idset_note(&set, i * UINT64_C(0x9e3779b97f4a7c15));
    for (uint64_t i = 0; i < 10000; i += 3) assert_true(idset_several(&set, i * UINT64_C(0x9e3779b97f4a7c15)));
    idset_free(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(twice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
