/* Filters: what is parsed is asked, twice with the same answer; its bounds hold, and the place of a fault lies in the text. */
#include "node/formats/filter.h"

#include <string.h>

static struct item item;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t address[] = {198, 51, 100, 0, 24}, author_id[AGENCY_ID_BYTES] = {1, 2, 3, 4, 5};
    static const char text[] = "{\"name\":\"x\",\"labels\":[\"a\",\"b\"],\"confidence\":50}";
    struct filter *filter;
    struct filter_problem problem;
    struct observable values[FILTER_REQUIRED_MAX];
    struct bytes id;
    enum err err = filter_parse(&filter, bytes_of(data, size), &problem);
    if (err != OK) {
        if (filter || problem.line == 0 || problem.column == 0 || problem.line > size + 1 || problem.column > size + 1)
            __builtin_trap();
        if (problem.text[0] == 0 || strlen(problem.text) >= sizeof problem.text) __builtin_trap();
        return 0;
    }
    item = (struct item){.type = bytes_of_text("indicator"), .id = bytes_of_text("indicator--1"), .tlp = TLP_GREEN};
    item.text = bytes_of_text(text);
    item.observables[item.observable_count++] = (struct observable){OBSERVABLE_IPV4, bytes_of(address, sizeof address)};
    item.observables[item.observable_count++] = (struct observable){OBSERVABLE_DOMAIN, bytes_of_text("a.example")};
    struct filter_subject subject = {
        .item = &item, .author = bytes_of_text("cert.example"), .author_id = author_id, .now_ms = 1790000000000};
    enum filter_verdict whole = filter_ask(filter, &subject);
    if (whole != filter_ask(filter, &subject) || whole == FILTER_MAYBE) __builtin_trap();
    /* Knowing less never contradicts knowing more. */
    subject.partial = true;
    enum filter_verdict part = filter_ask(filter, &subject);
    if (part != FILTER_MAYBE && part != whole) __builtin_trap();
    if (filter_requires_value(filter, values) > FILTER_REQUIRED_MAX) __builtin_trap();
    if (filter_requires_id(filter, &id) && id.size > size) __builtin_trap();
    filter_free(filter);
    return 0;
}
