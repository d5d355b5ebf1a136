/* marks: what is written reads back; foreign bytes are bounded and have one form. */
#include "gossip/item.h"
#include "gossip/marks.h"
#include "gossip/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct bytes text(const char *value) { return bytes_of_text(value); }

static struct marks sample(void) {
    struct marks marks = {.pap = PAP_AMBER, .handling = MARKS_H1 | MARKS_H3, .handling_text = text("call first")};
    marks.iep =
        (struct marks_iep){.id = text("8f4b0e9c"), .tlp = IEP_TLP_AMBER, .actions = IEP_INTERNAL, .encrypt = IEP_MUST, .end_ms = 7};
    marks.levels[0] = (struct marks_level){.authority = text("US"), .level = text("S")};
    assert_int_equal(marks_names_add(&marks.levels[0].caveats, text("ORCON")), OK);
    assert_int_equal(marks_names_add(&marks.levels[0].releasable_to, text("FR")), OK);
    assert_int_equal(marks_names_add(&marks.levels[0].releasable_to, text("DE")), OK);
    marks.level_count = 1;
    marks.grades[0] = (struct marks_grade){text("admiralty"), text("C"), text("2")};
    marks.grade_count = 1;
    assert_int_equal(marks_names_add(&marks.purposes, text("research")), OK);
    marks.legal_basis = text("law-12"), marks.case_ref = text("2026/7"), marks.retain_until_ms = 1790000000000;
    marks.personal = marks.police = true;
    marks.group = bytes_of("0123456789abcdef0123456789abcdef", MARKS_GROUP_BYTES);
    marks.unknown = text("x:y"), marks.selector = text("labels.[0]");
    return marks;
}

static void test_round_trip(void **state) {
    (void)state;
    struct marks marks = sample(), back;
    struct buf out = {0}, again = {0};
    assert_int_equal(marks_write(&out, &marks), OK);
    assert_int_equal(marks_decode(&back, bytes_of_buf(&out)), OK);
    assert_int_equal(back.pap, PAP_AMBER);
    assert_int_equal(back.iep.encrypt, IEP_MUST);
    assert_true(bytes_equal_text(back.levels[0].releasable_to.names[0], "DE"));
    assert_true(bytes_equal_text(back.grades[0].source, "C"));
    assert_true(back.personal && back.police && back.retain_until_ms == 1790000000000);
    assert_true(bytes_equal_text(back.selector, "labels.[0]") && back.group.size == MARKS_GROUP_BYTES);
    assert_int_equal(marks_write(&again, &back), OK);
    assert_true(bytes_equal(bytes_of_buf(&out), bytes_of_buf(&again)));
    buf_free(&out);
    buf_free(&again);
}

/* Every prefix, one byte more, and whatever a changed byte decodes to: refused, or the one form of what it means. */
static void test_foreign_bytes(void **state) {
    (void)state;
    struct marks marks = sample(), back;
    struct buf out = {0}, again = {0};
    assert_int_equal(marks_write(&out, &marks), OK);
    for (size_t size = 1; size < out.size; size++) {
        uint8_t *cut = malloc(size);
        assert_non_null(cut);
        memcpy(cut, out.data, size);
        assert_int_not_equal(marks_decode(&back, bytes_of(cut, size)), OK);
        free(cut);
    }
    for (size_t i = 0; i < out.size; i++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t old = out.data[i];
            out.data[i] = (uint8_t)value;
            if (marks_decode(&back, bytes_of_buf(&out)) == OK) {
                buf_clear(&again);
                assert_int_equal(marks_write(&again, &back), OK);
                assert_true(bytes_equal(bytes_of_buf(&out), bytes_of_buf(&again)));
            }
            out.data[i] = old;
        }
    buf_put_u8(&out, 0xc0);
    assert_int_equal(marks_decode(&back, bytes_of_buf(&out)), ERR_FORMAT);
    buf_free(&out);
    buf_free(&again);
}

/* One beyond each bound. */
static void test_bounds(void **state) {
    (void)state;
    char longer[MARKS_TEXT_BYTES_MAX + 2];
    struct buf out = {0};
    struct marks marks = {0};
    assert_int_equal(marks_write(&out, &marks), ERR_RANGE); /* nothing said: no marks */
    memset(longer, 'x', sizeof longer);
    longer[MARKS_TEXT_BYTES_MAX] = 0;
    marks.selector = text(longer);
    assert_int_equal(marks_write(&out, &marks), OK);
    longer[MARKS_TEXT_BYTES_MAX] = 'x', longer[MARKS_TEXT_BYTES_MAX + 1] = 0;
    marks.selector = text(longer);
    assert_int_equal(marks_write(&out, &marks), ERR_RANGE);
    marks = (struct marks){.pap = (enum pap)5};
    assert_int_equal(marks_write(&out, &marks), ERR_RANGE);
    marks = (struct marks){.legal_basis = text("a\nb")};
    assert_int_equal(marks_write(&out, &marks), ERR_RANGE);
    marks = (struct marks){.group = text("short")};
    assert_int_equal(marks_write(&out, &marks), ERR_RANGE);
    marks = (struct marks){.level_count = MARKS_LEVELS_MAX + 1};
    assert_int_equal(marks_write(&out, &marks), ERR_RANGE);
    for (size_t i = 0; i <= MARKS_NAMES_MAX; i++) {
        static char names[MARKS_NAMES_MAX + 1][8];
        snprintf(names[i], sizeof names[i], "n%zu", i);
        assert_int_equal(marks_names_add(&marks.purposes, text(names[i])), i < MARKS_NAMES_MAX ? OK : ERR_LIMIT);
    }
    assert_int_equal(marks_names_add(&marks.purposes, text("n0")), OK); /* there already */
    assert_int_equal(marks_names_add(&marks.purposes, text("")), ERR_RANGE);
    buf_free(&out);
}

