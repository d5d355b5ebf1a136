#include "node/formats/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>

/* What the cutter handed over, one line each: "v 3 {...}", "s {...}", "e {...}", "r 12 reason". */
struct cuts {
    struct json *json;
    struct buf out;
    bool keep_shells; /* treat no top-level object as a bundle */
    size_t locate;    /* tell where this offset of each text stood */
};

static enum err on_value(void *context, struct bytes text, const struct intake_place *place) {
    struct cuts *cuts = context;
    buf_put_format(&cuts->out, "v %llu ", (unsigned long long)place->index);
    buf_put(&cuts->out, text);
    if (cuts->locate > 0) {
        struct intake_place at = json_locate(cuts->json, cuts->locate);
        buf_put_format(&cuts->out, " @%llu:%llu", (unsigned long long)at.byte_offset, (unsigned long long)at.line);
    }
    buf_put_u8(&cuts->out, '\n');
    return OK;
}

static enum err on_shell(void *context, struct bytes text, const struct intake_place *place, bool complete, bool *enter) {
    struct cuts *cuts = context;
    assert_int_equal(place->index, 0);
    buf_put_text(&cuts->out, complete ? "e " : "s ");
    buf_put(&cuts->out, text);
    buf_put_u8(&cuts->out, '\n');
    *enter = !cuts->keep_shells;
    return OK;
}

static void on_refuse(void *context, const struct intake_place *place, const char *reason) {
    struct cuts *cuts = context;
    buf_put_format(&cuts->out, "r %llu %.30s\n", (unsigned long long)place->byte_offset, reason);
}

static enum err cut(struct cuts *cuts, struct bytes input, size_t chunk, size_t value_bytes_max) {
    struct json_handlers handlers = {cuts, on_value, on_shell, on_refuse, NULL};
    buf_clear(&cuts->out);
    cuts->json = json_new(&handlers, value_bytes_max, 0);
    assert_non_null(cuts->json);
    enum err error = OK;
    for (size_t at = 0; at < input.size && error == OK; at += chunk) {
        size_t size = input.size - at < chunk ? input.size - at : chunk;
        uint8_t *piece = malloc(size);
        assert_non_null(piece);
        memcpy(piece, input.data + at, size);
        error = json_feed(cuts->json, bytes_of(piece, size));
        free(piece);
    }
    if (error == OK) error = json_finish(cuts->json);
    json_free(cuts->json);
    buf_put_u8(&cuts->out, 0);
    return error;
}

/* Each input gives the same cuts whatever the pieces it comes in. */
static void test_cuts(void **state) {
    (void)state;
    static const struct {
        const char *input, *expected;
        enum err error;
    } cases[] = {
        {"", "", OK},
        {" \n ", "", OK},
        {"{}", "v 1 {}\n", OK},
        {" { \"a\" : [ 1 , 2 ] ,\n\"b c\" : \" x \\\" \" } ", "v 1 {\"a\":[1,2],\"b c\":\" x \\\" \"}\n", OK},
        {"{\"a\":1}\n{\"b\":2}\r\n\r\n{\"c\":3}", "v 1 {\"a\":1}\nv 2 {\"b\":2}\nv 3 {\"c\":3}\n", OK},
        {"{}{}", "v 1 {}\nv 2 {}\n", OK},
        {"[{\"a\":1}, {\"b\":[]} ]", "v 1 {\"a\":1}\nv 2 {\"b\":[]}\n", OK},
        {"[]", "", OK},
        {"[ 1 , \"x]\" , [ 2 ] , null]", "v 1 1\nv 2 \"x]\"\nv 3 [2]\nv 4 null\n", OK},
        {"12 null\"x\"", "v 1 12\nv 2 null\nv 3 \"x\"\n", OK},
        {"12", "v 1 12\n", OK},
        {"{\"type\":\"bundle\",\"objects\" : [ {\"a\": 1}, {\"objects\":[{}]} ], \"id\":7}",
         "s {\"type\":\"bundle\",\"objects\":[]}\nv 1 {\"a\":1}\nv 2 {\"objects\":[{}]}\ne "
         "{\"type\":\"bundle\",\"objects\":[],\"id\":7}\n",
         OK},
        {"{\"objects\":[]}", "s {\"objects\":[]}\ne {\"objects\":[]}\n", OK},
        {"[{\"objects\":[1]},{\"objects\":[2]}]",
         "s {\"objects\":[]}\nv 1 1\ne {\"objects\":[]}\ns {\"objects\":[]}\nv 2 2\ne {\"objects\":[]}\n", OK},
        {"{\"a\":{\"objects\":[1]}}", "v 1 {\"a\":{\"objects\":[1]}}\n", OK},
        {"{\"xobjects\":[1]}", "v 1 {\"xobjects\":[1]}\n", OK},
        {"{\"a\":\"objects\",\"b\":[1]}", "v 1 {\"a\":\"objects\",\"b\":[1]}\n", OK},
        {"{\"objects\":{\"0\":[1]}}", "v 1 {\"objects\":{\"0\":[1]}}\n", OK},
        {"{\"a\":\"\\\\\",\"b\":\"]}\"}", "v 1 {\"a\":\"\\\\\",\"b\":\"]}\"}\n", OK},
        {"{\"a\":1", "r 6 the input ends inside the obje\n", ERR_TRUNCATED},
        {"{\"a\":\"x", "r 7 the input ends inside the obje\n", ERR_TRUNCATED},
        {"{\"objects\":[{}", "s {\"objects\":[]}\nv 1 {}\nr 14 the input ends inside an array\n", ERR_TRUNCATED},
        {"{\"objects\":[{}]", "s {\"objects\":[]}\nv 1 {}\nr 15 the input ends inside the obje\n", ERR_TRUNCATED},
        {"[{},", "v 1 {}\nr 4 the input ends inside an array\n", ERR_TRUNCATED},
        {"[{} {}]", "v 1 {}\nr 4 malformed JSON: '{' stands whe\n", ERR_SYNTAX},
        {"[{},]", "v 1 {}\nr 4 malformed JSON: ']' stands whe\n", ERR_SYNTAX},
        {"[,{}]", "r 1 malformed JSON: ',' stands whe\n", ERR_SYNTAX},
        {"{}]", "v 1 {}\nr 2 malformed JSON: ']' stands whe\n", ERR_SYNTAX},
        {"{\"a\":[1}}", "r 7 malformed JSON: '}' stands whe\n", ERR_SYNTAX},
        {"{\"objects\":[{}],\"objects\":[{}]}", "s {\"objects\":[]}\nv 1 {}\nr 0 the bundle has two properties \n", ERR_SYNTAX},
    };
    struct cuts cuts = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t chunk = 1; chunk <= strlen(cases[i].input) + 1; chunk++) {
            assert_int_equal(cut(&cuts, bytes_of_text(cases[i].input), chunk, 1000), cases[i].error);
            assert_string_equal((char *)cuts.out.data, cases[i].expected);
        }
    cuts.keep_shells = true;
    assert_int_equal(cut(&cuts, bytes_of_text("{\"objects\":[{\"a\":1}]}"), 3, 1000), OK);
    assert_string_equal((char *)cuts.out.data, "s {\"objects\":[]}\nv 1 {\"objects\":[{\"a\":1}]}\n");
    buf_free(&cuts.out);
}

