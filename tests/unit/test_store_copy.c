/* store_copy: a copy of an open store, taken while commits are under way, holds all that had been given to it, and nothing later. */
#include "node/process/folder.h"
#include "tests/unit/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void copied(void **state) {
    struct fixture *fixture = *state;
    char path[300], again[300], why[256] = "";
    const char *before = fixture->options.path;
    snprintf(path, sizeof path, "%s.copy", before);
    snprintf(again, sizeof again, "%s.copy.copy", before);
    fixture_fill(fixture, 20, 50);
    store_commit(fixture->store, fixture_batch(fixture, 50), 1);
    assert_int_equal(store_copy(fixture->store, path, why, sizeof why), OK);
    uint64_t then = fixture->numbered, ticket;
    assert_int_equal(store_completed(fixture->store, &ticket), OK);
    assert_int_equal(ticket, 1);
    fixture_fill(fixture, 5, 10);
    fixture_expect_all(fixture);
    assert_int_equal(store_copy(fixture->store, path, why, sizeof why), ERR_EXISTS);
    fixture_close(fixture);

    assert_int_equal(folder_copy(path, again), OK);
    assert_int_equal(folder_copy(path, again), ERR_EXISTS);
    assert_int_equal(folder_remove(path), OK);
    uint64_t all = fixture->numbered;
    fixture->options.path = again;
    fixture_open(fixture);
    fixture->numbered = then;
    fixture_expect_all(fixture);
    for (uint64_t number = then; number < all; number++) assert_false(fixture_found(fixture, number));
    fixture_close(fixture);
    assert_int_equal(folder_remove(again), OK);
    assert_int_equal(folder_remove(again), OK);
    fixture->options.path = before;
    fixture_open(fixture);
    fixture->numbered = all;
    fixture_expect_all(fixture);
}

/* What is no plain file is refused and not followed, and what exists is not written over. */
static void plain_only(void **state) {
    struct fixture *fixture = *state;
    char link_path[300], to[300];
    struct stat facts;
    snprintf(link_path, sizeof link_path, "%s/../link", fixture->options.path);
    snprintf(to, sizeof to, "%s.to", fixture->options.path);
    assert_int_equal(folder_file_copy("/dev/null", to, 0600), ERR_FORMAT);
    assert_int_equal(folder_file_copy(fixture->options.path, to, 0600), ERR_FORMAT);
    assert_int_equal(folder_file_copy(link_path, to, 0600), ERR_NOT_FOUND);
    assert_int_not_equal(lstat(to, &facts), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(copied, fixture_test_setup, fixture_test_teardown),
        cmocka_unit_test_setup_teardown(plain_only, fixture_test_setup, fixture_test_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
