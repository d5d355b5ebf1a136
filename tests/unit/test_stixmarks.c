/* What STIX says in markings, extensions and labels arrives as marks; what is not understood is said to be so. */
#include "gossip/pack.h"
#include "node/formats/intake.h"
#include "node/formats/stixmarks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ONE   "marking-definition--11111111-2222-4333-8444-555555555555"
#define TWO   "marking-definition--21111111-2222-4333-8444-555555555555"
#define GREEN "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
#define RED   "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
#define DEFINE(id, rest)                                                                                                           \
    "{\"type\":\"marking-definition\",\"spec_version\":\"2.1\",\"id\":\"" id "\",\"created\":\"2026-01-01T00:00:00.000Z\"," rest "}"
#define TOOL(rest)                                                                                                                 \
    "{\"type\":\"tool\",\"spec_version\":\"2.1\",\"id\":\"tool--31111111-2222-4333-8444-555555555555\","                           \
    "\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\",\"name\":\"n\"," rest "}"
#define REFS(ids)    "\"object_marking_refs\":[" ids "]"
#define OURS(inside) "\"extensions\":{\"" STIXMARKS_EXTENSION "\":{\"extension_type\":\"property-extension\"," inside "}}"

static char last[4096];
static size_t tools, refusals;

static void names(struct buf *out, const char *key, const struct marks_names *names) {
    for (size_t i = 0; i < names->count; i++) buf_put_format(out, " %s=%.*s", key, (int)names->names[i].size, names->names[i].data);
}

static void view(struct buf *out, const char *key, struct bytes value) {
    if (value.size > 0) buf_put_format(out, " %s=%.*s", key, (int)value.size, value.data);
}

/* Marks as words, in the order of their keys. */
static void words(char *text, size_t size, const struct item *item) {
    struct marks marks;
    struct buf out = {0};
    assert_int_equal(marks_decode(&marks, item->marks), OK);
    buf_put_text(&out, tlp_name(item->tlp));
    if (marks.pap) buf_put_format(&out, " %s", pap_name(marks.pap));
    if (marks.iep.id.size > 0)
        buf_put_format(&out, " iep=%d,%d,%d,%d,%d,%d,%d,%d", marks.iep.tlp, marks.iep.actions, marks.iep.encrypt,
                       marks.iep.attribution, marks.iep.resale, marks.iep.notify, marks.iep.start_ms != 0, marks.iep.end_ms != 0);
    for (size_t i = 0; i < marks.level_count; i++) {
        view(&out, "authority", marks.levels[i].authority), view(&out, "level", marks.levels[i].level);
        names(&out, "caveat", &marks.levels[i].caveats), names(&out, "to", &marks.levels[i].releasable_to);
    }
    if (marks.handling) buf_put_format(&out, " codes=%u", marks.handling);
    view(&out, "text", marks.handling_text);
    for (size_t i = 0; i < marks.grade_count; i++) {
        view(&out, "scheme", marks.grades[i].scheme), view(&out, "source", marks.grades[i].source);
        view(&out, "information", marks.grades[i].information);
    }
    names(&out, "purpose", &marks.purposes);
    view(&out, "basis", marks.legal_basis), view(&out, "case", marks.case_ref);
    if (marks.retain_until_ms) buf_put_text(&out, " retain");
    if (marks.personal) buf_put_text(&out, " personal");
    if (marks.police) buf_put_text(&out, " police");
    if (marks.sightings) buf_put_format(&out, " sightings=%s", sightings_to_name(marks.sightings));
    view(&out, "unknown", marks.unknown), view(&out, "selector", marks.selector);
    snprintf(text, size, "%.*s", (int)out.size, (const char *)out.data);
    buf_free(&out);
}

static enum err on_accept(void *context, const struct item *item, const struct intake_place *place) {
    struct buf encoded = {0};
    (void)context, (void)place;
    assert_int_equal(item_encode(&encoded, item), OK);
    buf_free(&encoded);
    if (!bytes_equal_text(item->type, "tool") && !bytes_equal_text(item->type, "indicator")) return OK;
    tools++;
    words(last, sizeof last, item);
    return OK;
}

