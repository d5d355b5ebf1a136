/* The configuration file: every refusal names file, line, column and what to write; what is written parses again; the example that
   ships says the defaults. */
#include "node/process/config.h"
#include "node/net/endpoint_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum err parse(struct config *out, const char *yaml, char *message) {
    return config_parse(out, bytes_of_text(yaml), "comity.yaml", message);
}

static void test_refusals_name_their_place(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *place, *part;
    } cases[] = {
        {"", "comity.yaml:1:1:", "says nothing"},
        {"# only a remark\n", "comity.yaml:2:1:", "says nothing"},
        {"agency\n", "comity.yaml:1:1:", "one setting a line"},
        {"- agency\n", "comity.yaml:1:1:", "a list stands"},
        {"agency: A\nlisten_on: x\n",
         "comity.yaml:2:1:", "known are agency, listen, advertise, payload_quota, cache, sync, log_level"},
        {"agency: A\n\nagency: B\n", "comity.yaml:3:1:", "stands twice"},
        {"agency: \"\"\n", "comity.yaml:1:9:", "it is empty"},
        {"agency: \"a\\tb\"\n", "comity.yaml:1:9:", "control character"},
        {"agency: \"a\\0b\"\n", "comity.yaml:1:9:", "zero byte"},
        {"agency: [a, b]\n", "comity.yaml:1:9:", "a list stands"},
        {"agency: {a: b}\n", "comity.yaml:1:9:", "a section stands"},
        {"agency: &x A\n", "comity.yaml:1:9:", "anchors"},
        {"agency: !!str A\n", "comity.yaml:1:9:", "tags"},
        {"agency: A\nlisten: *x\n", "comity.yaml:2:9:", "aliases"},
        {"agency: A\n---\nagency: B\n", "comity.yaml:2:1:", "second document"},
        {"agency: A\nlisten: 127.0.0.1:7400\n", "comity.yaml:2:9:", "does not start with tcp://"},
        {"agency: A\nlisten: tcp://127.0.0.1\n", "comity.yaml:2:9:", "port is missing"},
        {"agency: A\nlisten: tcp://[::1]\n", "comity.yaml:2:9:", "port is missing"},
        {"agency: A\nlisten: tcp://127.0.0.1:0\n", "comity.yaml:2:9:", "no number from 1"},
        {"agency: A\nlisten: tcp://127.0.0.1:65536\n", "comity.yaml:2:9:", "no number from 1"},
        {"agency: A\nlisten: tcp://127.0.0.1:x\n", "comity.yaml:2:9:", "no number from 1"},
        {"agency: A\nlisten: tcp://10.0.0.300:1\n", "comity.yaml:2:9:", "no name and no address"},
        {"agency: A\nlisten: tcp://a..b:1\n", "comity.yaml:2:9:", "no name and no address"},
        {"agency: A\nlisten: tcp://*:1\n", "comity.yaml:2:9:", "write 0.0.0.0"},
        {"agency: A\nlisten: tcp://::1:7400\n", "comity.yaml:2:9:", "brackets"},
        {"agency: A\nlisten: tcp://0.0.0.0:1\n", "comity.yaml:1:1:", "advertise: is missing"},
        {"agency: A\nlisten: tcp://[::]:1\n", "comity.yaml:1:1:", "advertise: is missing"},
        {"agency: A\nadvertise: tcp://0.0.0.0:1\n", "comity.yaml:2:12:", "nobody can dial"},
        {"listen: tcp://127.0.0.1:1\n", "comity.yaml:1:1:", "agency: is missing"},
        {"agency: A\nsync: yes\n", "comity.yaml:2:7:", "neither true nor false"},
        {"agency: A\ncache: 64 MB\n", "comity.yaml:2:8:", "no size"},
        {"agency: A\ncache: -1\n", "comity.yaml:2:8:", "no size"},
        {"agency: A\ncache: 1\n", "comity.yaml:2:8:", "from 1 MiB"},
        {"agency: A\ncache: 1025 TiB\n", "comity.yaml:2:8:", "no size"},
        {"agency: A\ncache: 99999999999999999999\n", "comity.yaml:2:8:", "no size"},
        {"agency: A\nlog_level: loud\n", "comity.yaml:2:12:", "warn, info or debug"},
        {"agency: A\nlog.format: xml\n", "comity.yaml:2:13:", "text or json"},
        {"agency: A\nlive.listen: 127.0.0.1\n", "comity.yaml:2:14:", "no place to listen"},
        {"agency: A\nlive.pub: 0.0.0.0:1\n", "comity.yaml:2:11:", "a loopback address only"},
        {"agency: A\nlive.pub: 127.evil.example:1\n", "comity.yaml:2:11:", "a loopback address only"},
        {"agency: A\nlive.pub: node.example:1\n", "comity.yaml:2:11:", "a loopback address only"},
        {"agency: A\nlive.pub_max_label: TLP:RED\n", "comity.yaml:2:21:", "TLP:AMBER+STRICT"},
        {"agency: A\nlive.pub_max_label: none\n", "comity.yaml:2:21:", "TLP:AMBER+STRICT"},
        {"agency: \"A\n", "comity.yaml:2:1:", "not YAML"},
        {"agency: A\n\tlisten: x\n", "comity.yaml:2:1:", "not YAML"},
        {"agency: A\nlisten: \xff\n", "comity.yaml:2:9:", "not YAML"},
        {"agency: A\n\x1b[2J: x\n", "comity.yaml:2:1:", "not YAML"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config;
        char message[CONFIG_ERROR_TEXT_MAX];
        enum err err = parse(&config, cases[i].yaml, message);
        if (err == OK || strncmp(message, cases[i].place, strlen(cases[i].place)) != 0 || !strstr(message, cases[i].part))
            fail_msg("case %zu:\n%s-> %s \"%s\", expected %s ... %s", i, cases[i].yaml, err_name(err), message, cases[i].place,
                     cases[i].part);
    }
}

