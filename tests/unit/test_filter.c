/* filter: what a text takes, and what is said of a bad one. */
#include "node/formats/filter.h"

#include "gossip/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DAY_MS (24ull * 3600 * 1000)
#define NOW_MS 1800000000000ull /* 2027-01-15T08:00:00Z */

/* An indicator of a domain, an address and a network, with marks of its own. */
static struct item item; /* large: not on the stack */
static struct buf marks_text;
static const uint8_t author_id[AGENCY_ID_BYTES] = {0x12, 0x34, 0x56, 0x78, 0x9a};
static const uint8_t group_id[MARKS_GROUP_BYTES] = {0xab, 0xcd, 0xef, 0x01};

static struct filter_subject subject_make(void) {
    static const uint8_t address[] = {203, 0, 113, 9, 32}, network[] = {198, 51, 100, 0, 24};
    static const char text[] =
        "{\"type\":\"indicator\",\"name\":\"Emotet C2\",\"confidence\":75,\"labels\":[\"benign\",\"misp-galaxy:x\"],"
        "\"indicator_types\":[\"Malicious-Activity\"],\"nested\":{\"labels\":[\"hidden\"],\"confidence\":5}}";
    struct marks marks = {.pap = PAP_AMBER, .grade_count = 2, .group = bytes_of(group_id, sizeof group_id)};
    marks.grades[0] = (struct marks_grade){bytes_of_text("admiralty"), bytes_of_text("B"), bytes_of_text("3")};
    marks.grades[1] = (struct marks_grade){bytes_of_text("europol-4x4"), bytes_of_text("X"), bytes_of_text("1")};
    buf_clear(&marks_text);
    assert_int_equal(marks_write(&marks_text, &marks), OK);
    item =
        (struct item){.type = bytes_of_text("indicator"), .id = bytes_of_text("indicator--5d2dc832-b137-4e8c-97b2-5b00c18be611")};
    item.tlp = TLP_AMBER;
    item.modified_ms = NOW_MS - 10 * DAY_MS;
    item.text = bytes_of_text(text);
    item.marks = bytes_of_buf(&marks_text);
    item.observables[item.observable_count++] = (struct observable){OBSERVABLE_IPV4, bytes_of(network, sizeof network)};
    item.observables[item.observable_count++] = (struct observable){OBSERVABLE_IPV4, bytes_of(address, sizeof address)};
    item.observables[item.observable_count++] = (struct observable){OBSERVABLE_DOMAIN, bytes_of_text("login.evil.example")};
    return (struct filter_subject){.item = &item,
                                   .author = bytes_of_text("Police.Example"),
                                   .author_id = author_id,
                                   .group = bytes_of_text("nightfall"),
                                   .arrived_ms = NOW_MS - 2 * DAY_MS,
                                   .now_ms = NOW_MS};
}

static struct filter *parsed(const char *text) {
    struct filter *filter;
    struct filter_problem problem;
    if (filter_parse(&filter, bytes_of_text(text), &problem) != OK)
        fail_msg("'%s': %u:%u: %s", text, problem.line, problem.column, problem.text);
    return filter;
}

static void verdicts_check(const struct filter_subject *subject, const char *text, enum filter_verdict wanted) {
    struct filter *filter = parsed(text);
    for (int twice = 0; twice < 2; twice++)
        if (filter_ask(filter, subject) != wanted) fail_msg("'%s': %d, wanted %d", text, filter_ask(filter, subject), wanted);
    filter_free(filter);
}

