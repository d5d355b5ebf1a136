/* log_event, log_json: ids of events, and lines as JSON. */
#include "node/process/log_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>
#include <cmocka.h>

static bool is_json(const char *text, size_t size) {
    yajl_handle parser = yajl_alloc(NULL, NULL, NULL);
    assert_non_null(parser);
    bool good =
        yajl_parse(parser, (const unsigned char *)text, size) == yajl_status_ok && yajl_complete_parse(parser) == yajl_status_ok;
    yajl_free(parser);
    return good;
}

/* Every id is there once, and made of lower-case words; nothing beyond the table has one. */
static void test_ids(void **state) {
    (void)state;
    for (int i = LOG_EVENT_NONE + 1; i < LOG_EVENT_COUNT; i++) {
        const char *id = log_event_id((enum log_event)i);
        assert_non_null(strchr(id, '.'));
        assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz.-"), strlen(id));
        assert_true(strlen(log_event_text((enum log_event)i)) > 10);
        for (int k = LOG_EVENT_NONE + 1; k < i; k++) assert_string_not_equal(id, log_event_id((enum log_event)k));
    }
    assert_null(log_event_id(LOG_EVENT_NONE));
    assert_null(log_event_id(LOG_EVENT_COUNT));
}

/* The operators' manual has a row for each: "| `id` |". */
static void test_documented(void **state) {
    FILE *file = fopen("deploy/OPERATIONS.md", "r");
    static char text[256 * 1024];
    (void)state;
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    for (int i = LOG_EVENT_NONE + 1; i < LOG_EVENT_COUNT; i++) {
        char row[80];
        snprintf(row, sizeof row, "\n| `%s` |", log_event_id((enum log_event)i));
        if (!strstr(text, row)) fail_msg("deploy/OPERATIONS.md has no row for %s", log_event_id((enum log_event)i));
    }
}

static void test_counted(void **state) {
    (void)state;
    uint64_t before = log_event_happened(LOG_LINK_UP);
    log_open("test", LOG_LEVEL_FATAL); /* nothing is written, all is counted */
    log_event(LOG_LINK_UP, NULL, "up");
    log_event_silent(LOG_LINK_UP);
    log_event_silent(LOG_EVENT_NONE);
    assert_int_equal(log_event_happened(LOG_LINK_UP), before + 2);
    assert_int_equal(log_event_happened(LOG_EVENT_NONE), 0);
}

static const struct log_json plain = {.when = "2026-01-02T03:04:05.678Z", .role = "engine", .level = "warn", .text = "linked"};

static void test_json(void **state) {
    char out[4096];
    struct log_json line = plain;
    (void)state;
    out[log_json(out, sizeof out, &line)] = 0;
    assert_string_equal(out, "{\"ts\":\"2026-01-02T03:04:05.678Z\",\"level\":\"warn\",\"role\":\"engine\",\"text\":\"linked\"}\n");
    line.event = "link.up";
    line.fields = LOG_FIELDS(LOG_TEXT("agency", "a \"b\" \\ \n"), LOG_NUMBER("entry", 18446744073709551615u));
    line.text = "say \"hi\" \\x0a";
    out[log_json(out, sizeof out, &line)] = 0;
    assert_string_equal(out, "{\"ts\":\"2026-01-02T03:04:05.678Z\",\"level\":\"warn\",\"role\":\"engine\",\"event\":\"link.up\","
                             "\"agency\":\"a \\\"b\\\" \\\\ \\\\x0a\",\"entry\":18446744073709551615,"
                             "\"text\":\"say \\\"hi\\\" \\\\x0a\"}\n");
}

/* However long text and fields are, the line is one whole object within its bound, and no character is cut in two. */
static void test_json_bounds(void **state) {
    static char text[8192], field[8192];
    (void)state;
    for (size_t bytes = 512; bytes <= 4096; bytes += 7) {
        char *out = malloc(bytes);
        struct log_json line = plain;
        memset(text, '"', sizeof text - 1);
        for (size_t i = 0; i + 2 < sizeof field; i += 2) memcpy(field + i, "\xc3\xa9", 2);
        line.text = bytes % 2 ? text : field;
        line.fields = LOG_FIELDS(LOG_TEXT("first", field), LOG_TEXT("second", text), LOG_TEXT("third", field));
        size_t size = log_json(out, bytes, &line);
        assert_true(size <= bytes);
        assert_memory_equal(out + size - 6, "...\"}\n", 6);
        assert_true(is_json(out, size));
        free(out);
    }
}

/* What the log writes, read back from a pipe. */
static void written(char out[static 4096], const char *format, const char *text) {
    int pipes[2], before = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipes), 0);
    setenv(LOG_FORMAT_VARIABLE, format, 1);
    dup2(pipes[1], STDERR_FILENO);
    log_open("test", LOG_LEVEL_INFO);
    log_event(LOG_LINK_REFUSED, LOG_FIELDS(LOG_TEXT("agency", "x")), "%s", text);
    dup2(before, STDERR_FILENO);
    close(before), close(pipes[1]);
    ssize_t size = read(pipes[0], out, 4095);
    close(pipes[0]);
    assert_true(size > 0);
    out[size] = 0;
}

/* Foreign text neither ends a line nor forges an event. */
static void test_lines(void **state) {
    char line[4096];
    (void)state;
    written(line, "text", "x\n2026 engine warn [log.forked] y");
    assert_non_null(strstr(line, "Z test warn [link.refused] x\\x0a2026 engine"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    written(line, "json", "x\",\"event\":\"log.forked");
    assert_non_null(strstr(line, "\"role\":\"test\",\"event\":\"link.refused\",\"agency\":\"x\",\"text\":\"x\\\",\\\"event"));
    assert_true(is_json(line, strlen(line)));
    written(line, "other", "what is no format changes nothing");
    assert_int_equal(line[0], '{');
}

/* A priority only where standard error is what the journal gave. */
static void test_journal(void **state) {
    char line[4096], stream[64];
    struct stat about;
    (void)state;
    setenv("JOURNAL_STREAM", "1:2", 1);
    written(line, "text", "somewhere else");
    assert_int_not_equal(line[0], '<');
    int pipes[2], before = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    assert_int_equal(fstat(STDERR_FILENO, &about), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)about.st_dev, (unsigned long long)about.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("test", LOG_LEVEL_INFO);
    log_warn("to the journal");
    dup2(before, STDERR_FILENO);
    close(before), close(pipes[1]);
    ssize_t size = read(pipes[0], line, sizeof line - 1);
    close(pipes[0]);
    assert_true(size > 0);
    assert_memory_equal(line, "<4>20", 5);
    unsetenv("JOURNAL_STREAM");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ids),         cmocka_unit_test(test_documented),
                                       cmocka_unit_test(test_counted),     cmocka_unit_test(test_json),
                                       cmocka_unit_test(test_json_bounds), cmocka_unit_test(test_lines),
                                       cmocka_unit_test(test_journal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
