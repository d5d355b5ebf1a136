/* The policy file: every refusal names file, line, column and what to write; the examples that ship are good; what is shown parses to the
   same again. */
#include "gossip/policy_rule.h"
#include "node/policy/policy_file.h"
#include "node/policy/policy_print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct policy_settings settings, again;

static enum err parse(const char *yaml, char *message) {
    return policy_file_parse(&settings, bytes_of_text(yaml), "policy.yaml", message);
}

#define V1 "version: 1\n"

static void test_refusals_name_their_place(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *place, *part;
    } cases[] = {
        {"", "1:1:", "says nothing"},
        {"# only a remark\n", "1:1:", "says nothing"},
        {"own: {}\n", "1:1:", "version is missing"},
        {"version: 2\n", "1:10:", "understands version 1"},
        {"version: [1]\n", "1:10:", "one value is expected"},
        {"- version\n", "1:1:", "a section is expected"},
        {V1 "exit: {}\n", "2:1:", "exit: there is no such section; known are version, authorities, own"},
        {V1 "own: {}\nown: {}\n", "3:1:", "stands twice"},
        {V1 "own: yes\n", "2:6:", "own: a section is expected"},
        {V1 "own: {colour: red}\n", "2:7:", "colour: there is no such setting of the own agency; known are nation"},
        {V1 "own: {client: yes}\n", "2:7:", "no such setting of the own agency"},
        {V1 "own: {police: true}\n", "2:15:", "neither yes nor no"},
        {V1 "own: {nation: \"\"}\n", "2:15:", "1 to 64 bytes"},
        {V1 "own: {nation: \"a\\tb\"}\n", "2:15:", "control characters"},
        {V1 "own: {nation: \"a\\0b\"}\n", "2:15:", "zero byte"},
        {V1 "own: {nation: &x FR}\n", "2:15:", "anchors"},
        {V1 "own: {nation: !!str FR}\n", "2:15:", "tags"},
        {V1 "own: {nation: *x}\n", "2:15:", "aliases"},
        {V1 "own: &x {nation: FR}\n", "2:6:", "anchors and tags"},
        {V1 "own: {caveats: A}\n", "2:16:", "a list is expected"},
        {V1 "own: {caveats: [A, A]}\n", "2:20:", "stands twice"},
        {V1 "own: {accreditations: {EU: R-UE/EU-R}}\n", "2:24:", "not under \"authorities\""},
        {V1 "authorities: {EU: known}\nown: {accreditations: {EU: SECRET}}\n",
         "3:28:", "no level \"SECRET\"; known are R-UE/EU-R, C-UE/EU-C, S-UE/EU-S, TS-UE/EU-TS"},
        {V1 "authorities: {ZZ: known}\n", "2:19:", "not among the known ones"},
        {V1 "authorities: {EU: [A, B]}\n", "2:19:", "fixed by their publisher"},
        {V1 "authorities: {ZZ: []}\n", "2:19:", "1 to 16 levels"},
        {V1 "authorities: {ZZ: [A, A]}\n", "2:23:", "stands twice"},
        {V1 "authorities: {ZZ: {caveats: [X]}}\n", "2:15:", "levels are missing"},
        {V1 "authorities: {ZZ: maybe}\n", "2:19:", "write \"known\""},
        {V1 "agencies: {\"a b\": {}}\n", "2:19:", "no name of a pinned agency"},
        {V1 "agencies:\n  b: {label_max: AMBR}\n", "3:18:", "no label"},
        {V1 "agencies:\n  b: [x]\n", "3:6:", "b: a section is expected"},
        {V1 "communities: [a]\n", "2:14:", "a section is expected"},
        {V1 "communities: {c: [[a]]}\n", "2:19:", "one value is expected"},
        {V1 "clients: a\n", "2:10:", "a list is expected"},
        {V1 "exits: {taxi: open}\n", "2:9:", "taxi: there is no such exit; known are publish, reshare, local"},
        {V1 "exits: {metrics: open}\n", "2:9:", "never hold an object"},
        {V1 "exits: {taxii: shut}\n", "2:16:", "write \"open\" or \"closed\""},
        {V1 "exits: {taxii: {label: x}}\n", "2:17:", "no such setting of an exit"},
        {V1 "exits: {taxii: {pap_max: x}}\n", "2:26:", "no PAP label"},
        {V1 "exits: {export-blocking: {pap_max: PAP:AMBER}}\n", "2:36:", "never reaches rules that block"},
        {V1 "labels: {AMBER: {}}\n", "2:10:", "no such label; known are TLP:CLEAR"},
        {V1 "labels: {TLP:RED: {recipients: any}}\n", "2:32:", "named recipients only"},
        {V1 "labels: {TLP:AMBER: {recipients: some}}\n", "2:34:", "write \"named\""},
        {V1 "labels: {TLP:AMBER: {agreement: yes}}\n", "2:33:", "needed"},
        {V1 "labels: {TLP:AMBER: {retention_max: 90}}\n", "2:37:", "no length of time"},
        {V1 "labels: {TLP:AMBER: {retention_max: 0 days}}\n", "2:37:", "no length of time"},
        {V1 "labels: {TLP:AMBER: {retention_max: 36501 days}}\n", "2:37:", "no length of time"},
        {V1 "labels: {TLP:AMBER: {retention_max: 99999999999999999999 days}}\n", "2:37:", "no length of time"},
        {V1 "purposes: [a]\nagencies: {b: {purposes: [c]}}\n", "2:1:", "\"c\", for which b works"},
        {V1 "purposes: [a]\nown: {purposes: [c]}\n", "2:1:", "the own agency works"},
        {V1 "own: {nation: FR\n", "3:1:", "not YAML"},
        {V1 "\town: x\n", "2:1:", "not YAML"},
        {V1 "own: \xff\n", "2:6:", "not YAML"},
        {V1 "---\nversion: 1\n", "2:1:", "second document"},
        {V1 "\x1b[2J: x\n", "2:1:", "not YAML"},
        {V1 "own: {a: {b: {c: {d: {e: {f: {g: {h: i}}}}}}}}\n", "2:34:", "deeper than 8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[POLICY_FILE_ERROR_MAX], place[64];
        snprintf(place, sizeof place, "policy.yaml:%s ", cases[i].place);
        enum err err = parse(cases[i].yaml, message);
        if (err == OK || strncmp(message, place, strlen(place)) != 0 || !strstr(message, cases[i].part))
            fail_msg("case %zu:\n%s-> %s \"%s\", expected %s ... %s", i, cases[i].yaml, err_name(err), message, place,
                     cases[i].part);
        /* What was read before the mistake counts for nothing. */
        policy_settings_default(&again);
        assert_memory_equal(&settings, &again, sizeof settings);
    }
}

