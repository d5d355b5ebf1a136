/* Objects as MISP's ZeroMQ plugin would publish them: each frame is a topic, a blank and JSON. */
#include "node/formats/jsonwalk.h"
#include "node/live/live_topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGES_MAX 64

static char messages[MESSAGES_MAX][16 * 1024];
static size_t count;

static void on_message(void *context, struct bytes message) {
    (void)context;
    assert_true(count < MESSAGES_MAX && message.size < sizeof messages[0]);
    memcpy(messages[count], message.data, message.size);
    messages[count++][message.size] = 0;
}

/* An indicator for values of one kind. */
static void object_fill(struct answer *out, const char *author, enum tlp tlp, const char *const *values, size_t value_count) {
    *out = (struct answer){.author = bytes_of_text(author), .tlp = tlp, .arrived_ms = 1700000000000};
    out->item.type = bytes_of_text("indicator");
    out->item.id = bytes_of_text("indicator--11111111-1111-4111-8111-111111111111");
    out->item.tlp = tlp;
    for (size_t i = 0; i < value_count; i++)
        out->item.observables[i] = (struct observable){OBSERVABLE_TEXT, bytes_of_text(values[i])};
    out->item.observable_count = value_count;
}

static void nothing_open(void *context, bool object) { (void)context, (void)object; }
static void nothing_text(void *context, struct bytes text) { (void)context, (void)text; }
static void nothing_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    (void)context, (void)scalar, (void)number;
}

static void json_is_good(const char *text) {
    static const struct jsonwalk_events events = {nothing_open, nothing_open, nothing_text, nothing_text, nothing_scalar};
    struct jsonwalk *walk = jsonwalk_new(&events);
    struct jsonwalk_fault fault;
    assert_non_null(walk);
    if (jsonwalk_run(walk, bytes_of_text(text), NULL, &fault) != OK) fail_msg("no JSON: %s", text);
    jsonwalk_free(walk);
}

static size_t with(const char *topic) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) found += strncmp(messages[i], topic, strlen(topic)) == 0;
    return found;
}

/* Every value is one attribute, whatever stands in it; every author and label one event. */
static void test_topics(void **state) {
    (void)state;
    static const char *const hard[] = {
        "plain", "}]},{\"Attribute\":[", "\\\"}],", "{\"Event\":{\"Attribute\":[{}", "line\nbreak\t", "\\\\", "[", "\xc3\xa4"};
    static const char *const one[] = {"other"};
    struct live_topics *topics = live_topics_new(on_message, NULL);
    static struct answer answer;
    assert_non_null(topics);
    count = 0;
    object_fill(&answer, "cert.a", TLP_CLEAR, hard, sizeof hard / sizeof *hard);
    assert_int_equal(live_topics_add(topics, &answer), OK);
    object_fill(&answer, "cert.b", TLP_GREEN, one, 1);
    assert_int_equal(live_topics_add(topics, &answer), OK);
    assert_int_equal(count, 0);
    assert_int_equal(live_topics_finish(topics), OK);
    assert_int_equal(with("misp_json_event {\"Event\":{"), 2);
    assert_int_equal(with("misp_json_attribute {\"Attribute\":{"), 9);
    assert_int_equal(count, 11);
    for (size_t i = 0; i < count; i++) {
        json_is_good(strchr(messages[i], ' ') + 1);
        bool attribute = strncmp(messages[i], "misp_json_attribute", 19) == 0;
        assert_true(attribute == (strstr(messages[i], ",\"action\":\"add\"}") != NULL));
    }
    live_topics_free(topics);
}

/* The attributes of an event's objects are told too; what only looks like a list of them is not. */
static void test_objects(void **state) {
    (void)state;
    static const char event[] =
        "{\"Event\":{\"info\":\"\\\"Attribute\\\":[{}]\",\"Tag\":[{\"Attribute\":[{\"deep\":1}]}],"
        "\"Attribute\":[],\"Object\":[{\"name\":\"file\",\"Attribute\":[{\"value\":\"a\"},{\"value\":\"b]}\"}]},"
        "{\"Attribute\":[{\"value\":\"c\",\"Tag\":[{\"name\":\"x\"}]}]}]}}\n";
    struct live_topics *topics = live_topics_new(on_message, NULL);
    assert_non_null(topics);
    count = 0;
    live_topics_event(topics, bytes_of_text(event));
    assert_int_equal(count, 5);
    assert_int_equal(with("misp_json_event {\"Event\":{\"info\""), 1);
    assert_int_equal(with("misp_json_attribute {\"Attribute\":{\"deep\":1}"), 1); /* of a list of objects, whatever its name */
    assert_int_equal(with("misp_json_attribute {\"Attribute\":{\"value\":\"a\"},\"action\":\"add\"}"), 1);
    assert_int_equal(with("misp_json_attribute {\"Attribute\":{\"value\":\"b]}\"},"), 1);
    assert_int_equal(with("misp_json_attribute {\"Attribute\":{\"value\":\"c\",\"Tag\":[{\"name\":\"x\"}]},"), 1);
    live_topics_free(topics);
}

/* What has no value tells nothing. */
static void test_nothing(void **state) {
    (void)state;
    static struct answer answer;
    struct live_topics *topics = live_topics_new(on_message, NULL);
    assert_non_null(topics);
    count = 0;
    object_fill(&answer, "cert.a", TLP_CLEAR, NULL, 0);
    assert_int_equal(live_topics_add(topics, &answer), OK);
    assert_int_equal(live_topics_finish(topics), OK);
    assert_int_equal(count, 0);
    live_topics_free(topics);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_topics), cmocka_unit_test(test_objects),
                                       cmocka_unit_test(test_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
