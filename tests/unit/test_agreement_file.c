/* agreement_file: the example that ships is read, and each mistake is named with its place. */
#include "node/sharing/agreement_file.h"

#include "node/process/dir.h"
#include "node/formats/yaml_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t salt[AGREEMENT_SALT_BYTES];
static struct agreement agreement; /* large: not on the stack */

static bool resolve(void *context, const char *name, uint8_t agency_id[static AGENCY_ID_BYTES]) {
    (void)context;
    memset(agency_id, strcmp(name, "self") == 0 ? 9 : name[strlen(name) - 1], AGENCY_ID_BYTES);
    return strcmp(name, "self") == 0 || strncmp(name, "cert.", 5) == 0;
}

static enum err read_text(struct buf *out, struct bytes yaml, char *message) {
    buf_clear(out);
    return agreement_file_read(out, yaml, "FILE", salt, 1790000000000, resolve, NULL, message);
}

static void test_example(void **state) {
    char message[AGREEMENT_FILE_TEXT_MAX];
    struct buf yaml = {0}, out = {0};
    (void)state;
    assert_int_equal(dir_read_path(&yaml, "deploy/policies/agreement.yaml", 65536), OK);
    if (read_text(&out, bytes_of_buf(&yaml), message) != OK) fail_msg("%s", message);
    assert_int_equal(agreement_decode(&agreement, bytes_of_buf(&out)), OK);
    assert_true(agreement.party_count == 2 && agreement.clause_count == 2 && agreement.level_count == 1);
    assert_int_equal(agreement.parties[0][0], 9); /* self */
    assert_true(agreement.clauses[0].from == 0 && agreement.clauses[0].to == 1);
    assert_int_equal(agreement.clauses[0].label_max, TLP_AMBER);
    assert_int_equal(agreement.clauses[0].reshare, AGREEMENT_RESHARE_PERMISSION);
    assert_true(bytes_equal_text(agreement.clauses[0].kinds[1], "malware"));
    assert_true(bytes_equal_text(agreement.levels[0].other_level, "LIMITED"));
    buf_free(&yaml), buf_free(&out);
}

#define HEAD   "agreement: T\nparties: [self, cert.b]\n"
#define CLAUSE HEAD "clauses:\n  - {from: self, to: cert.b, label_max: green"

static void test_mistakes(void **state) {
    static const struct {
        const char *yaml, *message; /* null: it is fine */
    } rows[] = {
        {CLAUSE "}\n", NULL},
        {CLAUSE ", retention: 90 days, purposes: [b, a]}\n", NULL},
        {"parties: [self, cert.b]\nclauses: []\n", "FILE:1:1: agreement: is missing"},
        {"agreement: T\nclauses: []\n", "FILE:1:1: parties: is missing"},
        {"agreement: T\nparties: [self]\nclauses: []\n", "FILE:2:10: parties: it takes two"},
        {"agreement: T\nparties: [self, nobody]\nclauses: []\n", "FILE:2:17: no agency is pinned as 'nobody'"},
        {"agreement: T\nparties: [self, self]\nclauses: []\n", "FILE:2:17: 'self' is a party already"},
        {"agreement: T\nparties: self\n", "FILE:2:10: parties: a list belongs here"},
        {HEAD, "FILE:1:1: clauses: is missing"},
        {HEAD "clause: []\n", "FILE:3:9: clause: there is no such line in an agreement; known are agreement, parties"},
        {HEAD "parties: []\n", "FILE:3:1: parties: stands twice"},
        {HEAD "until: 2020-01-01T00:00:00Z\nclauses: []\n", "FILE:3:8: until: it ends before it begins"},
        {HEAD "from: yesterday\nclauses: []\n", "FILE:3:7: 'yesterday' is no time"},
        {HEAD "clauses:\n  - {from: self, to: cert.b}\n", "FILE:4:5: label_max: is missing"},
        {HEAD "clauses:\n  - {from: self, to: cert.c, label_max: green}\n", "FILE:4:22: 'cert.c' is none of the parties"},
        {HEAD "clauses:\n  - {from: self, to: self, label_max: green}\n", "FILE:4:22: from and to are one party"},
        {HEAD "clauses:\n  - {from: self, to: any, label_max: pink}\n", "FILE:4:38: 'pink' is no label"},
        {CLAUSE ", kinds: indicator}\n", "kinds: a list belongs here"},
        {CLAUSE ", kinds: []}\n", "kinds: an empty list covers nothing"},
        {CLAUSE ", kinds: [a, a]}\n", "kinds: 'a' stands twice"},
        {CLAUSE ", retention: 90}\n", "'90' is no duration"},
        {CLAUSE ", retention: 99999999999999 days}\n", "is no duration"},
        {CLAUSE ", reshare: maybe}\n", "'maybe': it is no, with-permission or yes"},
        {CLAUSE ", colour: red}\n", "colour: there is no such line in a clause"},
        {HEAD "equivalences:\n  - {authority: A, level: R}\n", "FILE:4:5: counts_as_authority: is missing"},
        {"", "FILE:1:1: the file says nothing"},
        {"- a\n", "FILE:1:1: an agreement: \"key: value\" lines belong here"},
        {"a: &x b\n", "anchors are not used here"},
        {"a: *x\n", "aliases are not used here"},
        {"a: !!str b\n", "tags are not used here"},
        {"a: [\n", "this is not YAML"},
        {"a: b\n---\nc: d\n", "a second document starts here"},
        {"a: {b: {c: {d: {e: {f: {g: {h: {i: j}}}}}}}}\n", "nested deeper than 8 levels"},
        {"a: \"\\0\"\n", "it holds a zero byte"},
        {"a: \xff\n", "this is not YAML"},
    };
    char message[AGREEMENT_FILE_TEXT_MAX];
    struct buf out = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum err err = read_text(&out, bytes_of_text(rows[i].yaml), message);
        if ((err == OK) != (rows[i].message == NULL) || (err != OK && !strstr(message, rows[i].message)))
            fail_msg("row %zu: %s: %s", i, err_name(err), message);
        if (err == OK) assert_int_equal(agreement_decode(&agreement, bytes_of_buf(&out)), OK);
    }
    buf_free(&out);
}