static void test_values_are_read(void **state) {
    (void)state;
    char message[POLICY_FILE_ERROR_MAX];
    if (parse(V1 "own: {nation: FR, police: yes, accreditations: {EU: S-UE/EU-S}}\n"
                 "authorities:\n  EU: {levels: known, caveats: [ATOMAL]}\n  ZZ: [LOW, HIGH]\n"
                 "agencies: {b: {label_max: amber, accreditations: {ZZ: HIGH}, client: yes}}\n"
                 "communities: {c: [b, d]}\nclients: [d]\n"
                 "exits: {taxii: {label_max: TLP:RED, pap_max: green}, hook: closed, live: {open: no}, export-stix: {world: yes}}\n"
                 "labels: {TLP:AMBER: {recipients: named, agreement: needed, retention_max: 36 hours}}\n"
                 "purposes: [p]\nlegal_bases: [l]\n",
              message) != OK)
        fail_msg("%s", message);
    assert_string_equal(settings.own.nation, "FR");
    assert_true(settings.own.police);
    assert_string_equal(settings.own.accreditations[0].level, "S-UE/EU-S");
    assert_int_equal(settings.authority_count, 2);
    assert_string_equal(settings.authorities[1].levels[1], "HIGH");
    assert_true(policy_names_has(&settings.authorities[0].caveats, bytes_of_text("ATOMAL")));
    const struct policy_agency *b = policy_settings_agency(&settings, "b"), *d = policy_settings_agency(&settings, "d");
    assert_true(b && d && !policy_settings_agency(&settings, "e"));
    assert_true(b->label_max == TLP_AMBER && b->client && b->community && d->client && d->community);
    assert_true(settings.green_to_communities);
    assert_true(settings.exits[POLICY_TAXII].label_max == TLP_RED && settings.exits[POLICY_TAXII].pap_max == PAP_GREEN);
    assert_true(settings.exits[POLICY_HOOK].closed && settings.exits[POLICY_LIVE].closed && settings.exits[POLICY_STIX].world);
    assert_true(settings.labels[TLP_AMBER].named && settings.labels[TLP_AMBER].agreement && settings.labels[TLP_RED].named);
    assert_int_equal(settings.labels[TLP_AMBER].retention_max_ms, 36 * 3600 * 1000);
    policy_file_free(&settings);
    /* As good as no file. */
    assert_int_equal(parse(V1, message), OK);
    policy_settings_default(&again);
    assert_memory_equal(&settings, &again, sizeof settings);
}

static void shown_again(const struct policy_settings *shown) {
    char message[POLICY_FILE_ERROR_MAX];
    struct buf first = {0}, second = {0};
    policy_print_yaml(&first, shown);
    if (policy_file_parse(&again, bytes_of_buf(&first), "shown", message) != OK)
        fail_msg("%s\n%.*s", message, (int)first.size, first.data);
    policy_print_yaml(&second, &again);
    assert_true(bytes_equal(bytes_of_buf(&first), bytes_of_buf(&second)));
    assert_memory_equal(shown->exits, again.exits, sizeof again.exits);
    assert_memory_equal(shown->labels, again.labels, sizeof again.labels);
    policy_file_free(&again);
    buf_free(&first);
    buf_free(&second);
}

