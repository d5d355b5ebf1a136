/* setexpr: who is meant by a recipient expression, and what is said of a bad one. */
#include "gossip/setexpr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct setexpr expression; /* large: not on the stack */

/* a to e are 0 to 4; group:g is {a, b, c}, group:h is {c, d}; all is 0 to 5. */
static bool resolve(void *context, const struct setexpr_step *step, struct setexpr_set *set) {
    bool *refuse = context;
    if (step->kind == SETEXPR_NAME) setexpr_put(set, (size_t)(step->name.data[0] - 'a'));
    for (size_t i = 0; step->kind == SETEXPR_ALL && i < 6; i++) setexpr_put(set, i);
    if (step->kind == SETEXPR_GROUP)
        for (const char *member = bytes_equal_text(step->name, "g") ? "abc" : "cd"; *member; member++)
            setexpr_put(set, (size_t)(*member - 'a'));
    return !*refuse;
}

static void test_values(void **state) {
    static const struct {
        const char *text, *members;
    } rows[] = {
        {"a", "a"},
        {"a,b", "ab"},
        {" a , b,a ", "ab"},
        {"a+b", "ab"},
        {"group:g - b", "ac"},
        {"group:g-b", "g-b"}, /* a group of that name: see resolve */
        {"group:g & group:h", "c"},
        {"all - group:g", "def"},
        {"a + b - b", "a"},
        {"a + group:g & group:h", "ac"},
        {"(a + group:g) & group:h", "c"},
        {"group:g - (b + c)", "a"},
        {"group:g - b, d", "acd"},
        {"group:g - group:h - a", "b"},
        {"((((a))))", "a"},
        {"a - a", ""},
        {"group:g\t&\tc", "c"},
    };
    bool refuse = false;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct setexpr_set set;
        const char *what;
        size_t at;
        if (strcmp(rows[i].members, "g-b") == 0) {
            assert_int_equal(setexpr_parse(&expression, bytes_of_text(rows[i].text), &at, &what), OK);
            assert_true(expression.step_count == 1 && bytes_equal_text(expression.steps[0].name, "g-b"));
            continue;
        }
        if (setexpr_parse(&expression, bytes_of_text(rows[i].text), &at, &what) != OK)
            fail_msg("'%s': %s at %zu", rows[i].text, what, at);
        assert_true(setexpr_evaluate(&expression, resolve, &refuse, &set));
        for (size_t member = 0; member < 8; member++)
            if (setexpr_has(&set, member) != (strchr(rows[i].members, (int)('a' + member)) != NULL))
                fail_msg("'%s': member %c", rows[i].text, (char)('a' + member));
    }
    refuse = true;
    struct setexpr_set set;
    assert_false(setexpr_evaluate(&expression, resolve, &refuse, &set));
}

static void test_errors(void **state) {
    static const struct {
        const char *text;
        size_t at;
        const char *what;
    } rows[] = {
        {"", 0, "it names nobody"},
        {"   ", 3, "it names nobody"},
        {"a b", 2, "two names"},
        {"a- b", 3, "two names"},
        {"a,,b", 2, "belongs here"},
        {"a +", 3, "missing at the end"},
        {"& a", 0, "belongs here"},
        {"(a", 0, "never closed"},
        {"a + (b, c", 4, "never closed"},
        {"a)", 1, "never opened"},
        {"()", 1, "belongs here"},
        {"group:", 6, "name is missing"},
        {"group: a", 6, "name is missing"},
        {"a @ b", 2, "belongs here"},
        {"-a", 0, "belongs here"},
        {"gr\xc3\xbc\xc3\x9f", 2, "belongs here"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *what = NULL;
        size_t at = 99;
        enum err err = setexpr_parse(&expression, bytes_of_text(rows[i].text), &at, &what);
        if (err != ERR_SYNTAX || at != rows[i].at || !strstr(what, rows[i].what))
            fail_msg("'%s': %s, %s at %zu", rows[i].text, err_name(err), what ? what : "nothing", at);
    }
}

static enum err parse(struct buf *text) {
    const char *what;
    size_t at;
    assert_int_equal(buf_result(text), OK);
    return setexpr_parse(&expression, bytes_of_buf(text), &at, &what);
}

/* Each bound takes what it says, and no more. */
static void test_bounds(void **state) {
    struct buf text = {0};
    bool refuse = false;
    struct setexpr_set set;
    (void)state;
    for (int i = 0; i < LIMIT_SETEXPR_TERMS; i++) buf_put_text(&text, i ? ",a" : "a");
    assert_int_equal(parse(&text), OK);
    assert_true(setexpr_evaluate(&expression, resolve, &refuse, &set));
    buf_put_text(&text, ",a");
    assert_int_equal(parse(&text), ERR_TOO_BIG);

    buf_clear(&text);
    for (int i = 0; i < LIMIT_GROUP_NAME_BYTES; i++) buf_put_text(&text, "a");
    assert_int_equal(parse(&text), OK);
    buf_put_text(&text, "a");
    assert_int_equal(parse(&text), ERR_TOO_BIG);

    for (int depth = LIMIT_SETEXPR_DEPTH; depth <= LIMIT_SETEXPR_DEPTH + 1; depth++) {
        buf_clear(&text);
        for (int i = 0; i < depth; i++) buf_put_text(&text, "(");
        buf_put_text(&text, "a");
        for (int i = 0; i < depth; i++) buf_put_text(&text, ")");
        assert_int_equal(parse(&text), depth == LIMIT_SETEXPR_DEPTH ? OK : ERR_TOO_BIG);
    }
    /* Operands that wait for an operator that binds closer behind them. */
    buf_clear(&text);
    for (int i = 0; i < LIMIT_SETEXPR_DEPTH; i++) buf_put_text(&text, i % 2 ? "b+(" : "a,(");
    assert_int_equal(parse(&text), ERR_TOO_BIG);

    buf_clear(&text);
    buf_put_text(&text, "a");
    while (text.size < LIMIT_SETEXPR_BYTES) buf_put_text(&text, " ");
    assert_int_equal(parse(&text), OK);
    buf_put_text(&text, " ");
    assert_int_equal(parse(&text), ERR_TOO_BIG);
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_errors), cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