static void test_pap(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int pap;
    } rows[] = {{"PAP:RED", PAP_RED},
                {"amber", PAP_AMBER},
                {"pap:green", PAP_GREEN},
                {"PAP:WHITE", PAP_CLEAR},
                {"PAP:CLEAR", PAP_CLEAR},
                {"TLP:RED", -1},
                {"PAP:TLP:RED", -1},
                {"amber+strict", -1},
                {"", -1},
                {"PAP:", -1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum pap pap = PAP_NONE;
        if (pap_parse(&pap, text(rows[i].text)) != (rows[i].pap >= 0) || (rows[i].pap >= 0 && (int)pap != rows[i].pap))
            fail_msg("%s", rows[i].text);
    }
}

/* Marks travel in items of version 2; an item without any stays of version 1. */
static void test_in_items(void **state) {
    (void)state;
    static struct item item, back;
    struct marks marks = sample();
    struct buf encoded = {0}, out = {0};
    assert_int_equal(marks_write(&encoded, &marks), OK);
    item = (struct item){.type = text("url"), .id = text("url--12"), .tlp = TLP_RED, .text = text("{}")};
    assert_int_equal(item_encode(&out, &item), OK);
    assert_int_equal(out.data[0], 0x99);
    buf_clear(&out);
    item.marks = bytes_of_buf(&encoded);
    assert_int_equal(item_encode(&out, &item), OK);
    assert_int_equal(out.data[0], 0x9a);
    assert_int_equal(out.data[1], 2);
    assert_int_equal(item_decode(&back, bytes_of_buf(&out)), OK);
    assert_true(bytes_equal(back.marks, item.marks));
    out.data[1] = 1; /* the version and the count of fields must agree */
    assert_int_equal(item_decode(&back, bytes_of_buf(&out)), ERR_FORMAT);
    out.data[1] = 2, out.data[out.size - 1] = 0x0a; /* a control character in the selector */
    assert_int_equal(item_decode(&back, bytes_of_buf(&out)), ERR_RANGE);
    item.marks = text("x");
    assert_int_not_equal(item_encode(&out, &item), OK);
    buf_free(&encoded);
    buf_free(&out);
}

/* Who hears of sightings came later: it makes an item of version 3, so that a reader that does not know it refuses it by its version. */
static void test_later_key(void **state) {
    (void)state;
    static struct item item, back;
    struct marks marks = {.pap = PAP_RED, .sightings = SIGHTINGS_TO_AUDIENCE}, read;
    struct buf encoded = {0}, out = {0};
    assert_int_equal(marks_write(&encoded, &marks), OK);
    assert_int_equal(marks_decode(&read, bytes_of_buf(&encoded)), OK);
    assert_int_equal(read.sightings, SIGHTINGS_TO_AUDIENCE);
    item = (struct item){.type = text("url"), .id = text("url--12"), .tlp = TLP_RED, .text = text("{}")};
    item.marks = bytes_of_buf(&encoded);
    assert_int_equal(item_encode(&out, &item), OK);
    assert_int_equal(out.data[1], 3);
    assert_int_equal(item_decode(&back, bytes_of_buf(&out)), OK);
    out.data[1] = 2; /* one form of each */
    assert_int_equal(item_decode(&back, bytes_of_buf(&out)), ERR_FORMAT);
    out.data[1] = 4;
    assert_int_equal(item_decode(&back, bytes_of_buf(&out)), ERR_VERSION);
    out.data[1] = 3, out.data[out.size - 1] = 3; /* neither author nor audience */
    assert_int_equal(item_decode(&back, bytes_of_buf(&out)), ERR_RANGE);
    out.data[out.size - 1] = 0;
    assert_int_equal(item_decode(&back, bytes_of_buf(&out)), ERR_RANGE);
    assert_string_equal(sightings_to_name(read.sightings), "audience");
    assert_true(sightings_to_parse(&read.sightings, text("author")) && read.sightings == SIGHTINGS_TO_AUTHOR);
    assert_false(sightings_to_parse(&read.sightings, text("everybody")));
    buf_free(&encoded);
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_foreign_bytes),
                                       cmocka_unit_test(test_bounds),     cmocka_unit_test(test_pap),
                                       cmocka_unit_test(test_in_items),   cmocka_unit_test(test_later_key)};
    return cmocka_run_group_tests_name("marks", tests, NULL, NULL);
}
