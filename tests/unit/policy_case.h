/* policy_case: one line of the table of decisions as the structs that policy_decide takes. tests/golden/policy/README has the words. */
#ifndef TESTS_POLICY_CASE_H
#define TESTS_POLICY_CASE_H

#include "gossip/policy_rule.h"

#define POLICY_CASE_NOW_MS 1790000000000ull

struct policy_case {
    char text[1024]; /* the line's words; views point into it */
    struct marks marks;
    struct policy_object object;
    struct policy_reader reader;
    struct policy_context context;
    struct policy_settings settings;
    struct policy_agency agency;
    struct policy_group group;
    struct policy_agreement agreement, author_agreement;
    struct policy_permission permission;
};

/* False: the line is not understood; *word says at which word. */
bool policy_case_read(struct policy_case *out, const char *line, const char **word);

#endif
