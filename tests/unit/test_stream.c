/* stream: what waits in it of a log that turned out to be forked goes out no more. */
#include "gossip/core.h"
#include "tests/unit/fixture_gossip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void put(struct link *link, const struct agency *agency, uint32_t number, uint64_t seq) {
    static const uint8_t previous[HASH_BYTES] = {1};
    fixture_entry(&link->stream.out, agency, number, ENTRY_STATEMENT, seq, previous, bytes_of("x", 1));
}

static void test_drop(void **state) {
    struct buf chains[2] = {{0}, {0}}, kept = {0};
    struct agency agencies[2];
    struct link link = {.number = 1, .log_count = 2};
    (void)state;
    link.logs = calloc(2, sizeof *link.logs);
    assert_non_null(link.logs);
    link.logs[0].told = 12, link.logs[1].told = 22;
    for (uint32_t i = 0; i < 2; i++) fixture_agency(&chains[i], &agencies[i], 100 * (i + 1));
    put(&link, &agencies[1], 200, 21);
    put(&link, &agencies[0], 100, 11), put(&link, &agencies[0], 100, 12);
    put(&link, &agencies[1], 200, 22);
    struct entry entry;
    size_t size = 0, total = link.stream.out.size;
    for (size_t at = 0; at < total; at += size) {
        assert_int_equal(entry_parse(&entry, bytes_of(link.stream.out.data + at, total - at)), OK);
        size = entry.size;
        if (entry.seq > 20) buf_put(&kept, bytes_of(link.stream.out.data + at, size));
    }
    stream_drop(&link, 0, agencies[0].nodes[0].id);
    assert_true(bytes_equal(bytes_of_buf(&link.stream.out), bytes_of_buf(&kept)));
    assert_int_equal(link.logs[0].told, 0); /* the front is told anew */
    assert_int_equal(link.logs[1].told, 22);
    /* Again: nothing is left of it, and nothing happens. */
    link.logs[0].told = 10;
    stream_drop(&link, 0, agencies[0].nodes[0].id);
    assert_true(bytes_equal(bytes_of_buf(&link.stream.out), bytes_of_buf(&kept)));
    assert_int_equal(link.logs[0].told, 10);
    for (size_t i = 0; i < 2; i++) buf_free(&chains[i]);
    buf_free(&kept);
    link_free(&link);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drop)};
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
