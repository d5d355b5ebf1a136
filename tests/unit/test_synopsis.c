/* What the lines of a command look like is read from its help: forms, verbs, arguments, the options of a verb. */
#include "node/cmd/synopsis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct command_option options[] = {
    {"tlp-max", "LABEL", "create: a ceiling"},        {"reason", "TEXT", "close, show: why"},
    {"new", "FILE", "offer --new: not a verb of it"}, {"quiet", NULL, "of rpz: no verb either"},
    {"to", "NAME[,NAME...]", "who gets it"},          {0},
};

static struct command command_of(const char *synopsis) {
    return (struct command){.name = "x", .synopsis = synopsis, .options = options};
}

static void check(struct bytes got, const char *wanted) {
    if (bytes_equal_text(got, wanted)) return;
    print_error("got '%.*s', wanted '%s'\n", (int)got.size, (const char *)got.data, wanted);
    fail();
}

/* Each row: a synopsis, and the verbs and rest of its forms. */
static void test_forms(void **state) {
    (void)state;
    static const struct {
        const char *synopsis;
        struct {
            const char *verbs, *rest;
        } forms[4];
    } rows[] = {
        {"", {{0}}},
        {"PATH", {{"", "PATH"}}},
        {"VALUE | --stdin", {{"", "VALUE"}, {"", "--stdin"}}},
        {"[show FILE]", {{"show", " FILE]"}}},
        {"create NAME [--history none|all] |\n       add|remove NAME AGENCY | list",
         {{"create", " NAME [--history none|all]"}, {"add|remove", " NAME AGENCY"}, {"list", ""}}},
        {"add [--from DIR | --card FILE] | list", {{"add", " [--from DIR | --card FILE]"}, {"list", ""}}},
        {"FILE|- --to NAME[,NAME...]|--to-all", {{"", "FILE|- --to NAME[,NAME...]|--to-all"}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *at = rows[i].synopsis;
        struct synopsis_form form;
        for (size_t k = 0; k < 4 && rows[i].forms[k].verbs; k++) {
            assert_true(synopsis_next(&form, &at));
            check(form.verbs, rows[i].forms[k].verbs);
            check(form.rest, rows[i].forms[k].rest);
        }
        assert_false(synopsis_next(&form, &at));
    }
}

/* What stands at a place behind the verbs, options and their values left out. */
static void test_arguments(void **state) {
    (void)state;
    static const struct {
        const char *synopsis;
        size_t index;
        const char *argument;
    } rows[] = {
        {"add FILE --tlp-max LABEL [--reason TEXT | --quiet]", 0, "FILE"},
        {"add FILE --tlp-max LABEL [--reason TEXT | --quiet]", 1, ""},
        {"add --to NAME[,NAME...] OTHER", 0, "OTHER"},
        {"answer ID FILE", 1, "FILE"},
        {"renew [NODE]", 0, "NODE"},
        {"apply FILE...", 0, "FILE..."},
        {"apply FILE...", 7, "FILE..."},
        {"OBJECT-ID NAME|EXIT", 1, "NAME|EXIT"},
        {"--tlp-max LABEL", 0, ""},
        {"", 0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct command command = command_of(rows[i].synopsis);
        struct synopsis_form form = {0};
        const char *at = command.synopsis;
        bool any = synopsis_next(&form, &at);
        check(any ? synopsis_argument(&command, &form, rows[i].index) : bytes_of(NULL, 0), rows[i].argument);
    }
}

static void test_verbs(void **state) {
    (void)state;
    struct command command = command_of("create NAME | show|close NAME | list");
    assert_true(synopsis_has(&command, bytes_of_text("close")));
    assert_false(synopsis_has(&command, bytes_of_text("NAME")));
    assert_false(synopsis_has(&command, bytes_of_text("clos")));
    assert_false(synopsis_has(&command, bytes_of_text("")));
    static const struct {
        size_t option;
        const char *verb;
        bool belongs;
    } rows[] = {
        {0, "create", true},  {0, "close", false}, {1, "close", true}, {1, "show", true},
        {1, "create", false}, {2, "create", true}, {3, "list", true},  {4, "list", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(synopsis_option_of(&command, &options[rows[i].option], bytes_of_text(rows[i].verb)), rows[i].belongs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_verbs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