/* A place in the minified text is told as the place in the input. */
static void test_places(void **state) {
    (void)state;
    struct cuts cuts = {.locate = 5};
    for (size_t chunk = 1; chunk < 40; chunk++) {
        assert_int_equal(cut(&cuts, bytes_of_text("\n {\n  \"a\" :\n\n 77 }\n{\"a\":5}"), chunk, 1000), OK);
        assert_string_equal((char *)cuts.out.data, "v 1 {\"a\":77} @14:5\nv 2 {\"a\":5} @24:6\n");
    }
    buf_free(&cuts.out);
}

/* A value one byte over the cap, or one level too deep, is left out and the next one read. */
static void test_limits(void **state) {
    (void)state;
    struct cuts cuts = {0};
    static const char input[] = "[{\"a\": \"12345\"},{\"a\": \"123456\"},{}]";
    for (size_t chunk = 1; chunk < sizeof input; chunk++) {
        assert_int_equal(cut(&cuts, bytes_of_text(input), chunk, 13), OK);
        assert_string_equal((char *)cuts.out.data, "v 1 {\"a\":\"12345\"}\nr 16 the object has 14 bytes and at\nv 3 {}\n");
    }
    for (size_t depth = 60; depth < 70; depth++) {
        char text[256];
        memset(text, '[', depth + 1);
        memset(text + depth + 1, ']', depth);
        strcpy(text + 2 * depth + 1, ",1]");
        assert_int_equal(cut(&cuts, bytes_of_text(text), 7, 1000), OK);
        assert_int_equal(strncmp((char *)cuts.out.data, "r 1 nested deeper than 64 levels", 32) == 0, depth > JSON_DEPTH_MAX);
        assert_non_null(strstr((char *)cuts.out.data, "v 2 1\n"));
    }
    buf_free(&cuts.out);
}

static long resident_kb(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* Fed for ever: a string, levels, blanks. Memory stays where it was. */
static void test_endless(void **state) {
    (void)state;
    static const char *const starts[] = {"{\"a\":\"", "[", "{\"a\": ", "{\"objects\":[{\"a\":"};
    static const char fillers[] = {'x', '[', ' ', '{'};
    static uint8_t chunk[1 << 16];
    struct cuts cuts = {0};
    struct json_handlers handlers = {&cuts, on_value, on_shell, on_refuse, NULL};
    for (size_t i = 0; i < sizeof fillers; i++) {
        struct json *json = json_new(&handlers, ITEM_TEXT_BYTES_MAX, 0);
        assert_non_null(json);
        assert_int_equal(json_feed(json, bytes_of_text(starts[i])), OK);
        memset(chunk, fillers[i], sizeof chunk);
        for (size_t k = 0; k < 64; k++) assert_int_equal(json_feed(json, bytes_of(chunk, sizeof chunk)), OK);
        long before = resident_kb();
        for (size_t k = 0; k < 1000; k++) assert_int_equal(json_feed(json, bytes_of(chunk, sizeof chunk)), OK);
        assert_true(resident_kb() - before < 2000);
        assert_int_equal(json_finish(json), ERR_TRUNCATED);
        json_free(json);
    }
    buf_free(&cuts.out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cuts), cmocka_unit_test(test_places), cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_endless)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
