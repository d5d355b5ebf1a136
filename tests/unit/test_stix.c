#define _GNU_SOURCE /* memmem */
#include "node/formats/stix.h"

#include "tests/unit/fixture_intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define UUID      "8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f"
#define INDICATOR "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--" UUID "\""
#define TIMES     ",\"created\":\"2022-10-27T13:49:54.326Z\",\"modified\":\"2022-10-27T13:49:55.326Z\""
#define PATTERN                                                                                                                    \
    ",\"pattern\":\"[domain-name:value = 'Evil.example']\",\"pattern_type\":\"stix\",\"valid_from\":\"2022-10-27T13:49:54Z\""
#define GOOD          INDICATOR TIMES PATTERN
#define MARKING(uuid) "\"marking-definition--" uuid "\""
#define CLEAR         MARKING("94868c89-83c2-464b-929b-a1a8aa3c8487")
#define GREEN         MARKING("bab4a63c-aed9-4cf5-a766-dfca5abac2bb")
#define RED           MARKING("e828b379-4e03-4974-9ac4-e53a884c97c1")
#define OLD_AMBER     MARKING("f88d31f6-486f-44da-b317-01333bde0b82")
#define OTHER         MARKING("11111111-2222-4333-8444-555555555555")

static struct taking taking;

static int setup(void **state) {
    (void)state;
    taking_init(&taking);
    taking.options.format = INTAKE_STIX;
    return 0;
}
static int teardown(void **state) {
    (void)state;
    taking_free(&taking);
    return 0;
}

/* An indicator becomes an item: text verbatim, blanks outside strings gone. */
static void test_indicator(void **state) {
    (void)state;
    taking_run_text(&taking, "{\"type\":\"bundle\",\"id\":\"bundle--" UUID "\",\"objects\":[ " GOOD
                             ", \"x\" : 1.50e1 , \"n\":\"\\u00e9 \\/\" } ]}");
    assert_int_equal(taking.error, OK);
    assert_int_equal(taking.refusal_count, 0);
    assert_int_equal(taking.item_count, 1);
    const struct taken *item = &taking.items[0];
    assert_string_equal(item->id, "indicator--" UUID);
    assert_string_equal(item->text, GOOD ",\"x\":1.50e1,\"n\":\"\\u00e9 \\/\"}");
    assert_string_equal(item->observables, "domain:evil.example");
    assert_int_equal(item->tlp, TLP_NONE);
    assert_true(item->modified_ms == 1666878595326 && item->valid_until_ms == 0 && !item->revoked);
    assert_int_equal(item->place.index, 1);
    assert_false(item->place.generated);
}

