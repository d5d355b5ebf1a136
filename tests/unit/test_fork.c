/* fork: two runs that part make a proof, in one order; anything else makes none. */
#include "gossip/fork.h"
#include "tests/unit/fixture_gossip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define AGENCY 100

static struct agency agency;
static struct buf chain;

/* A run of `count` entries from `seq` on, behind an entry of id `previous`. */
static struct buf run_of(uint64_t seq, const uint8_t *previous, size_t count, uint8_t salt) {
    struct buf out = {0};
    uint8_t before[HASH_BYTES];
    struct entry entry;
    memcpy(before, previous, HASH_BYTES);
    for (size_t i = 0; i < count; i++) {
        size_t at = out.size;
        fixture_entry(&out, &agency, AGENCY, ENTRY_STATEMENT, seq + i, before, bytes_of(&salt, 1));
        assert_int_equal(entry_parse(&entry, bytes_of(out.data + at, out.size - at)), OK);
        memcpy(before, entry.id, HASH_BYTES);
    }
    return out;
}

static enum err proven(const struct buf *a, const struct buf *b) {
    struct fork fork;
    enum err err = fork_make(&fork, bytes_of_buf(a), bytes_of_buf(b));
    return err == OK ? fork_verify(&fork, agency.id, agency.nodes[0].sign_public) : err;
}

static void test_proof(void **state) {
    const uint8_t common[HASH_BYTES] = {9}, other[HASH_BYTES] = {8};
    (void)state;
    struct buf a = run_of(5, common, 3, 1), b = run_of(5, common, 1, 2);
    struct buf later = run_of(6, common, 1, 3), elsewhere = run_of(5, other, 1, 2);
    struct fork one, two;
    assert_int_equal(proven(&a, &b), OK);
    assert_int_equal(proven(&b, &a), OK);
    assert_int_equal(proven(&a, &a), ERR_FORMAT);
    assert_int_equal(proven(&a, &later), ERR_FORMAT);
    assert_int_equal(proven(&a, &elsewhere), ERR_FORMAT);
    /* One proof, one form. */
    assert_int_equal(fork_make(&one, bytes_of_buf(&a), bytes_of_buf(&b)), OK);
    assert_int_equal(fork_make(&two, bytes_of_buf(&b), bytes_of_buf(&a)), OK);
    assert_memory_equal(one.first_id, two.first_id, sizeof one.first_id);
    assert_int_equal(fork_read(&two, one.runs[0], one.runs[1]), OK);
    assert_int_equal(fork_read(&two, one.runs[1], one.runs[0]), ERR_FORMAT);
    assert_int_equal(one.seq, 5);
    assert_memory_equal(one.previous, common, HASH_BYTES);
    /* Another agency's name, another key, a broken chain, half an entry, nothing. */
    assert_int_equal(fork_verify(&one, other, agency.nodes[0].sign_public), ERR_FORMAT);
    a.data[a.size - 1] ^= 1;
    assert_int_equal(proven(&a, &b), ERR_SIGNATURE);
    a.data[ENTRY_HEADER_BYTES] ^= 1;
    assert_int_equal(proven(&a, &b), ERR_FORMAT);
    a.size = 3;
    assert_int_equal(proven(&a, &b), ERR_FORMAT);
    a.size = 0;
    assert_int_equal(proven(&a, &b), ERR_FORMAT);
    buf_free(&a), buf_free(&b), buf_free(&later), buf_free(&elsewhere);
}

/* The proof holds no more of a run than it takes to reach a good signature. */
static void test_shorten(void **state) {
    const uint8_t common[HASH_BYTES] = {9};
    const uint8_t *key = agency.nodes[0].sign_public;
    (void)state;
    struct buf run = run_of(5, common, 3, 1);
    size_t one = run.size / 3;
    assert_int_equal(fork_run_shorten(bytes_of_buf(&run), key).size, one);
    run.data[one - 1] ^= 1;
    assert_int_equal(fork_run_shorten(bytes_of_buf(&run), key).size, 2 * one);
    run.data[2 * one - 1] ^= 1;
    run.data[3 * one - 1] ^= 1;
    assert_int_equal(fork_run_shorten(bytes_of_buf(&run), key).size, 0);
    assert_int_equal(fork_run_shorten(bytes_of(NULL, 0), key).size, 0);
    buf_free(&run);
}

/* A run at the limit passes, one entry more does not. */
static void test_size(void **state) {
    const uint8_t common[HASH_BYTES] = {9};
    (void)state;
    struct buf small = run_of(5, common, 1, 2), large = run_of(5, common, FORK_RUN_BYTES_MAX / small.size, 1);
    struct buf larger = run_of(5, common, FORK_RUN_BYTES_MAX / small.size + 1, 1);
    assert_int_equal(proven(&large, &small), OK);
    assert_int_equal(proven(&larger, &small), ERR_TOO_BIG);
    buf_free(&small), buf_free(&large), buf_free(&larger);
}

static int setup(void **state) {
    (void)state;
    fixture_agency(&chain, &agency, AGENCY);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_free(&chain);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proof),
        cmocka_unit_test(test_shorten),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests_name("fork", tests, setup, teardown);
}