static void on_refuse(void *context, const struct intake_place *place, const char *id, const char *reason) {
    (void)context, (void)place, (void)id;
    snprintf(last, sizeof last, "%s", reason);
    refusals++;
}

static enum err take(const char *input, enum intake_format format, const struct marks *marks) {
    struct intake_options options = {
        .format = format, .now_ms = 1790000000000, .marks = marks, .accept = on_accept, .refuse = on_refuse};
    struct intake *intake = intake_new(&options);
    assert_non_null(intake);
    tools = refusals = 0;
    enum err err = intake_feed(intake, bytes_of_text(input));
    if (err == OK) err = intake_finish(intake);
    intake_free(intake);
    return err;
}

static const struct {
    const char *input, *expected;
} cases[] = {
    {TOOL("\"labels\":[\"x\"]"), "none"},
    {TOOL(REFS("\"" GREEN "\"")), "TLP:GREEN"},
    /* Definitions may stand in front of those that refer to them, or behind. */
    {"[" DEFINE(ONE, "\"definition_type\":\"pap\",\"definition\":{\"pap\":\"amber\"}") "," TOOL(REFS("\"" ONE "\"")) "]",
     "none PAP:AMBER"},
    {"[" TOOL(REFS("\"" ONE "\"")) "," DEFINE(ONE, "\"definition\":{\"pap\":\"red\"},\"definition_type\":\"pap\"") "]",
     "none PAP:RED"},
    {"[" DEFINE(ONE,
                "\"definition_type\":\"statement\",\"definition\":{\"statement\":\"(c) us\"}") "," TOOL(REFS("\"" ONE "\"")) "]",
     "none"},
    {"[" DEFINE(ONE,
                "\"definition_type\":\"statement\",\"definition\":{\"statement\":\"PAP:GREEN\"}") "," TOOL(REFS("\"" ONE "\"")) "]",
     "none PAP:GREEN"},
    {"[" DEFINE(ONE,
                "\"definition_type\":\"iep\",\"definition\":{\"id\":\"01bc4353-4829-4d55-8d52-0ab7e0790df9\",\"name\":\"n\","
                "\"description\":null,\"iep_version\":2.0,\"start_date\":\"2020-01-01T00:00:00Z\",\"end_date\":null,"
                "\"encrypt_in_transit\":\"must\",\"permitted_actions\":\"internally-visible-actions\","
                "\"affected_party_notifications\":\"must-not\",\"tlp\":\"amber\",\"attribution\":\"must\","
                "\"unmodified_resale\":\"must-not\",\"external_references\":[{\"url\":\"x\"}]}") "," TOOL(REFS("\"" ONE "\"")) "]",
     "none iep=3,3,2,2,3,3,1,0"},
    {"[" DEFINE(ONE, OURS("\"pap\":\"green\",\"levels\":[{\"authority\":\"US\",\"level\":\"S\",\"caveats\":[\"NF\"],"
                          "\"releasable_to\":[\"FR\",\"DE\"]},{\"authority\":\"EU\",\"level\":\"R-UE/EU-R\"}],"
                          "\"handling\":[\"H1\",\"H3\"],\"handling_text\":\"ask\","
                          "\"grading\":[{\"scheme\":\"europol-4x4\",\"source\":\"C\",\"information\":\"2\"}],"
                          "\"purposes\":[\"research\"],\"legal_basis\":\"law\",\"case_ref\":\"7\","
                          "\"retain_until\":\"2030-01-01T00:00:00Z\",\"data\":[\"personal\",\"police\"]")) "," TOOL(REFS("\"" ONE
                                                                                                                         "\"")) "]",
     "none PAP:GREEN authority=US level=S caveat=NF to=DE to=FR authority=EU level=R-UE/EU-R codes=10 text=ask "
     "scheme=europol-4x4 source=C information=2 purpose=research basis=law case=7 retain personal police"},
    /* The same on the object itself, and two definitions together. */
    {TOOL(OURS("\"handling\":[\"H2\"]")), "none codes=4"},
    {TOOL(OURS("\"sightings\":\"audience\"")), "none sightings=audience"},
    {TOOL(OURS("\"sightings\":\"all\"")), "none unknown=extensions." STIXMARKS_EXTENSION},
    {"[" DEFINE(ONE, OURS("\"handling\":[\"H1\"],\"purposes\":[\"a\"]")) "," DEFINE(
         TWO, OURS("\"handling\":[\"H0\"],\"purposes\":[\"b\"]")) "," TOOL(REFS("\"" ONE "\",\"" TWO "\"")) "]",
     "none codes=3 purpose=a purpose=b"},
    /* Not understood. */
    {TOOL(REFS("\"" ONE "\"")), "none unknown=" ONE},
    {"[" DEFINE(ONE, "\"definition_type\":\"acme\",\"definition\":{\"acme\":\"x\"}") "," TOOL(REFS("\"" ONE "\"")) "]",
     "none unknown=" ONE},
    {"[" DEFINE(ONE, "\"definition_type\":\"pap\",\"definition\":{\"pap\":\"pink\"}") "," TOOL(REFS("\"" ONE "\"")) "]",
     "none unknown=" ONE},
    {"[" DEFINE(ONE,
                "\"definition_type\":\"iep\",\"definition\":{\"id\":\"a\",\"iep_version\":3}") "," TOOL(REFS("\"" ONE "\"")) "]",
     "none unknown=" ONE},
    {"[" DEFINE(ONE,
                "\"definition_type\":\"iep\",\"definition\":{\"id\":\"a\",\"resale\":\"may\"}") "," TOOL(REFS("\"" ONE "\"")) "]",
     "none unknown=" ONE},
    {"[" DEFINE(ONE, "\"extensions\":{\"extension-definition--61111111-2222-4333-8444-555555555555\":{\"a\":1}}") "," TOOL(
         REFS("\"" ONE "\"")) "]",
     "none unknown=" ONE},
    {"[" DEFINE(ONE, "\"name\":\"nothing\"") "," TOOL(REFS("\"" ONE "\"")) "]", "none unknown=" ONE},
    {"[" DEFINE(ONE, OURS("\"colour\":\"red\"")) "," TOOL(REFS("\"" ONE "\"")) "]", "none unknown=" ONE},
    {"[" DEFINE(ONE, OURS("\"levels\":[{\"level\":\"S\"}]")) "," TOOL(REFS("\"" ONE "\"")) "]", "none unknown=" ONE},
    {"[" DEFINE(ONE, OURS("\"handling\":[\"H1\"]")) "," DEFINE(ONE,
                                                               OURS("\"handling\":[\"H2\"]")) "," TOOL(REFS("\"" ONE "\"")) "]",
     "none unknown=" ONE},
    {TOOL(OURS("\"handling\":[\"H9\"]")), "none unknown=extensions." STIXMARKS_EXTENSION /* cut to a name's length */},
    {"[" DEFINE(ONE, OURS("\"legal_basis\":\"a\"")) "," DEFINE(TWO, OURS("\"legal_basis\":\"b\"")) "," TOOL(
         REFS("\"" ONE "\",\"" TWO "\"")) "]",
     "none unknown=(several that contradict each other, or are more than there is room for)"},
    /* Labels. */
    {TOOL("\"labels\":[\"pap:amber\",\"tlp:red\",\"PAP:GREEN\"]"), "TLP:RED PAP:AMBER"},
    {TOOL("\"labels\":[\"admiralty-scale:source-reliability=\\\"c\\\"\",\"admiralty-scale:information-credibility=\\\"2\\\"\"]"),
     "none scheme=admiralty source=C information=2"},
    {TOOL("\"labels\":[\"pap:pink\"]"), "none unknown=pap:pink"},
    {TOOL("\"labels\":[\"tlp:ex:chr\"]"), "none unknown=tlp:ex:chr"},
    {TOOL("\"labels\":[\"admiralty-scale:source-reliability=\\\"z\\\"\"]"),
     "none unknown=admiralty-scale:source-reliability=\"z\""},
    {TOOL("\"labels\":[\"phishing\",\"T1059\",\"paper\",\"tlpx\"]"), "none"},
    /* Granular markings: the strictest part rules, and is named. */
    {TOOL(REFS("\"" GREEN "\"") ",\"granular_markings\":[{\"selectors\":[\"name\",\"id\"],\"marking_ref\":\"" RED "\"}]"),
     "TLP:RED selector=name"},
    {TOOL(REFS("\"" RED "\"") ",\"granular_markings\":[{\"selectors\":[\"name\"],\"marking_ref\":\"" GREEN "\"}]"), "TLP:RED"},
    {TOOL("\"granular_markings\":[{\"marking_ref\":\"" ONE "\",\"selectors\":[\"name\"]}]"), "none unknown=" ONE " selector=name"},
    {TOOL("\"granular_markings\":[{\"lang\":\"en\",\"selectors\":[\"name\"]}]"), "none"},
    {"[" TOOL("\"granular_markings\":[{\"selectors\":[\"name\"],\"marking_ref\":\"" ONE
              "\"}]") "," DEFINE(ONE, OURS("\"pap\":\"red\"")) "]",
     "none PAP:RED selector=name"},
};