/* One over each bound of the file. */
static void test_bounds(void **state) {
    char message[AGREEMENT_FILE_TEXT_MAX];
    struct buf yaml = {0}, out = {0};
    (void)state;
    for (int over = 0; over < 2; over++) {
        buf_clear(&yaml);
        buf_put_text(&yaml, HEAD "clauses:\n");
        for (int i = 0; i < LIMIT_AGREEMENT_CLAUSES + over; i++)
            buf_put_text(&yaml, "  - {from: self, to: any, label_max: green}\n");
        assert_int_equal(read_text(&out, bytes_of_buf(&yaml), message), over ? ERR_SYNTAX : OK);
        buf_clear(&yaml);
        buf_put_text(&yaml, "agreement: T\nclauses: []\nparties:\n");
        for (int i = 0; i < LIMIT_AGREEMENT_PARTIES + over; i++) buf_put_format(&yaml, "  - cert.%c\n", 'a' + i);
        assert_int_equal(read_text(&out, bytes_of_buf(&yaml), message), over ? ERR_SYNTAX : OK);
        buf_clear(&yaml);
        buf_put_text(&yaml, HEAD "clauses: [{from: self, to: any, label_max: green, kinds: [");
        for (int i = 0; i < LIMIT_AGREEMENT_WORDS + over; i++) buf_put_format(&yaml, "%sk%d", i ? "," : "", i);
        buf_put_text(&yaml, "]}]\n");
        assert_int_equal(read_text(&out, bytes_of_buf(&yaml), message), over ? ERR_SYNTAX : OK);
    }
    buf_clear(&yaml);
    while (yaml.size <= YAML_TREE_BYTES_MAX) buf_put_text(&yaml, "# nothing\n");
    assert_int_equal(read_text(&out, bytes_of_buf(&yaml), message), ERR_TOO_BIG);
    buf_clear(&yaml);
    buf_put_text(&yaml, HEAD "clauses: [");
    for (int i = 0; i < YAML_TREE_NODES_MAX; i++) buf_put_text(&yaml, "a,");
    buf_put_text(&yaml, "a]\n");
    assert_int_equal(read_text(&out, bytes_of_buf(&yaml), message), ERR_SYNTAX);
    assert_non_null(strstr(message, "more than 16384 values"));
    buf_free(&yaml), buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_example), cmocka_unit_test(test_mistakes),
                                       cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
