/* What a consumer asks and is told: questions, ends, positions and records come out as they went in; everything else is refused. */
#include "node/engine/page_record.h"
#include "node/subscribe/subscriptions.h"
#include "node/subscribe/take_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct take_question question_of_a_token(void) {
    struct take_question question = {.subscription = bytes_of_text("siem"),
                                     .exit = POLICY_LIVE,
                                     .who = bytes_of_text("soc"),
                                     .labels = TAKE_LABELS_ALL,
                                     .limit = 1000,
                                     .at = {1ull << 40, 7},
                                     .filter = bytes_of_text("kind = domain"),
                                     .as_objects = true,
                                     .scope = {.only = true, .count = 2},
                                     .fresh = true,
                                     .kind = TAKE_KIND_CLIENT,
                                     .terms = bytes_of_text("more of it")};
    memset(question.scope.groups[0], 1, HASH_BYTES);
    memset(question.scope.groups[1], 2, HASH_BYTES);
    return question;
}

static void test_question(void **state) {
    (void)state;
    const struct take_question asked = question_of_a_token();
    struct take_question heard;
    struct buf body = {0};
    take_question_write(&body, &asked);
    assert_true(take_question_read(&heard, bytes_of_buf(&body)));
    assert_true(bytes_equal(heard.subscription, asked.subscription) && bytes_equal(heard.who, asked.who));
    assert_true(bytes_equal(heard.filter, asked.filter));
    assert_int_equal(heard.exit, POLICY_LIVE);
    assert_int_equal(heard.labels, TAKE_LABELS_ALL);
    assert_int_equal(heard.limit, 1000);
    assert_int_equal(heard.at.cursor, 1ull << 40);
    assert_int_equal(heard.at.gone, 7);
    assert_true(heard.as_objects && !heard.stored && heard.scope.only && !heard.scope.any);
    assert_int_equal(heard.scope.count, 2);
    assert_true(heard.fresh && heard.kind == TAKE_KIND_CLIENT && bytes_equal(heard.terms, asked.terms));
    assert_memory_equal(heard.scope.groups, asked.scope.groups, 2 * HASH_BYTES);
    for (size_t size = 0; size < body.size; size++) assert_false(take_question_read(&heard, bytes_of(body.data, size)));
    buf_free(&body);
}

/* Whoever names no groups sees those of none; all only when that is said. */
static void test_scope_of_a_question(void **state) {
    (void)state;
    struct take_question asked = question_of_a_token(), heard;
    struct buf body = {0};
    asked.scope = (struct scope){0};
    take_question_write(&body, &asked);
    assert_true(take_question_read(&heard, bytes_of_buf(&body)));
    assert_false(heard.scope.any || heard.scope.only || scope_takes(&heard.scope, bytes_of(asked.scope.groups[0], HASH_BYTES)));
    asked.scope.any = true;
    buf_clear(&body);
    take_question_write(&body, &asked);
    assert_true(take_question_read(&heard, bytes_of_buf(&body)));
    assert_true(heard.scope.any && scope_takes(&heard.scope, bytes_of(asked.scope.groups[0], HASH_BYTES)));
    buf_free(&body);
}

/* Who keeps what it is told says so, and hears two numbers more. */
static void test_who_keeps(void **state) {
    (void)state;
    struct take_question asked = question_of_a_token(), heard;
    const struct take_end end = {.at = {500, 20}, .keeps = true, .terms = UINT64_MAX, .until_ms = 1800000000000};
    struct take_end end_heard;
    struct buf body = {0};
    take_question_write(&body, &asked);
    assert_true(take_question_read(&heard, bytes_of_buf(&body)) && !heard.keeps);
    asked.keeps = true;
    buf_clear(&body);
    take_question_write(&body, &asked);
    assert_true(take_question_read(&heard, bytes_of_buf(&body)) && heard.keeps && heard.scope.count == 2);
    for (size_t size = 0; size < body.size; size++) assert_false(take_question_read(&heard, bytes_of(body.data, size)));
    buf_clear(&body);
    take_end_write(&body, &end);
    assert_int_equal(take_end_read(&end_heard, bytes_of_buf(&body)), OK);
    assert_true(end_heard.keeps && end_heard.terms == UINT64_MAX && end_heard.until_ms == 1800000000000 && !end_heard.reset);
    for (size_t size = 0; size < body.size; size++) assert_true(take_end_read(&end_heard, bytes_of(body.data, size)) != OK);
    body.data[0] = 0x96;
    assert_int_equal(take_end_read(&end_heard, bytes_of_buf(&body)), ERR_FORMAT);
    buf_free(&body);
}

/* The first eight values are enough: all groups then, no filter, pages. */
static void test_question_cut_short(void **state) {
    (void)state;
    struct take_question heard;
    struct buf body = {0};
    pack_write_array(&body, 8);
    pack_write_str(&body, bytes_of_text(""));
    pack_write_uint(&body, POLICY_LOCAL);
    pack_write_str(&body, bytes_of_text("soc"));
    pack_write_uint(&body, 2);
    pack_write_uint(&body, 0);
    pack_write_bool(&body, false);
    pack_write_uint(&body, 3);
    pack_write_uint(&body, 4);
    assert_true(take_question_read(&heard, bytes_of_buf(&body)));
    assert_true(heard.scope.any && !heard.as_objects && heard.filter.size == 0);
    body.data[0] = 0x97;
    assert_false(take_question_read(&heard, bytes_of_buf(&body)));
    buf_free(&body);
}