static void test_values_are_read(void **state) {
    (void)state;
    struct config config;
    char message[CONFIG_ERROR_TEXT_MAX];
    assert_int_equal(parse(&config,
                           "log_level: debug\nagency: CERT Ünïted\nlisten: tcp://[::1]:7400\npayload_quota: 3GiB\ncache: 1048577\n"
                           "sync: false\n",
                           message),
                     OK);
    assert_string_equal(config.agency_name, "CERT Ünïted");
    assert_string_equal(config.listen, "tcp://[::1]:7400");
    assert_string_equal(config.advertise, "tcp://[::1]:7400");
    assert_int_equal(config.payload_quota_bytes, 3ull << 30);
    assert_int_equal(config.cache_bytes, 1048577);
    assert_false(config.sync);
    assert_string_equal(config.log_level, "debug");
    /* A name of 64 bytes is the longest. */
    char yaml[128];
    snprintf(yaml, sizeof yaml, "agency: %064d\n", 7);
    assert_int_equal(parse(&config, yaml, message), OK);
    snprintf(yaml, sizeof yaml, "agency: %065d\n", 7);
    assert_int_equal(parse(&config, yaml, message), ERR_SYNTAX);
}

static void check_round_trip(const struct config *config) {
    struct config again;
    struct buf yaml = {0};
    char message[CONFIG_ERROR_TEXT_MAX];
    assert_int_equal(config_write(&yaml, config), OK);
    if (config_parse(&again, bytes_of_buf(&yaml), "written", message) != OK) fail_msg("%s", message);
    assert_string_equal(again.agency_name, config->agency_name);
    assert_string_equal(again.listen, config->listen);
    assert_string_equal(again.advertise, config->advertise);
    assert_int_equal(again.payload_quota_bytes, config->payload_quota_bytes);
    assert_int_equal(again.cache_bytes, config->cache_bytes);
    assert_int_equal(again.sync, config->sync);
    assert_string_equal(again.log_level, config->log_level);
    assert_string_equal(again.log_format, config->log_format);
    assert_string_equal(again.live_listen, config->live_listen);
    assert_string_equal(again.live_pub, config->live_pub);
    assert_int_equal(again.live_pub_label_max, config->live_pub_label_max);
    buf_free(&yaml);
}

