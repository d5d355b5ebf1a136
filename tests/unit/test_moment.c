#include "node/formats/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* Moments whose numbers are known from elsewhere (date -u +%s%3N). */
static void test_known(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } cases[] = {
        {"2022-10-27T13:49:54.326Z", 1666878594326},
        {"1970-01-01T00:00:01Z", 1000},
        {"2000-02-29T12:00:00Z", 951825600000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"2024-02-29T00:00:00.5Z", 1709164800500},
        {"2021-01-01T00:00:00.123456789Z", 1609459200123},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"1969-12-31T23:59:59Z", 1},
        {"1970-01-01T00:00:00Z", 1},
        {"0000-01-01T00:00:00Z", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t ms = 0;
        assert_true(moment_parse(&ms, bytes_of_text(cases[i].text)));
        if (ms != cases[i].ms) fail_msg("%s: %llu", cases[i].text, (unsigned long long)ms);
    }
}

/* Dates that do not exist, and other forms of time than STIX's. */
static void test_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "2022-101-27T13:49:54.326Z",
        "2022-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2022-04-31T00:00:00Z",
        "2022-13-01T00:00:00Z",
        "2022-00-01T00:00:00Z",
        "2022-01-00T00:00:00Z",
        "2022-01-01T24:00:00Z",
        "2022-01-01T00:60:00Z",
        "2022-01-01T00:00:61Z",
        "2022-01-01T00:00:00",
        "2022-01-01T00:00:00z",
        "2022-01-01t00:00:00Z",
        "2022-01-01 00:00:00Z",
        "2022-01-01T00:00:00.Z",
        "2022-01-01T00:00:00.1x3Z",
        "2022-01-01T00:00:00+00:00",
        "2022-01-01T00:00:00.000+00:00Z",
        "2022-01-01T00:00Z",
        "2022-01-01",
        "20220101T000000Z",
        "-022-01-01T00:00:00Z",
        "2022-01-0\xff"
        "T00:00:00Z",
    };
    uint64_t ms;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (moment_parse(&ms, bytes_of_text(cases[i]))) fail_msg("%s was read", cases[i]);
}

/* Every day of four centuries comes back from its text. */
static void test_round_trip(void **state) {
    (void)state;
    for (uint64_t ms = 1; ms < 146097ull * 86400000; ms += 86400000 - 1) {
        char text[MOMENT_TEXT_BYTES];
        uint64_t back;
        moment_text(text, ms);
        assert_true(moment_parse(&back, bytes_of_text(text)));
        assert_true(back == ms);
    }
    char text[MOMENT_TEXT_BYTES];
    moment_text(text, UINT64_MAX);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