static const struct {
    const char *text;
    bool takes;
} takes[] = {
    {"", true},
    {" \t\n", true},
    {"kind = domain", true},
    {"kind=ipv4", true},
    {"KIND = Domain", true},
    {"kind = url", false},
    {"kind = ip", true},
    {"kind = hash", false},
    {"kind != hash", true},
    {"kind != domain", false},
    {"kind = url, domain", true},
    {"kind in (url, email)", false},
    {"kind in (url , ipv4)", true},
    {"kind != url, email", true},
    {"type = indicator", true},
    {"type != indicator", false},
    {"type ~ ind*", true},
    {"type ~ ind", false},
    {"type ~ \"*cat?r\"", true},
    {"type !~ ind*", false},
    {"types = malware", false},
    {"id = indicator--5d2dc832-b137-4e8c-97b2-5b00c18be611", true},
    {"id ~ *611", true},
    {"id = indicator--5d2dc832", false},
    {"tlp = amber", true},
    {"tlp = TLP:AMBER", true},
    {"tlp <= TLP:GREEN", false},
    {"tlp >= green", true},
    {"tlp < amber+strict", true},
    {"tlp > amber", false},
    {"tlp != red", true},
    {"tlp = green, amber", true},
    {"pap = amber", true},
    {"pap <= PAP:GREEN", false},
    {"pap = none", false},
    {"pap > green", true},
    {"author = police.example", true},
    {"author = 12345678", true},
    {"author = 1234567", false},
    {"author = 123456789A", true},
    {"author != police.example", false},
    {"author ~ police.*", true},
    {"from=cert.example", false},
    {"author = cert.example, police.example", true},
    {"group = nightfall", true},
    {"group = abcdef01", true},
    {"group = abcdef02", false},
    {"group ~ night*", true},
    {"label = benign", true},
    {"label = BENIGN", true},
    {"tag ~ \"misp-galaxy:*\"", true},
    {"label = malicious-activity", true},
    {"label = hidden", false},
    {"not label = benign", false},
    {"label != nothing", true},
    {"labels=misp-galaxy:x", true},
    {"name = 'emotet c2'", true},
    {"name ~ emotet*", true},
    {"name ~ emotet", false},
    {"confidence >= 75", true},
    {"confidence > 75", false},
    {"confidence < 80", true},
    {"confidence = 75", true},
    {"confidence <= 5", false},
    {"confidence != 5", true},
    {"grading = B3", true},
    {"grading = b", true},
    {"grading = 3", true},
    {"grading = A", false},
    {"grading >= B3", true},
    {"grading >= C3", true},
    {"grading >= C4", true},
    {"grading >= A", false},
    {"grading >= B2", false},
    {"grading >= admiralty:E5", true},
    {"grading >= europol-4x4:C", false},
    {"grading >= europol-4x4:4", true},
    {"grading = europol-4x4:X1", true},
    {"grading >= europol-4x4:C4", false},
    {"grading != B2", true},
    {"grading >= uk-3x5x2:3E", false},
    {"age < 11d", true},
    {"age < 10d", false},
    {"age <= 10d", true},
    {"age > 1w", true},
    {"age >= 15000m", false},
    {"arrived < 2027-01-14T00:00:00Z", true},
    {"arrived > 2027-01-13T09:00:00Z", false},
    {"modified < 2027-01-06T00:00:00Z", true},
    {"after=2027-01-05T07:00:00Z", true},
    {"after=2027-01-05T08:00:00Z", false},
    {"before=2027-01-05T08:00:00Z", false},
    {"before = 2027-01-05T08:00:01Z", true},
    {"revoked = no", true},
    {"revoked = yes", false},
    {"revoked != yes", true},
    {"value = login.evil.example", true},
    {"value = login[.]EVIL[.]example", true},
    {"value = evil.example", false},
    {"value = *.evil.example", true},
    {"value = *.example", true},
    {"value = *.login.evil.example", false},
    {"value = *.il.example", false},
    {"value = 203.0.113.9", true},
    {"value = 203.0.113.0/24", true},
    {"value = 203.0.114.0/24", false},
    {"value = 198.51.100.77", true},
    {"value = 198.51.0.0/16", true},
    {"value = 198.51.100.128/25", true},
    {"value = 2001:db8::1", false},
    {"value ~ login*", true},
    {"value ~ *evil*", true},
    {"value ~ 198.51.*", true},
    {"value ~ *paypal*", false},
    {"value !~ *paypal*", true},
    {"value != 203.0.113.9", false},
    {"value = \"*.evil.example\"", false},
    {"value in (x.example, 203.0.113.9)", true},
    {"kind = domain and tlp = amber", true},
    {"kind = domain tlp = amber", true},
    {"kind = domain tlp = green", false},
    {"kind = url or tlp = amber", true},
    {"kind = url or tlp = green or type = indicator", true},
    {"kind = url and tlp = amber or type = indicator", true},
    {"kind = url and (tlp = amber or type = indicator)", false},
    {"type = indicator or kind = url and tlp = green", true},
    {"not kind = url and not tlp = green", true},
    {"not (kind = url or tlp = amber)", false},
    {"not not kind = domain", true},
    {"(((kind = domain)))", true},
    {"kind == domain AND tlp <> red", true},
    {"type=indicator tlp=TLP:AMBER value=203.0.113.9", true},
};

static void test_takes(void **state) {
    struct filter_subject subject = subject_make();
    (void)state;
    for (size_t i = 0; i < sizeof takes / sizeof *takes; i++)
        verdicts_check(&subject, takes[i].text, takes[i].takes ? FILTER_YES : FILTER_NO);
}

