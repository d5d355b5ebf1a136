#include "gossip/label.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* The labels are ordered from the freest to the strictest. */
static void test_order(void **state) {
    (void)state;
    static const enum tlp order[] = {TLP_NONE, TLP_CLEAR, TLP_GREEN, TLP_AMBER, TLP_AMBER_STRICT, TLP_RED};
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6; k++) assert_int_equal(tlp_stricter(order[i], order[k]), order[i > k ? i : k]);
}

/* Every name that is printed is read again, in any case, with and without its prefix. */
static void test_names(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum tlp tlp;
    } good[] = {
        {"TLP:CLEAR", TLP_CLEAR},
        {"TLP:WHITE", TLP_CLEAR},
        {"white", TLP_CLEAR},
        {"tlp:green", TLP_GREEN},
        {"Amber", TLP_AMBER},
        {"RED", TLP_RED},
        {"TLP:AMBER+STRICT", TLP_AMBER_STRICT},
        {"amber+strict", TLP_AMBER_STRICT},
    };
    static const char *const bad[] = {"",           "TLP:",     "TLP",         "none", "TLP:NONE", "AMBER STRICT",
                                      "TLP:AMBER+", "TLP:RED ", "TLP:TLP:RED", "reds"};
    enum tlp tlp;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(tlp_parse(&tlp, bytes_of_text(good[i].text)));
        assert_int_equal(tlp, good[i].tlp);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(tlp_parse(&tlp, bytes_of_text(bad[i])));
    for (enum tlp each = TLP_CLEAR; each <= TLP_RED; each++) {
        assert_true(tlp_parse(&tlp, bytes_of_text(tlp_name(each))));
        assert_int_equal(tlp, each);
    }
    assert_string_equal(tlp_name(TLP_NONE), "none");
    assert_string_equal(tlp_name((enum tlp)99), "unknown");
}

/* The ids of both versions of TLP; TLP 2.0's come back from tlp_marking_id. */
static void test_markings(void **state) {
    (void)state;
    static const struct {
        const char *id;
        enum tlp tlp;
    } cases[] = {
        {"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", TLP_CLEAR},
        {"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", TLP_GREEN},
        {"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", TLP_AMBER},
        {"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", TLP_AMBER_STRICT},
        {"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", TLP_RED},
        {"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", TLP_CLEAR},
        {"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", TLP_GREEN},
        {"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", TLP_AMBER},
        {"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", TLP_RED},
        {"marking-definition--E828B379-4E03-4974-9AC4-E53A884C97C1", TLP_RED},
        {"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c2", TLP_NONE},
        {"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c", TLP_NONE},
        {"indicator--e828b379-4e03-4974-9ac4-e53a884c97c1xxxxxxxxxx", TLP_NONE},
        {"", TLP_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(tlp_of_marking(bytes_of_text(cases[i].id)), cases[i].tlp);
    for (enum tlp tlp = TLP_CLEAR; tlp <= TLP_RED; tlp++) assert_int_equal(tlp_of_marking(bytes_of_text(tlp_marking_id(tlp))), tlp);
    assert_null(tlp_marking_id(TLP_NONE));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_names), cmocka_unit_test(test_markings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