/* One object each, and the reason for which it is refused; the next object is taken. */
static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *object, *reason;
    } cases[] = {
        {"7", "a STIX object {...} is expected here"},
        {"[]", "a STIX object {...} is expected here"},
        {"{}", "type: is missing"},
        {"{\"type\":5}", "type: must be a string"},
        {"{\"type\":\"Indicator\",\"id\":\"x\"}", "type: \"Indicator\" is no STIX type"},
        {"{\"type\":\"x\",\"id\":\"x\"}", "type: \"x\" is no STIX type"},
        {"{\"type\":\"indicator\"}", "id: is missing"},
        {"{\"type\":\"indicator\",\"id\":null}", "id: must be a string"},
        {"{\"type\":\"indicator\",\"id\":\"malware--" UUID "\"}",
         "id: \"malware--" UUID "\" is not the type, two hyphens and a UUID"},
        {"{\"type\":\"indicator\",\"id\":\"indicator--8e2e2d2b\"}", "is not the type, two hyphens and a UUID"},
        {"{\"type\":\"indicator\",\"id\":\"indicator-" UUID "\"}", "is not the type, two hyphens and a UUID"},
        {"{\"type\":\"indicator\",\"spec_version\":\"3.0\",\"id\":\"indicator--" UUID "\"}",
         "spec_version: \"3.0\" is not 2.0 or 2.1"},
        {INDICATOR "}", "created: is missing"},
        {INDICATOR ",\"created\":\"2022-10-27T13:49:54Z\"}", "modified: is missing"},
        {INDICATOR ",\"created\":\"2022-101-27T13:49:54.326Z\",\"modified\":\"2022-10-27T13:49:54Z\"}",
         "created: \"2022-101-27T13:49:54.326Z\" is no valid UTC timestamp"},
        {INDICATOR ",\"created\":\"2022-10-28T13:49:54Z\",\"modified\":\"2022-10-27T13:49:54Z\"}", "modified: is before created"},
        {INDICATOR TIMES "}", "pattern: is missing"},
        {INDICATOR TIMES ",\"pattern\":\"[a:b = 1]\"}", "valid_from: is missing"},
        {INDICATOR TIMES ",\"pattern\":\"[a:b = 1]\",\"valid_from\":\"2022-02-30T00:00:00Z\"}",
         "valid_from: \"2022-02-30T00:00:00Z\""},
        {INDICATOR TIMES ",\"pattern\":\"[a:b = 1]\",\"valid_from\":\"2022-02-20T00:00:00Z\"}", "pattern_type: is missing"},
        {INDICATOR TIMES ",\"pattern\":\"\",\"pattern_type\":\"stix\",\"valid_from\":\"2022-02-20T00:00:00Z\"}",
         "pattern: is empty"},
        {INDICATOR TIMES ",\"pattern\":\"[a:b = ]\",\"pattern_type\":\"stix\",\"valid_from\":\"2022-02-20T00:00:00Z\"}",
         "pattern: at character 8: ] stands where a value"},
        {GOOD ",\"valid_until\":\"2022-10-27T13:49:54Z\"}", "valid_until: is not after valid_from"},
        {GOOD ",\"valid_until\":\"tomorrow\"}", "valid_until: \"tomorrow\" is no valid UTC timestamp"},
        {GOOD ",\"revoked\":\"yes\"}", "revoked: must be true or false"},
        {GOOD ",\"object_marking_refs\":" RED "}", "object_marking_refs: must be a list of ids"},
        {GOOD ",\"object_marking_refs\":[\"TLP:RED\"]}", "object_marking_refs: \"TLP:RED\" is no marking-definition id"},
        {GOOD ",\"object_marking_refs\":[\"\"]}", "object_marking_refs: \"\" is no marking-definition id"},
        {GOOD ",\"object_marking_refs\":[7]}", "object_marking_refs: has an entry that is none"},
        {GOOD ",\"object_marking_refs\":[[" RED "]]}", "object_marking_refs: has an entry that is none"},
        {GOOD ",\"granular_markings\":{}}", "granular_markings: must be a list"},
        {GOOD ",\"granular_markings\":[{\"selectors\":[\"name\"]}]}", "granular_markings: has an entry that is none"},
        {GOOD ",\"granular_markings\":[{\"marking_ref\":" RED "}]}", "granular_markings: has an entry that is none"},
        {GOOD ",\"type\":\"indicator\"}", "the property \"type\" stands twice"},
        {GOOD ",\"x\":\"\xff\"}", "invalid UTF-8"},
        {GOOD ",\"x\":\"\\ud800\"}", "half of a surrogate pair"},
        {"{\"type\":\"bundle\",\"id\":\"bundle--" UUID "\",\"objects\":[]}", "type: a bundle inside a bundle"},
        {"{\"type\":\"sighting\",\"id\":\"sighting--" UUID "\"" TIMES ",\"first_seen\":\"never\"}", "first_seen: \"never\""},
        {"{\"type\":\"marking-definition\",\"id\":\"marking-definition--" UUID "\"}", "created: is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bundle[4096];
        snprintf(bundle, sizeof bundle, "{\"type\":\"bundle\",\"objects\":[%s,%s}]}", cases[i].object, GOOD);
        taking_run_text(&taking, bundle);
        if (taking.refusal_count != 1 || !taking_refused(&taking, cases[i].reason))
            fail_msg("%s: %zu refusals, %s", cases[i].object, taking.refusal_count,
                     taking.refusal_count > 0 ? taking.refusals[0].text : "");
        assert_int_equal(taking.error, OK);
        assert_int_equal(taking.item_count, 1);
    }
}

