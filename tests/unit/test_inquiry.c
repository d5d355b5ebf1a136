/* inquiry and sighting: what is said of a request or of an object's worth has one form, and a request goes one way. */
#include "gossip/inquiry.h"
#include "gossip/pack.h"
#include "gossip/sighting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct inquiry inquiry_good(void) {
    return (struct inquiry){.id = {1},
                            .asked = {2},
                            .kind = 2,
                            .urgency = INQUIRY_URGENT,
                            .asked_ms = 1000,
                            .deadline_ms = 2000,
                            .about = INQUIRY_ABOUT_VALUE,
                            .about_text = bytes_of_text("198.51.100.7"),
                            .legal_basis = bytes_of_text("Art. 4"),
                            .purpose = bytes_of_text("case 7"),
                            .text = bytes_of_text("Who was that?")};
}

static void test_question(void **state) {
    struct inquiry inquiry = inquiry_good(), again;
    struct buf out = {0};
    (void)state;
    assert_int_equal(inquiry_encode(&out, &inquiry), OK);
    assert_int_equal(inquiry_decode(&again, bytes_of_buf(&out)), OK);
    assert_memory_equal(again.id, inquiry.id, INQUIRY_ID_BYTES);
    assert_int_equal(again.deadline_ms, 2000);
    assert_true(bytes_equal(again.text, inquiry.text) && bytes_equal(again.about_text, inquiry.about_text));
    for (size_t size = 0; size < out.size; size++) assert_int_not_equal(inquiry_decode(&again, bytes_of(out.data, size)), OK);
    struct inquiry bad[6];
    for (size_t i = 0; i < 6; i++) bad[i] = inquiry;
    bad[0].kind = INQUIRY_KIND_LAST + 1;
    bad[1].deadline_ms = bad[1].asked_ms;
    bad[2].about = INQUIRY_ABOUT_NOTHING;
    bad[3].about_text.size = 0;
    bad[4].urgency = (enum inquiry_urgency)0;
    bad[5].text = bytes_of("\xff", 1);
    for (size_t i = 0; i < 6; i++) assert_int_equal(inquiry_encode(&out, &bad[i]), ERR_RANGE);
    buf_free(&out);
}

static void test_news(void **state) {
    struct buf objects = {0}, out = {0};
    struct inquiry_news news = {.id = {1}, .state = INQUIRY_ANSWERED, .at_ms = 5, .object_count = 2}, again;
    struct bytes rest, id;
    (void)state;
    pack_write_str(&objects, bytes_of_text("indicator--1"));
    pack_write_str(&objects, bytes_of_text("malware--2"));
    news.objects = bytes_of_buf(&objects);
    assert_int_equal(inquiry_news_encode(&out, &news), OK);
    assert_int_equal(inquiry_news_decode(&again, bytes_of_buf(&out)), OK);
    rest = again.objects;
    assert_true(inquiry_object_next(&rest, &id) && bytes_equal_text(id, "indicator--1"));
    assert_true(inquiry_object_next(&rest, &id) && bytes_equal_text(id, "malware--2"));
    assert_false(inquiry_object_next(&rest, &id));
    for (size_t size = 0; size < out.size; size++) assert_int_not_equal(inquiry_news_decode(&again, bytes_of(out.data, size)), OK);
    news.object_count = 1;
    assert_int_equal(inquiry_news_encode(&out, &news), ERR_RANGE);
    news.object_count = 0, news.objects.size = 0, news.state = INQUIRY_REFUSED;
    assert_int_equal(inquiry_news_encode(&out, &news), ERR_RANGE); /* without a reason */
    news.reason = bytes_of_text("not ours to tell");
    buf_clear(&out);
    assert_int_equal(inquiry_news_encode(&out, &news), OK);
    news.state = INQUIRY_SENT;
    assert_int_equal(inquiry_news_encode(&out, &news), ERR_RANGE);
    buf_free(&objects), buf_free(&out);
}

/* Forward only; an answer and a refusal are final. */
static void test_order(void **state) {
    (void)state;
    for (int before = 0; before < INQUIRY_STATES; before++)
        for (int after = 0; after < INQUIRY_STATES; after++) {
            bool expected = after > before && before < INQUIRY_ANSWERED && after != INQUIRY_EXPIRED;
            assert_int_equal(inquiry_follows((enum inquiry_state)before, (enum inquiry_state)after), expected);
        }
}

