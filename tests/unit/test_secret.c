/* secret: guarded memory is there, aligned, zero, and a step past its end kills. */
#include "crypto/secret.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <sodium.h>

static void test_life(void **state) {
    (void)state;
    for (size_t size = 1; size < 5000; size += 777) {
        uint8_t *secret = secret_new(size);
        assert_non_null(secret);
        assert_true(sodium_is_zero(secret, size));
        assert_int_equal((uintptr_t)secret % 16, 0);
        memset(secret, 0xaa, size);
        secret_free(secret);
    }
    secret_free(NULL);
    assert_null(secret_new(SIZE_MAX));
    assert_null(secret_new(SIZE_MAX / 2));
}

static void test_wipe(void **state) {
    (void)state;
    uint8_t memory[40];
    memset(memory, 1, sizeof memory);
    secret_wipe(memory, 39);
    assert_true(sodium_is_zero(memory, 39));
    assert_int_equal(memory[39], 1);
}

/* Reading past the end stops the process, so a leak by overrun gives nothing. */
static void test_guard(void **state) {
    (void)state;
    volatile uint8_t *secret = secret_new(32);
    assert_non_null((const void *)(uintptr_t)secret);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        close(2);
        _exit(secret[32] == 0 ? 3 : 4);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && (WEXITSTATUS(status) == 3 || WEXITSTATUS(status) == 4));
    secret_free((void *)(uintptr_t)secret);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_life), cmocka_unit_test(test_wipe), cmocka_unit_test(test_guard)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
