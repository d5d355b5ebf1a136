/* DIR/hooks.yaml: what a good file says, the example that ships, and where a bad one is wrong. */
#include "node/hook/hook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIR "/var/lib/comity"

static struct hook_file file;

static enum err parse(const char *text) { return hook_file_parse(&file, bytes_of_text(text), "hooks.yaml", DIR); }

static void test_good(void **state) {
    (void)state;
    assert_int_equal(parse("version: 1\n"
                           "hooks:\n"
                           "  zone:\n"
                           "    file: /srv/rpz.zone\n"
                           "    format: rpz\n"
                           "    zone: rpz.example\n"
                           "    kinds: [domain, ipv4]\n"
                           "    max-label: TLP:GREEN\n"
                           "    mode: 0640\n"
                           "    interval: 2 minutes\n"
                           "    reload: [/usr/sbin/rndc, reload]\n"
                           "    network: yes\n"
                           "  Tell-me_1:\n"
                           "    command: [/bin/cat, '-']\n"
                           "    max-label: TLP:AMBER+STRICT\n"
                           "    batch: 10\n"
                           "    wait: 0 seconds\n"
                           "    from: now\n"
                           "    runs: [/bin/date]\n"
                           "    reads: [/srv/a]\n"
                           "    writes: [/srv/b, /srv/c]\n"
                           "    time-limit: 90 seconds\n"
                           "    subscription: soc\n"),
                     OK);
    assert_int_equal(file.count, 2);
    const struct hook *zone = &file.hooks[0], *tell = &file.hooks[1];
    assert_string_equal(zone->name, "zone");
    assert_string_equal(zone->file, "/srv/rpz.zone");
    assert_string_equal(zone->format->name, "rpz");
    assert_int_equal(zone->kinds, EXPORT_KIND(OBSERVABLE_DOMAIN) | EXPORT_KIND(OBSERVABLE_IPV4));
    assert_int_equal(zone->labels, 1 << TLP_CLEAR | 1 << TLP_GREEN);
    assert_int_equal(zone->mode, 0640);
    assert_int_equal(zone->interval_ms, 120000);
    assert_int_equal(zone->command.count, 2);
    assert_null(zone->command.words[2]);
    assert_true(zone->network);
    assert_int_equal(hook_exit(zone), POLICY_BLOCKING);
    assert_null(tell->file);
    assert_string_equal(tell->command.words[1], "-");
    assert_int_equal(tell->labels, 1 << TLP_CLEAR | 1 << TLP_GREEN | 1 << TLP_AMBER | 1 << TLP_AMBER_STRICT);
    assert_int_equal(tell->batch, 10);
    assert_int_equal(tell->wait_ms, 0);
    assert_true(tell->from_now);
    assert_false(tell->network);
    assert_int_equal(tell->writes.count, 2);
    assert_int_equal(tell->limit_ms, 90000);
    assert_string_equal(tell->subscription, "soc");
    assert_int_equal(hook_exit(tell), POLICY_HOOK);
    hook_file_free(&file);
}

/* What ships is good, and shows every line that there is. */
static void test_example(void **state) {
    (void)state;
    struct buf text = {0};
    assert_int_equal(dir_read_path(&text, "deploy/hooks.yaml.example", HOOKS_FILE_BYTES_MAX), OK);
    enum err err = hook_file_parse(&file, bytes_of_buf(&text), "hooks.yaml.example", DIR);
    if (err != OK) fail_msg("%s", file.tree.message);
    assert_int_equal(file.count, 3);
    assert_string_equal(file.hooks[0].name, "resolver");
    assert_int_equal(file.hooks[2].batch, 500);
    hook_file_free(&file);
    buf_free(&text);
}

#define HEAD      "version: 1\nhooks:\n  a:\n"
#define GOOD      "    command: [/bin/cat]\n    max-label: TLP:GREEN\n"
#define FILE_GOOD "    file: /srv/x\n    format: list\n    max-label: TLP:GREEN\n"