static void test_names(void **state) {
    enum inquiry_urgency urgency;
    (void)state;
    for (uint8_t kind = 1; kind <= INQUIRY_KIND_LAST; kind++)
        assert_int_equal(inquiry_kind_of(bytes_of_text(inquiry_kind_name(kind))), kind);
    assert_int_equal(inquiry_kind_of(bytes_of_text("gossip")), 0);
    assert_null(inquiry_kind_name(INQUIRY_KIND_LAST + 1));
    assert_true(inquiry_urgency_of(&urgency, bytes_of_text("immediate")) && urgency == INQUIRY_IMMEDIATE);
    assert_false(inquiry_urgency_of(&urgency, bytes_of_text("soon")));
    assert_string_equal(inquiry_state_name(INQUIRY_PARTLY_ANSWERED), "partly-answered");
}

static void test_sighting(void **state) {
    struct sighting sighting = {
        .object_id = bytes_of_text("indicator--1"), .author = {4}, .total = SIGHTING_COUNT_MAX, .last_ms = 9};
    struct sighting again;
    struct buf out = {0};
    (void)state;
    sighting.kind = SIGHTING_EXPIRED;
    assert_int_equal(sighting_encode(&out, &sighting), OK);
    assert_int_equal(sighting_decode(&again, bytes_of_buf(&out)), OK);
    assert_int_equal(again.kind, SIGHTING_EXPIRED);
    assert_true(again.total == SIGHTING_COUNT_MAX);
    for (size_t size = 0; size < out.size; size++) assert_int_not_equal(sighting_decode(&again, bytes_of(out.data, size)), OK);
    struct sighting bad[4];
    for (size_t i = 0; i < 4; i++) bad[i] = sighting;
    bad[0].total++;
    bad[1].total = 0;
    bad[2].kind = (enum sighting_kind)(SIGHTING_OPINION + 1);
    bad[3].first_ms = 10;
    for (size_t i = 0; i < 4; i++) assert_int_equal(sighting_encode(&out, &bad[i]), ERR_RANGE);
    buf_free(&out);
}

/* Of counts the larger one counts, of opinions the later; an opinion has a version of its own, so that who cannot read it says so. */
static void test_opinion(void **state) {
    struct sighting opinion = {
        .object_id = bytes_of_text("indicator--1"), .author = {4}, .kind = SIGHTING_OPINION, .total = OPINION_AGREE, .last_ms = 9};
    struct sighting later = opinion, again, count = opinion;
    struct buf out = {0};
    uint64_t word;
    (void)state;
    assert_int_equal(sighting_encode(&out, &opinion), OK);
    assert_int_equal(out.data[1], 2);
    assert_int_equal(sighting_decode(&again, bytes_of_buf(&out)), OK);
    assert_true(again.kind == SIGHTING_OPINION && again.total == OPINION_AGREE);
    out.data[1] = 1;
    assert_int_equal(sighting_decode(&again, bytes_of_buf(&out)), ERR_FORMAT);
    later.total = OPINION_DISAGREE, later.last_ms = 10;
    assert_true(sighting_follows(&opinion, &later) && !sighting_follows(&later, &opinion) && !sighting_follows(&opinion, &opinion));
    count.kind = SIGHTING_SEEN, count.total = 7;
    again = count, again.total = 6, again.last_ms = 99;
    assert_true(!sighting_follows(&count, &again) && sighting_follows(&again, &count));
    opinion.total = OPINION_STRONGLY_AGREE + 1;
    assert_int_equal(sighting_encode(&out, &opinion), ERR_RANGE);
    assert_true(opinion_parse(&word, bytes_of_text("strongly-disagree")) && word == OPINION_STRONGLY_DISAGREE);
    assert_false(opinion_parse(&word, bytes_of_text("maybe")));
    assert_null(opinion_name(0));
    buf_free(&out);
}

static void test_told(void **state) {
    struct sighting_told told = {.agency_id = {1}, .node_id = {2}}, again;
    struct buf out = {0};
    (void)state;
    told.sighting = (struct sighting){.object_id = bytes_of_text("indicator--1"), .author = {4}, .total = 3};
    assert_int_equal(sighting_told_encode(&out, &told), OK);
    assert_int_equal(sighting_told_decode(&again, bytes_of_buf(&out)), OK);
    assert_true(again.agency_id[0] == 1 && again.node_id[0] == 2 && again.sighting.total == 3);
    for (size_t size = 0; size < out.size; size++) assert_int_not_equal(sighting_told_decode(&again, bytes_of(out.data, size)), OK);
    out.data[1] = 2;
    assert_int_equal(sighting_told_decode(&again, bytes_of_buf(&out)), ERR_VERSION);
    told.sighting.total = 0;
    assert_int_equal(sighting_told_encode(&out, &told), ERR_RANGE);
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_question), cmocka_unit_test(test_news),    cmocka_unit_test(test_order), cmocka_unit_test(test_names),
        cmocka_unit_test(test_sighting), cmocka_unit_test(test_opinion), cmocka_unit_test(test_told),
    };
    return cmocka_run_group_tests_name("inquiry", tests, NULL, NULL);
}
