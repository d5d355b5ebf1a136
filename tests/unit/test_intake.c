#include "node/formats/intake.h"

#include "tests/unit/fixture_intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define OBJECT "{\"type\":\"ipv4-addr\",\"id\":\"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4\",\"value\":\"198.51.100.3\"}"

static struct taking taking;

static int setup(void **state) {
    (void)state;
    taking_init(&taking);
    return 0;
}
static int teardown(void **state) {
    (void)state;
    taking_free(&taking);
    return 0;
}

/* The format shows in the first line that says something, in pieces of any size, behind a byte order mark or not. */
static void test_detection(void **state) {
    (void)state;
    static const struct {
        const char *input;
        enum intake_format format;
        size_t items;
    } cases[] = {
        {"", INTAKE_AUTO, 0},
        {" \n\t", INTAKE_LIST, 0},
        {OBJECT, INTAKE_STIX, 1},
        {"\xef\xbb\xbf\n " OBJECT, INTAKE_STIX, 1},
        {"[" OBJECT "," OBJECT "]", INTAKE_STIX, 2},
        {OBJECT "\n" OBJECT "\n", INTAKE_STIX, 2},
        {"evil.example\n192.0.2.1\n", INTAKE_LIST, 2},
        {"\xef\xbb\xbf"
         "evil.example",
         INTAKE_LIST, 1},
        {"# value,type\n\nevil.example\n", INTAKE_LIST, 1},
        {"value\nevil.example\n", INTAKE_LIST, 1},
        {"value,type\nevil.example,domain\n", INTAKE_CSV, 1},
        {"\xef\xbb\xbf# about\n\nfirst;ioc\n1;evil.example\n", INTAKE_CSV, 1},
        {"192.0.2.1\t10\n192.0.2.2\t9\n", INTAKE_LIST, 2},
        {"# only a comment", INTAKE_LIST, 0},
        {"\xef\xbb", INTAKE_LIST, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t chunk = 1; chunk <= strlen(cases[i].input) + 1; chunk++) {
            taking_run(&taking, bytes_of_text(cases[i].input), chunk);
            if (taking.format != cases[i].format || taking.item_count != cases[i].items)
                fail_msg("case %zu in pieces of %zu: %s, %zu items", i, chunk, intake_format_name(taking.format),
                         taking.item_count);
        }
}

/* A byte order mark counts in places, and a long opening of comments is no obstacle. */
static void test_places(void **state) {
    (void)state;
    taking_run_text(&taking, "\xef\xbb\xbf"
                             "evil.example\n192.0.2.1\n");
    assert_int_equal(taking.items[0].place.byte_offset, 3);
    assert_int_equal(taking.items[1].place.byte_offset, 16);
    taking_run_text(&taking, "\xef\xbb\xbf [\n" OBJECT "]");
    assert_int_equal(taking.items[0].place.byte_offset, 6);
    assert_int_equal(taking.items[0].place.line, 2);
    struct buf text = {0};
    for (size_t i = 0; i < 5000; i++) buf_put_text(&text, "# comment, value, type\n");
    buf_put_text(&text, "192.0.2.1\n");
    taking_run(&taking, bytes_of_buf(&text), 10000);
    assert_int_equal(taking.item_count, 1);
    assert_int_equal(taking.items[0].place.line, 5001);
    buf_free(&text);
}

/* An explicit format is not second-guessed. */
static void test_explicit(void **state) {
    (void)state;
    taking.options.format = INTAKE_LIST;
    taking_run_text(&taking, "value,type\nevil.example\n");
    assert_int_equal(taking.item_count, 1);
    assert_int_equal(taking.refusal_count, 1);
    taking.options.format = INTAKE_STIX;
    taking_run_text(&taking, "evil.example\n");
    assert_int_equal(taking.error, ERR_SYNTAX);
    taking.options.format = INTAKE_AUTO;
}

/* A smaller cap on objects is kept. */
static void test_cap(void **state) {
    (void)state;
    taking.options.object_bytes_max = sizeof OBJECT - 2;
    taking_run_text(&taking, OBJECT);
    assert_true(taking.item_count == 0 && taking.refusal_count == 1);
    taking.options.object_bytes_max = sizeof OBJECT - 1;
    taking_run_text(&taking, OBJECT);
    assert_int_equal(taking.item_count, 1);
    taking.options.object_bytes_max = 0;
}

/* After accept says stop, and after a fatal error, every call says the same. */
static void test_sticky(void **state) {
    (void)state;
    taking.stop_after = 1;
    taking_run(&taking, bytes_of_text("192.0.2.1\n192.0.2.2\n"), 1);
    assert_int_equal(taking.error, ERR_CLOSED);
    assert_int_equal(taking.item_count, 1);
    taking.stop_after = 0;
    struct intake *intake = intake_new(&taking.options);
    assert_int_equal(intake_feed(intake, bytes_of_text("{]")), ERR_SYNTAX);
    assert_int_equal(intake_feed(intake, bytes_of_text("{}")), ERR_SYNTAX);
    assert_int_equal(intake_finish(intake), ERR_SYNTAX);
    intake_free(intake);
    intake_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detection), cmocka_unit_test(test_places), cmocka_unit_test(test_explicit),
        cmocka_unit_test(test_cap),       cmocka_unit_test(test_sticky),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