static void test_what_is_said(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(last, sizeof last, "nothing came");
        enum err err = take(cases[i].input, INTAKE_STIX, NULL);
        size_t least = strstr(cases[i].expected, "unknown=extensions.") ? strlen("none unknown=extensions.") : sizeof last;
        if (err != OK || tools != 1 || refusals != 0 || strncmp(last, cases[i].expected, least) != 0)
            fail_msg("case %zu: %s\n%s\n-> %s\nexpected %s", i, err_name(err), cases[i].input, last, cases[i].expected);
    }
}

/* Options are added to what objects say, and to values of lists and CSV. */
static void test_options(void **state) {
    (void)state;
    struct marks marks = {.pap = PAP_AMBER, .handling = MARKS_H1, .retain_until_ms = 1};
    assert_int_equal(
        take(TOOL(OURS("\"handling\":[\"H2\"],\"retain_until\":\"2030-01-01T00:00:00Z\",\"pap\":\"green\"")), INTAKE_STIX, &marks),
        OK);
    assert_string_equal(last, "none PAP:AMBER codes=6 retain");
    assert_int_equal(take("evil.example\n", INTAKE_LIST, &marks), OK);
    assert_string_equal(last, "none PAP:AMBER codes=2 retain");
    assert_int_equal(take("value,labels\nevil.example,pap:red;x\n", INTAKE_CSV, &marks), OK);
    assert_int_equal(tools, 1);
    assert_string_equal(last, "none PAP:RED codes=2 retain");
    assert_int_equal(take("value,labels\nevil.example,pap:pink\n", INTAKE_CSV, NULL), OK);
    assert_string_equal(last, "none unknown=pap:pink");
    /* Of two words on who hears of sightings the more restrictive holds. */
    marks = (struct marks){.sightings = SIGHTINGS_TO_AUTHOR};
    assert_int_equal(take(TOOL(OURS("\"sightings\":\"audience\"")), INTAKE_STIX, &marks), OK);
    assert_string_equal(last, "none sightings=author");
}

/* What waits for its definition is delivered although the input breaks off, and in its order. */
static void test_broken_input(void **state) {
    (void)state;
    assert_int_not_equal(
        take("[" TOOL(REFS("\"" ONE "\"")) "," DEFINE(ONE, OURS("\"pap\":\"red\"")) ",nonsense", INTAKE_STIX, NULL), OK);
    assert_int_equal(tools, 1);
    assert_int_equal(take("[" TOOL(REFS("\"" ONE "\"")) "," DEFINE(ONE, OURS("\"pap\":\"red\"")) ",{\"a\":", INTAKE_STIX, NULL),
                     ERR_TRUNCATED);
    assert_int_equal(tools, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_said), cmocka_unit_test(test_options),
                                       cmocka_unit_test(test_broken_input)};
    return cmocka_run_group_tests_name("stixmarks", tests, NULL, NULL);
}