/* What is not said fits nothing, and its opposite fits. */
static void test_missing(void **state) {
    static const char *const no[] = {"confidence >= 0", "confidence < 101", "grading >= E", "label = x",
                                     "name ~ *",        "group ~ *",        "kind = ip",    "value ~ *"};
    struct filter_subject subject = subject_make();
    (void)state;
    item.text = bytes_of_text("{\"type\":\"indicator\",\"confidence\":\"75\",\"name\":7,\"labels\":\"x\"}");
    item.marks = bytes_of(NULL, 0);
    item.observable_count = 0;
    subject.group = bytes_of(NULL, 0);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        char text[64];
        if (strstr(no[i], "101")) continue; /* beyond what is possible: see below */
        verdicts_check(&subject, no[i], FILTER_NO);
        snprintf(text, sizeof text, "not %s", no[i]);
        verdicts_check(&subject, text, FILTER_YES);
    }
    verdicts_check(&subject, "pap <= clear", FILTER_YES);
    verdicts_check(&subject, "pap = none", FILTER_YES);
    item.modified_ms = 0;
    verdicts_check(&subject, "age < 3d and age >= 2d", FILTER_YES); /* then its arrival counts */
    item.text = bytes_of_text("no JSON");
    verdicts_check(&subject, "label = x or confidence >= 0", FILTER_NO);
}

/* Of what is gone only type, id, label and author are known. */
static void test_partial(void **state) {
    static const struct {
        const char *text;
        enum filter_verdict verdict;
    } rows[] = {
        {"", FILTER_YES},
        {"type = indicator", FILTER_YES},
        {"tlp = green", FILTER_NO},
        {"value = x.example", FILTER_MAYBE},
        {"not value = x.example", FILTER_MAYBE},
        {"tlp = green and value = x.example", FILTER_NO},
        {"tlp = amber and value = x.example", FILTER_MAYBE},
        {"tlp = amber or value = x.example", FILTER_YES},
        {"not (tlp = green or confidence < 3)", FILTER_MAYBE},
        {"author = police.example and not type = indicator", FILTER_NO},
        {"kind = url or age < 1d", FILTER_MAYBE},
        {"revoked = yes or pap = red or arrived < 2027-01-01T00:00:00Z", FILTER_MAYBE},
    };
    struct filter_subject subject = subject_make();
    (void)state;
    item.observable_count = 0;
    item.text = item.marks = bytes_of(NULL, 0);
    subject.partial = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) verdicts_check(&subject, rows[i].text, rows[i].verdict);
}