static void test_question_out_of_range(void **state) {
    (void)state;
    char name[SUBSCRIPTION_NAME_BYTES_MAX + 2];
    memset(name, 'a', sizeof name);
    for (unsigned i = 0; i < 8; i++) {
        struct take_question asked = question_of_a_token(), heard;
        struct buf body = {0};
        if (i == 0) asked.subscription = bytes_of(name, sizeof name - 1);
        if (i == 1) asked.who = bytes_of(name, sizeof name - 1);
        if (i == 2) asked.exit = POLICY_EXIT_END;
        if (i == 3) asked.subscription = bytes_of(NULL, 0), asked.stored = true, asked.fresh = false; /* whose position? */
        if (i == 5) asked.stored = true;                                                              /* and fresh: which? */
        if (i == 6) asked.kind = TAKE_KIND_SUBSCRIPTION;
        if (i == 7) asked.terms = bytes_of(name, TAKE_TERMS_BYTES + 1);
        take_question_write(&body, &asked);
        if (i == 4) buf_put_u8(&body, 0xc0);
        assert_false(take_question_read(&heard, bytes_of_buf(&body)));
        buf_free(&body);
    }
}

static void test_end_and_taken(void **state) {
    (void)state;
    const struct take_end end = {.count = 3, .at = {500, 20}, .more = true, .reset = true};
    const struct take_taken taken = {bytes_of_text("siem"), {500, 20}, 3};
    struct take_end end_heard;
    struct take_taken taken_heard;
    struct buf body = {0};
    take_end_write(&body, &end);
    assert_int_equal(take_end_read(&end_heard, bytes_of_buf(&body)), OK);
    assert_true(end_heard.count == 3 && end_heard.at.cursor == 500 && end_heard.at.gone == 20 && end_heard.more && end_heard.reset);
    for (size_t size = 0; size < body.size; size++) assert_true(take_end_read(&end_heard, bytes_of(body.data, size)) != OK);
    buf_clear(&body);
    take_taken_write(&body, &taken);
    assert_true(take_taken_read(&taken_heard, bytes_of_buf(&body)));
    assert_true(bytes_equal(taken_heard.subscription, taken.subscription) && taken_heard.delivered == 3);
    assert_true(taken_heard.at.cursor == 500 && taken_heard.at.gone == 20);
    for (size_t size = 0; size < body.size; size++) assert_false(take_taken_read(&taken_heard, bytes_of(body.data, size)));
    buf_free(&body);
}

static void test_records(void **state) {
    (void)state;
    const struct page_record written[] = {
        {1, 2, TLP_CLEAR, CONTROL_VERSION_LAST, bytes_of_text("cert.example"), bytes_of_text("an item")},
        {3, 0, TLP_RED, CONTROL_VERSION_GONE, bytes_of_text(""), bytes_of_text("")},
    };
    struct page_record read;
    struct buf body = {0};
    for (size_t i = 0; i < 2; i++) page_record_write(&body, &written[i]);
    assert_int_equal(body.size, page_record_bytes(&written[0]) + page_record_bytes(&written[1]));
    struct cursor in = cursor_of(bytes_of_buf(&body));
    for (size_t i = 0; i < 2; i++) {
        assert_true(page_record_read(&read, &in));
        assert_true(read.cursor == written[i].cursor && read.added_us == written[i].added_us && read.tlp == written[i].tlp);
        assert_true(page_record_gone(&read) == (i == 1));
        assert_true(bytes_equal(read.author, written[i].author) && bytes_equal(read.encoded, written[i].encoded));
    }
    assert_int_equal(in.left, 0);
    for (size_t size = 0; size < page_record_bytes(&written[0]); size++) {
        in = cursor_of(bytes_of(body.data, size));
        assert_false(page_record_read(&read, &in));
    }
    body.data[16] = TLP_RED + 1;
    in = cursor_of(bytes_of_buf(&body));
    assert_false(page_record_read(&read, &in));
    buf_free(&body);
}

static void test_causes(void **state) {
    (void)state;
    struct buf text = {0};
    take_cause_write(&text, "recall");
    assert_true(bytes_equal_text(bytes_of_buf(&text), "{\"cause\":\"recall\"}"));
    assert_true(bytes_equal_text(take_cause_read(bytes_of_buf(&text)), "recall"));
    assert_int_equal(take_cause_read(bytes_of_text("{\"because\":\"recall\"}")).size, 0);
    assert_int_equal(take_cause_read(bytes_of_text("{\"cause\":\"")).size, 0);
    assert_int_equal(take_cause_read(bytes_of(NULL, 0)).size, 0);
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_question),
        cmocka_unit_test(test_scope_of_a_question),
        cmocka_unit_test(test_who_keeps),
        cmocka_unit_test(test_question_cut_short),
        cmocka_unit_test(test_question_out_of_range),
        cmocka_unit_test(test_end_and_taken),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_causes),
    };
    return cmocka_run_group_tests_name("take_wire", tests, NULL, NULL);
}