/* The strictest of object markings, granular markings and the operator's label holds. */
static void test_labels(void **state) {
    (void)state;
    static const struct {
        const char *markings;
        enum tlp option, expected;
    } cases[] = {
        {"", TLP_NONE, TLP_NONE},
        {"", TLP_GREEN, TLP_GREEN},
        {",\"object_marking_refs\":[" CLEAR "]", TLP_NONE, TLP_CLEAR},
        {",\"object_marking_refs\":[" CLEAR "," OLD_AMBER "]", TLP_NONE, TLP_AMBER},
        {",\"object_marking_refs\":[" GREEN "]", TLP_RED, TLP_RED},
        {",\"object_marking_refs\":[" RED "]", TLP_CLEAR, TLP_RED},
        {",\"object_marking_refs\":[" OTHER "]", TLP_NONE, TLP_NONE},
        {",\"object_marking_refs\":[" GREEN "],\"granular_markings\":[{\"selectors\":[\"pattern\"],\"marking_ref\":" RED "}]",
         TLP_NONE, TLP_RED},
        {",\"granular_markings\":[{\"selectors\":[\"pattern\"],\"marking_ref\":" GREEN "},{\"lang\":\"fr\",\"selectors\":[\"x\"]}]",
         TLP_NONE, TLP_GREEN},
        {",\"x\":{\"object_marking_refs\":[" RED "]}", TLP_NONE, TLP_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char object[4096];
        snprintf(object, sizeof object, GOOD "%s}", cases[i].markings);
        taking.options.tlp = cases[i].option;
        taking_run_text(&taking, object);
        assert_int_equal(taking.item_count, 1);
        if (taking.items[0].tlp != cases[i].expected) fail_msg("case %zu", i);
    }
    taking.options.tlp = TLP_NONE;
}

#define DEFINE(uuid, rest)                                                                                                         \
    "{\"type\":\"marking-definition\",\"id\":\"marking-definition--" uuid "\",\"created\":\"2017-01-20T00:00:00.000Z\"," rest "}"
#define GREEN_UUID "bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
#define EXTENDED(label)                                                                                                            \
    "\"extensions\":{\"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d\":{\"extension_type\":\"property-extension\","   \
    "\"tlp_2_0\":\"" label "\"}}"

/* The known TLP definitions are nothing new; other meanings of their ids, and other ids for their meanings, are refused. */
static void test_marking_definitions(void **state) {
    (void)state;
    static const struct {
        const char *object;
        size_t items, refusals;
    } cases[] = {
        {DEFINE(GREEN_UUID, EXTENDED("green")), 0, 0},
        {DEFINE("34098fce-860f-48ae-8e50-ebd3cc5e41da", "\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"green\"}"), 0, 0},
        {DEFINE("613f2e26-407d-48c7-9eca-b8e91df99dc9", "\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"white\"}"), 0, 0},
        {DEFINE(GREEN_UUID, EXTENDED("red")), 0, 1},
        {DEFINE(GREEN_UUID, "\"definition_type\":\"statement\",\"definition\":{\"statement\":\"free for all\"}"), 0, 1},
        {DEFINE(GREEN_UUID, "\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"clear\"}," EXTENDED("green")), 0, 1},
        {DEFINE("11111111-2222-4333-8444-555555555555", EXTENDED("red")), 0, 1},
        {DEFINE("11111111-2222-4333-8444-555555555555", "\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"x\"}"), 0, 1},
        {DEFINE("11111111-2222-4333-8444-555555555555", "\"definition_type\":\"statement\",\"definition\":{\"statement\":\"(c)\"}"),
         1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        taking_run_text(&taking, cases[i].object);
        if (taking.item_count != cases[i].items || taking.refusal_count != cases[i].refusals) fail_msg("case %zu", i);
    }
}

/* Cyber observables, and those inside a STIX 2.0 observed-data object. */
static void test_cyber_observables(void **state) {
    (void)state;
    static const struct {
        const char *object, *observables;
    } cases[] = {
        {"{\"type\":\"ipv4-addr\",\"spec_version\":\"2.1\",\"id\":\"ipv4-addr--" UUID "\",\"value\":\"198.51.100.3\"}",
         "ipv4:198.51.100.3"},
        {"{\"value\":\"Evil.example\",\"id\":\"domain-name--" UUID "\",\"type\":\"domain-name\"}", "domain:evil.example"},
        {"{\"type\":\"url\",\"id\":\"url--" UUID "\",\"value\":\"HTTP:\\/\\/Evil.example\\/\\u00e9\"}",
         "url:http://evil.example/\xc3\xa9"},
        {"{\"type\":\"mac-addr\",\"id\":\"mac-addr--" UUID "\",\"value\":\"d2:fb:49:24:37:18\"}", "text:d2:fb:49:24:37:18"},
        {"{\"type\":\"file\",\"id\":\"file--" UUID
         "\",\"name\":\"evil.exe\",\"hashes\":{\"MD5\":\"d41d8cd98f00b204e9800998ecf8427e\",\"SSDEEP\":\"3:x:y\"}}",
         "md5:d41d8cd98f00b204e9800998ecf8427e text:3:x:y text:evil.exe"},
        {"{\"type\":\"malware\",\"id\":\"malware--" UUID "\"" TIMES ",\"name\":\"x\",\"value\":\"y\"}", ""},
        {"{\"type\":\"observed-data\",\"id\":\"observed-data--" UUID "\"" TIMES
         ",\"objects\":{\"0\":{\"type\":\"ipv4-addr\",\"value\":\"192.0.2.1\"},\"1\":{\"type\":\"file\",\"hashes\":{\"SHA-1\":"
         "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"},\"name\":\"a\"},\"2\":{\"value\":\"b\"}}}",
         "ipv4:192.0.2.1 sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709 text:a"},
        {"{\"type\":\"x-thing\",\"id\":\"x-thing--" UUID "\"}", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        taking_run_text(&taking, cases[i].object);
        if (taking.item_count != 1) fail_msg("case %zu: %s", i, taking.refusals[0].text);
        assert_string_equal(taking.items[0].observables, cases[i].observables);
    }
}

/* Other pattern languages, revoked objects, the end of validity, STIX 2.0 without pattern_type. */
static void test_variants(void **state) {
    (void)state;
    taking_run_text(&taking, INDICATOR TIMES
                    ",\"pattern\":\"alert tcp any\",\"pattern_type\":\"snort\",\"valid_from\":\"2022-02-20T00:00:00Z\"}");
    assert_int_equal(taking.item_count, 1);
    assert_string_equal(taking.items[0].observables, "");
    taking_run_text(&taking, GOOD ",\"revoked\":true,\"valid_until\":\"2022-12-27T00:00:00Z\"}");
    assert_true(taking.items[0].revoked && taking.items[0].valid_until_ms == 1672099200000);
    taking_run_text(
        &taking, "{\"type\":\"indicator\",\"id\":\"indicator--" UUID "\"" TIMES
                 ",\"labels\":[\"x\"],\"pattern\":\"[url:value = 'http://a.example/']\",\"valid_from\":\"2022-02-20T00:00:00Z\"}");
    assert_string_equal(taking.items[0].observables, "url:http://a.example/");
    taking_run_text(&taking, "{\"more\":false,\"objects\":[" GOOD "}]}"); /* a TAXII envelope */
    assert_int_equal(taking.item_count, 1);
    taking_run_text(&taking, "{\"type\":\"bundle\",\"id\":\"bundle--" UUID "\"}");
    assert_true(taking.item_count == 0 && taking.refusal_count == 0 && taking.error == OK);
    taking_run_text(&taking, "{\"objects\":[" GOOD "}],\"type\":\"report\"}");
    assert_true(taking.item_count == 1 && taking_refused(&taking, "must be a bundle"));
}

/* More values than one item indexes: the object is refused; as many as it does: taken. */
static void test_many_values(void **state) {
    (void)state;
    for (size_t count = ITEM_OBSERVABLES_MAX; count <= ITEM_OBSERVABLES_MAX + 1; count++) {
        struct buf text = {0};
        buf_put_text(&text, INDICATOR TIMES
                     ",\"pattern_type\":\"stix\",\"valid_from\":\"2022-02-20T00:00:00Z\",\"pattern\":\"[domain-name:value IN (");
        for (size_t i = 0; i < count; i++) buf_put_format(&text, "%s'n%zu.example'", i > 0 ? "," : "", i);
        buf_put_text(&text, ")]\"}");
        taking_run(&taking, bytes_of_buf(&text), 1000);
        assert_int_equal(taking.item_count, count == ITEM_OBSERVABLES_MAX);
        assert_int_equal(taking_refused(&taking, "more than 1024 values"), count > ITEM_OBSERVABLES_MAX);
        buf_free(&text);
    }
}

/* An object of exactly the cap is taken, one byte more refused with its size. */
static void test_size_cap(void **state) {
    (void)state;
    for (size_t size = ITEM_TEXT_BYTES_MAX; size <= ITEM_TEXT_BYTES_MAX + 1; size++) {
        struct buf text = {0};
        buf_put_text(&text, GOOD ",\"x\":\"");
        while (text.size < size - 2) buf_put_u8(&text, 'x');
        buf_put_text(&text, "\"}");
        taking_run(&taking, bytes_of_buf(&text), 70000);
        assert_int_equal(taking.item_count, size == ITEM_TEXT_BYTES_MAX);
        assert_int_equal(taking_refused(&taking, "the object has 1024001 bytes and at most 1024000 are allowed"),
                         size > ITEM_TEXT_BYTES_MAX);
        buf_free(&text);
    }
}

/* Malformed input ends it, with its place; what stood before was delivered. */
static void test_fatal(void **state) {
    (void)state;
    static const struct {
        const char *tail, *reason;
        enum err error;
    } cases[] = {
        {",{\"type\":NaN}]}", "malformed JSON", ERR_SYNTAX},
        {",{\"a\":1,}]}", "malformed JSON", ERR_SYNTAX},
        {" x]}", "malformed JSON: 'x' stands where ',' or ']' is expected", ERR_SYNTAX},
        {",", "the input ends inside an array of objects", ERR_TRUNCATED},
        {",{\"type\":\"indi", "the input ends inside the object that begins at byte", ERR_TRUNCATED},
        {"]", "the input ends inside the object that begins at byte 0, line 1", ERR_TRUNCATED},
        {"],\"x\":tru}", "malformed JSON", ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t chunk = 1; chunk < 2000; chunk += 97) {
            char input[4096];
            snprintf(input, sizeof input, "{\"type\":\"bundle\",\"objects\":[\n%s}%s", GOOD, cases[i].tail);
            taking_run(&taking, bytes_of_text(input), chunk);
            assert_int_equal(taking.error, cases[i].error);
            assert_int_equal(taking.item_count, 1);
            assert_int_equal(taking.refusal_count, 1);
            if (!taking_refused(&taking, cases[i].reason)) fail_msg("%s: %s", cases[i].tail, taking.refusals[0].text);
            assert_true(taking.refusals[0].place.byte_offset > strlen(GOOD) || strcmp(cases[i].tail, "],\"x\":tru}") == 0);
        }
}

/* What accept returns stops everything and comes back. */
static void test_stop(void **state) {
    (void)state;
    taking.stop_after = 2;
    taking_run_text(&taking, GOOD "}" GOOD "}" GOOD "}");
    assert_int_equal(taking.error, ERR_CLOSED);
    assert_int_equal(taking.item_count, 2);
    taking.stop_after = 0;
}

/* Real files: everything in them is taken, but for the one object whose date cannot be. */
static void test_shared_files(void **state) {
    (void)state;
    static const struct {
        const char *path;
        size_t items, refusals;
    } files[] = {
        {"stix21/examples/threat-reports/apt1.json", 76, 0},
        {"stix21/examples/threat-reports/poisonivy.json", 155, 0},
        {"stix21/examples/infrastructure.json", 10, 0},
        {"stix21/examples/indicator-for-c2-ip-address.json", 1, 0},
        {"stix21/attack/ics-attack-18.1.json", 1826, 0},
        {"stix21/markings/tlp-amber-strict.json", 0, 0},
        {"stix21/markings/using-tlp2.0-green.INVALID-timestamp.json", 2, 1},
        {"stix21/markings/acs-spec-use-case-1.json", 1, 0},
        {"stix21/examples/cti-documentation/examples/example_json/using-granular-markings.json", 4, 0},
    };
    struct buf file = {0};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (!shared_file(&file, files[i].path)) skip();
        taking_run(&taking, bytes_of_buf(&file), 4096);
        assert_int_equal(taking.error, OK);
        assert_int_equal(taking.item_count, files[i].items);
        assert_int_equal(taking.refusal_count, files[i].refusals);
    }
    buf_free(&file);
}

/* 822 objects made to be wrong in every way: none may break the intake, and the pieces they come in change nothing. */
static void test_validation_cases(void **state) {
    (void)state;
    struct buf file = {0};
    if (!shared_file(&file, "conformance/stix_object_validation_cases.jsonl")) skip();
    struct buf objects = {0};
    size_t start = 0;
    for (size_t i = 0; i < file.size; i++) {
        if (file.data[i] != '\n') continue;
        const char *object = memmem(file.data + start, i - start, "\"object\": ", 10);
        const char *end = memmem(file.data + start, i - start, ", \"valid\": [", 12);
        if (object != NULL && end != NULL) {
            buf_put_raw(&objects, object + 10, (size_t)(end - object) - 10);
            buf_put_u8(&objects, '\n');
        }
        start = i + 1;
    }
    taking_run(&taking, bytes_of_buf(&objects), objects.size);
    size_t items = taking.item_count, refusals = taking.refusal_count;
    assert_int_equal(taking.error, OK);
    assert_true(items > 300 && refusals > 50);
    taking_run(&taking, bytes_of_buf(&objects), 13);
    assert_true(taking.item_count == items && taking.refusal_count == refusals);
    buf_free(&objects);
    buf_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indicator),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_marking_definitions),
        cmocka_unit_test(test_cyber_observables),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_size_cap),
        cmocka_unit_test(test_fatal),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_shared_files),
        cmocka_unit_test(test_validation_cases),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