static void test_examples_are_good(void **state) {
    (void)state;
    static const char *const names[] = {"cert", "police", "ministry"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128], message[POLICY_FILE_ERROR_MAX];
        snprintf(path, sizeof path, "deploy/policies/%s.yaml", names[i]);
        if (policy_file_read(&settings, path, message) != OK) fail_msg("%s", message);
        shown_again(&settings);
        policy_file_free(&settings);
    }
    policy_settings_default(&settings);
    shown_again(&settings);
}

static void read_manual(struct buf *out) {
    FILE *file = fopen("deploy/policies/POLICY.md", "r");
    assert_non_null(file);
    uint8_t *at = buf_grow(out, 64 * 1024);
    out->size = fread(at, 1, 64 * 1024 - 1, file);
    out->data[out->size] = 0;
    fclose(file);
}

/* The manual's own examples are one policy, and it names every rule. */
static void test_manual(void **state) {
    (void)state;
    char message[POLICY_FILE_ERROR_MAX], name[64];
    struct buf manual = {0}, yaml = {0};
    read_manual(&manual);
    const char *at = (const char *)manual.data, *end;
    while ((at = strstr(at, "```yaml\n")) != NULL && (end = strstr(at += 8, "```")) != NULL)
        buf_put_raw(&yaml, at, (size_t)(end - at));
    if (policy_file_parse(&settings, bytes_of_buf(&yaml), "POLICY.md", message) != OK) fail_msg("%s", message);
    assert_true(settings.agency_count >= 3);
    policy_file_free(&settings);
    for (size_t i = 0; i < policy_rule_count; i++) {
        snprintf(name, sizeof name, "`%s`", policy_rules[i].name);
        if (!strstr((const char *)manual.data, name)) fail_msg("the manual does not name the rule %s", policy_rules[i].name);
    }
    buf_free(&manual);
    buf_free(&yaml);
}

/* One over each bound. */
static void test_bounds(void **state) {
    (void)state;
    char message[POLICY_FILE_ERROR_MAX];
    struct buf yaml = {0};
    for (size_t extra = 0; extra < 2; extra++) {
        buf_clear(&yaml);
        buf_put_text(&yaml, V1 "purposes: [p0");
        for (size_t i = 1; i < POLICY_NAMES_MAX + extra; i++) buf_put_format(&yaml, ", p%zu", i);
        buf_put_text(&yaml, "]\nauthorities:\n");
        for (size_t i = 0; i < POLICY_AUTHORITIES_MAX; i++) buf_put_format(&yaml, "  A%zu: [L]\n", i);
        enum err err = policy_file_parse(&settings, bytes_of_buf(&yaml), "p", message);
        assert_int_equal(err, extra ? ERR_SYNTAX : OK);
    }
    assert_non_null(strstr(message, "more than 32 names"));
    buf_clear(&yaml);
    buf_put_text(&yaml, V1 "authorities:\n");
    for (size_t i = 0; i <= POLICY_AUTHORITIES_MAX; i++) buf_put_format(&yaml, "  A%zu: [L]\n", i);
    assert_int_equal(policy_file_parse(&settings, bytes_of_buf(&yaml), "p", message), ERR_SYNTAX);
    assert_non_null(strstr(message, "more than 16 authorities"));
    buf_clear(&yaml);
    buf_put_text(&yaml, V1 "clients:\n");
    for (size_t i = 0; i <= POLICY_FILE_AGENCIES_MAX; i++) buf_put_format(&yaml, "- a%zu\n", i);
    assert_int_equal(policy_file_parse(&settings, bytes_of_buf(&yaml), "p", message), ERR_SYNTAX);
    assert_non_null(strstr(message, "more than 1024 agencies"));
    buf_clear(&yaml);
    buf_put_text(&yaml, V1);
    while (yaml.size <= YAML_TREE_BYTES_MAX) buf_put_text(&yaml, "# a remark that fills the file to its limit and over it\n");
    assert_int_equal(policy_file_parse(&settings, bytes_of_buf(&yaml), "p", message), ERR_TOO_BIG);
    assert_non_null(strstr(message, "larger than 256 KiB"));
    buf_clear(&yaml);
    buf_put_text(&yaml, V1 "own:\n  caveats: [");
    for (size_t i = 0; i < YAML_TREE_NODES_MAX; i++) buf_put_text(&yaml, "a,");
    buf_put_text(&yaml, "a]\n");
    assert_int_equal(policy_file_parse(&settings, bytes_of_buf(&yaml), "p", message), ERR_SYNTAX);
    assert_non_null(strstr(message, "more than 16384 values"));
    buf_free(&yaml);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refusals_name_their_place), cmocka_unit_test(test_values_are_read),
                                       cmocka_unit_test(test_examples_are_good), cmocka_unit_test(test_manual),
                                       cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests_name("policy_file", tests, NULL, NULL);
}