static void test_what_is_written_parses(void **state) {
    (void)state;
    static const char *const names[] = {"A", "a \"quoted\" \\name\\", "# no remark", "true", "{x}: [y]", "- z", "agency: B",
                                        "'", "Ünïted 联合",           "%d &a *b !c"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct config config;
        config_defaults(&config);
        snprintf(config.agency_name, sizeof config.agency_name, "%s", names[i]);
        check_round_trip(&config);
        snprintf(config.listen, sizeof config.listen, "tcp://0.0.0.0:%zu", i + 1);
        snprintf(config.advertise, sizeof config.advertise, "tcp://node.example:%zu", i + 1);
        config.payload_quota_bytes = (1ull << 20) + i;
        config.cache_bytes = (i + 1) << 21;
        config.sync = false;
        snprintf(config.log_level, sizeof config.log_level, "warn");
        snprintf(config.log_format, sizeof config.log_format, "json");
        snprintf(config.live_listen, sizeof config.live_listen, "node.example:%zu", i + 1);
        snprintf(config.live_pub, sizeof config.live_pub, i % 2 ? "[::1]:7" : "127.0.0.2:7");
        config.live_pub_label_max = TLP_AMBER_STRICT;
        check_round_trip(&config);
    }
}

static void test_the_example_says_the_defaults(void **state) {
    (void)state;
    char text[16384], message[CONFIG_ERROR_TEXT_MAX];
    struct config defaults, config;
    FILE *file = fopen("deploy/comity.yaml.example", "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    if (config_parse(&config, bytes_of(text, size), "comity.yaml.example", message) != OK) fail_msg("%s", message);
    config_defaults(&defaults);
    assert_string_equal(config.agency_name, "Example Agency");
    assert_string_equal(config.listen, defaults.listen);
    assert_string_equal(config.advertise, defaults.advertise);
    assert_int_equal(config.payload_quota_bytes, defaults.payload_quota_bytes);
    assert_int_equal(config.cache_bytes, defaults.cache_bytes);
    assert_int_equal(config.sync, defaults.sync);
    assert_string_equal(config.log_level, defaults.log_level);
    assert_string_equal(config.log_format, defaults.log_format);
    assert_string_equal(config.live_listen, defaults.live_listen);
    assert_string_equal(config.live_pub, defaults.live_pub);
    assert_int_equal(config.live_pub_label_max, defaults.live_pub_label_max);
}

static void test_a_file_past_the_limit_is_refused(void **state) {
    (void)state;
    char message[CONFIG_ERROR_TEXT_MAX];
    struct config config;
    size_t size = 64 * 1024 + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '#', size);
    assert_int_equal(config_parse(&config, bytes_of(text, size), "f", message), ERR_SYNTAX);
    assert_non_null(strstr(message, "64 KiB"));
    /* Deep nesting ends at the first level. */
    memset(text, '[', size - 1);
    assert_int_equal(config_parse(&config, bytes_of(text, size - 1), "f", message), ERR_SYNTAX);
    free(text);
}

static void test_wildcards_are_known(void **state) {
    (void)state;
    assert_true(endpoint_text_wildcard("tcp://0.0.0.0:1"));
    assert_true(endpoint_text_wildcard("tcp://[::]:1"));
    assert_true(endpoint_text_wildcard("tcp://[0:0::0]:1"));
    assert_false(endpoint_text_wildcard("tcp://127.0.0.1:1"));
    assert_false(endpoint_text_wildcard("tcp://[::1]:1"));
    assert_false(endpoint_text_wildcard("tcp://node.example:1"));
    assert_null(endpoint_text_problem("tcp://node.example:65535"));
    assert_null(endpoint_text_problem("tcp://[2001:db8::1]:1"));
    assert_non_null(endpoint_text_problem("tcp://[2001:db8::zz]:1"));
    assert_non_null(endpoint_text_problem("tcp://:1"));
    assert_non_null(endpoint_text_problem(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_name_their_place),        cmocka_unit_test(test_values_are_read),
        cmocka_unit_test(test_what_is_written_parses),           cmocka_unit_test(test_the_example_says_the_defaults),
        cmocka_unit_test(test_a_file_past_the_limit_is_refused), cmocka_unit_test(test_wildcards_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