static void test_bad(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "hooks.yaml:1:1: the file says nothing"},
        {"version: 2\nhooks:\n  a:\n" GOOD, "hooks.yaml:1:10: version: this program knows version 1 only"},
        {"hooks:\n  a:\n" GOOD, "version is missing"},
        {"version: 1\n", "hooks is missing"},
        {"version: 1\nhook:\n", "hooks.yaml:2:1: hook: there is no such line"},
        {"version: 1\nhooks:\n  a b:\n" GOOD, "hooks.yaml:3:3: a b: a hook's name has"},
        {HEAD GOOD "    colour: red\n", "hooks.yaml:6:5: colour: a hook that calls a command has no such line"},
        {HEAD GOOD "    format: rpz\n", "hooks.yaml:6:5: format: a hook that calls a command has no such line"},
        {HEAD FILE_GOOD "    batch: 3\n", "hooks.yaml:7:5: batch: a hook that writes a file has no such line"},
        {HEAD "    command: [/bin/cat]\n", "hooks.yaml:3:3: a: max-label is missing"},
        {HEAD "    max-label: TLP:GREEN\n", "hooks.yaml:3:3: a: either a command or a file"},
        {HEAD GOOD "    file: /srv/x\n", "hooks.yaml:3:3: a: either a command or a file"},
        {HEAD "    command: [/bin/cat]\n    max-label: TLP:RED\n", "hooks.yaml:5:16: max-label: \"TLP:RED\" does not fit"},
        {HEAD "    command: [cat]\n    max-label: TLP:GREEN\n", "hooks.yaml:4:15: this: \"cat\" is no whole path"},
        {HEAD "    command: /bin/cat\n    max-label: TLP:GREEN\n", "hooks.yaml:4:14: command: a list is expected here"},
        {HEAD "    command: [/bin/../cat]\n    max-label: TLP:GREEN\n", "is no whole path"},
        {HEAD GOOD "    writes: [/var/lib/comity/store]\n", "leads to the node's own directory"},
        {HEAD GOOD "    reads: [/var/lib]\n", "hooks.yaml:6:13: this: \"/var/lib\" leads to the node's own directory"},
        {HEAD GOOD "    reads: [/]\n", "is no whole path"},
        {HEAD "    file: /var/lib/comity/node.key\n    format: list\n    max-label: TLP:GREEN\n",
         "leads to the node's own directory"},
        {HEAD "    file: /srv/x\n    max-label: TLP:GREEN\n", "format is missing"},
        {HEAD "    file: /srv/x\n    format: colour\n    max-label: TLP:GREEN\n",
         "hooks.yaml:5:13: format: \"colour\" is none; known are list"},
        {HEAD FILE_GOOD "    zone: rpz.example\n", "only rpz has a zone"},
        {HEAD FILE_GOOD "    network: yes\n", "nothing is called"},
        {HEAD FILE_GOOD "    mode: 0755\n", "hooks.yaml:7:11: mode: \"0755\" fits no file"},
        {HEAD FILE_GOOD "    interval: 0 seconds\n", "interval: \"0 seconds\" is no length of time"},
        {HEAD FILE_GOOD "    interval: 5\n", "hooks.yaml:7:15: interval: \"5\" is no length of time"},
        {HEAD GOOD "    wait: 3 weeks\n", "wait: \"3 weeks\""},
        {HEAD GOOD "    batch: 0\n", "hooks.yaml:6:12: batch: a number from 1 to 10000"},
        {HEAD GOOD "    batch: 10001\n", "batch: a number"},
        {HEAD GOOD "    from: yesterday\n", "neither start nor now"},
        {HEAD GOOD "    network: maybe\n", "neither yes nor no"},
        {HEAD GOOD "    filter: ']'\n", "filter: at its column"},
        {HEAD GOOD "    batch: 3\n    batch: 3\n", "hooks.yaml:7:5"},
        {HEAD FILE_GOOD "  b:\n" FILE_GOOD, "hooks.yaml:7:3: b: the hook a writes /srv/x already"},
        {HEAD GOOD "    subscription: s\n  b:\n" GOOD "    subscription: s\n",
         "b: the hook a moves the position of the subscription s already"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(parse(rows[i].text), ERR_SYNTAX);
        if (!strstr(file.tree.message, rows[i].message)) fail_msg("wanted \"%s\", got \"%s\"", rows[i].message, file.tree.message);
        hook_file_free(&file);
    }
}

/* One more than there is room for. */
static void test_many(void **state) {
    (void)state;
    struct buf text = {0};
    buf_put_text(&text, "version: 1\nhooks:\n");
    for (int i = 0; i <= HOOKS_MAX; i++) {
        if (i == HOOKS_MAX) {
            assert_int_equal(hook_file_parse(&file, bytes_of_buf(&text), "hooks.yaml", DIR), OK);
            assert_int_equal(file.count, HOOKS_MAX);
            hook_file_free(&file);
        }
        buf_put_format(&text, "  h%d:\n" GOOD, i);
    }
    assert_int_equal(hook_file_parse(&file, bytes_of_buf(&text), "hooks.yaml", DIR), ERR_SYNTAX);
    assert_non_null(strstr(file.tree.message, "more than 24 hooks"));
    hook_file_free(&file);
    buf_free(&text);
}

static void test_settings(void **state) {
    (void)state;
    struct hook_settings in = {.log_level = LOG_LEVEL_WARN, .dir = DIR, .file = bytes_of_text("version: 1\n")}, out;
    struct buf bytes = {0};
    assert_int_equal(hook_settings_encode(&in, &bytes), OK);
    assert_int_equal(hook_settings_decode(bytes_of_buf(&bytes), &out), OK);
    assert_string_equal(out.dir, DIR);
    assert_true(bytes_equal(out.file, in.file));
    assert_int_equal(hook_settings_decode(bytes_of(bytes.data, bytes.size - 1), &out), ERR_FORMAT);
    bytes.data[0] = 9;
    assert_int_equal(hook_settings_decode(bytes_of_buf(&bytes), &out), ERR_VERSION);
    buf_free(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_example), cmocka_unit_test(test_bad),
                                       cmocka_unit_test(test_many), cmocka_unit_test(test_settings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