static void test_errors(void **state) {
    static const struct {
        const char *text;
        unsigned line, column;
        const char *says; /* a part of it */
    } rows[] = {
        {"foo = 1", 1, 1, "found 'foo'; possible here: the fields kind, type, id,"},
        {"kind", 1, 5, "found the end; possible here: = !=, behind kind"},
        {"kind ~ x", 1, 6, "found '~'; possible here: = !="},
        {"kind = domian", 1, 8, "'domian' is no value of kind; possible: ipv4,"},
        {"kind = ", 1, 8, "found the end; possible here: ipv4,"},
        {"kind = domain and", 1, 18, "found the end; possible here: kind,"},
        {"kind = domain\nand tlp = blue", 2, 11, "'blue' is no value of tlp; possible: TLP:CLEAR"},
        {"kind = domain\n  or )", 2, 6, "found ')'"},
        {"(kind = domain", 1, 15, "found the end; possible here: and, or, and the ) for the ( of line 1, column 1"},
        {"kind = domain)", 1, 14, "found ')'; possible here: and, or, another test, and the end"},
        {"kind in (domain, url", 1, 21, "the ) for the ( of line 1, column 9"},
        {"kind in (domain url)", 1, 17, "found 'url'; possible here: a comma, and the )"},
        {"kind = domain,", 1, 15, "found the end"},
        {"name = \"open", 1, 8, "the quote that begins here has no end"},
        {"confidence = 101", 1, 14, "a number from 0 to 100"},
        {"confidence >= 5, 6", 1, 16, "a list is possible behind ="},
        {"confidence >= high", 1, 15, "a number from 0 to 100"},
        {"age < 2026-01-01T00:00:00Z", 1, 7, "a span such as 45s"},
        {"age < 30", 1, 7, "a span such as 45s"},
        {"age = 3d", 1, 5, "possible here: < <= > >=, behind age"},
        {"modified > yesterday", 1, 12, "a time such as 2026-05-12T08:17:27Z"},
        {"grading = Z9", 1, 11, "Admiralty"},
        {"grading = nato:A1", 1, 11, "Admiralty"},
        {"grading < B2", 1, 9, "possible here: = != >=, behind grading"},
        {"value = a*b", 1, 9, "a * elsewhere needs ~"},
        {"value = *.", 1, 9, "a * elsewhere needs ~"},
        {"pap > none", 1, 7, "PAP:CLEAR"},
        {"revoked = maybe", 1, 11, "yes and no"},
        {"= domain", 1, 1, "found '='; possible here: kind,"},
        {"not", 1, 4, "found the end; possible here: kind,"},
        {"kind = domain & tlp = red", 1, 15, "found '&'"},
        {"kind = \xff", 1, 1, "UTF-8"},
        {"kind = d\xc3\xb6main", 1, 8, "'d\xc3\xb6main' is no value"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct filter *filter;
        struct filter_problem problem;
        if (filter_parse(&filter, bytes_of_text(rows[i].text), &problem) == OK) fail_msg("'%s' is taken", rows[i].text);
        assert_null(filter);
        if (problem.line != rows[i].line || problem.column != rows[i].column || !strstr(problem.text, rows[i].says))
            fail_msg("'%s': %u:%u: %s", rows[i].text, problem.line, problem.column, problem.text);
    }
}

/* One past each bound is refused, and the bound itself is not. */
static void test_bounds(void **state) {
    struct buf text = {0};
    struct filter *filter;
    struct filter_problem problem;
    (void)state;
    for (int more = 0; more < 2; more++) {
        buf_clear(&text);
        for (int i = 0; i < FILTER_DEPTH_MAX + more; i++) buf_put_text(&text, i % 2 ? "(" : "not ");
        buf_put_text(&text, "kind=ip");
        for (int i = 0; i < FILTER_DEPTH_MAX + more; i++)
            if (i % 2) buf_put_text(&text, ")");
        assert_int_equal(filter_parse(&filter, bytes_of_buf(&text), &problem), more ? ERR_LIMIT : OK);
        filter_free(filter);
        buf_clear(&text);
        for (int i = 0; i < FILTER_NODES_MAX - 1 + more; i++) buf_put_text(&text, "tlp=red ");
        assert_int_equal(filter_parse(&filter, bytes_of_buf(&text), &problem), more ? ERR_LIMIT : OK);
        filter_free(filter);
        buf_clear(&text);
        buf_put_text(&text, "kind=ip");
        while (text.size < FILTER_BYTES_MAX + (size_t)more) buf_put_text(&text, " ");
        assert_int_equal(filter_parse(&filter, bytes_of_buf(&text), &problem), more ? ERR_LIMIT : OK);
        filter_free(filter);
    }
    buf_free(&text);
}

/* Every line of the manual's examples is a filter, and its text of errors names every field. */
static void test_manual(void **state) {
    FILE *file = fopen("node/formats/FILTER.md", "r");
    char line[512];
    bool inside = false;
    size_t count = 0;
    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "```", 3) == 0) {
            inside = strcmp(line, "```filter\n") == 0;
            continue;
        }
        if (!inside) continue;
        struct filter *filter = parsed(line);
        assert_false(filter_empty(filter));
        filter_free(filter);
        count++;
    }
    fclose(file);
    assert_true(count >= 20);
}

/* What an index may be asked. */
static void test_required(void **state) {
    static const struct {
        const char *text;
        bool id;
        size_t values;
    } rows[] = {
        {"", false, 0},
        {"id = x--1", true, 0},
        {"type = indicator id = x--1 value = a.example", true, 2},
        {"value = 192.0.2.1", false, 2},
        {"value = 192.0.2.0/24", false, 0},
        {"value = *.a.example", false, 0},
        {"value = a.example, b.example", false, 0},
        {"value != a.example", false, 0},
        {"value ~ a.example", false, 0},
        {"value = a.example or id = x--1", false, 0},
        {"not value = a.example", false, 0},
        {"(value = a.example) and kind = domain", false, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct observable values[FILTER_REQUIRED_MAX];
        struct bytes id = {0};
        struct filter *filter = parsed(rows[i].text);
        if (filter_requires_id(filter, &id) != rows[i].id || filter_requires_value(filter, values) != rows[i].values)
            fail_msg("'%s': %d %zu", rows[i].text, filter_requires_id(filter, &id), filter_requires_value(filter, values));
        filter_free(filter);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes),    cmocka_unit_test(test_missing), cmocka_unit_test(test_partial),
        cmocka_unit_test(test_errors),   cmocka_unit_test(test_bounds),  cmocka_unit_test(test_manual),
        cmocka_unit_test(test_required),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_free(&marks_text);
    return failed;
}
