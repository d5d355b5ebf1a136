/* values: a list or table in two pieces gives what one piece gives; every generated object is taken back by the STIX reader with the
   same value. What fuzz_list and fuzz_csv share. */
#ifndef TESTS_FUZZ_VALUES_H
#define TESTS_FUZZ_VALUES_H

#include "node/formats/intake.h"

#include <stdlib.h>
#include <string.h>

struct count {
    size_t items, refusals;
    const struct item *expected; /* of the reading back */
};

static void on_refuse(void *context, const struct intake_place *place, const char *id, const char *reason) {
    struct count *count = context;
    (void)place, (void)id, (void)reason;
    count->refusals++;
}

static enum err on_read_back(void *context, const struct item *item, const struct intake_place *place) {
    struct count *count = context;
    (void)place;
    const struct observable *a = &item->observables[0], *b = &count->expected->observables[0];
    if (item->observable_count != 1 || a->kind != b->kind || !bytes_equal(a->value, b->value)) abort();
    if (!bytes_equal(item->text, count->expected->text) || item->tlp != count->expected->tlp) abort();
    count->items++;
    return OK;
}

static enum err run(struct intake_options options, struct bytes a, struct bytes b) {
    struct intake *intake = intake_new(&options);
    if (intake == NULL) abort();
    enum err error = intake_feed(intake, a);
    if (error == OK) error = intake_feed(intake, b);
    if (error == OK) error = intake_finish(intake);
    intake_free(intake);
    return error;
}

static enum err on_accept(void *context, const struct item *item, const struct intake_place *place) {
    struct count *count = context, back = {.expected = item};
    (void)place;
    struct intake_options options = {.format = INTAKE_STIX, .context = &back, .accept = on_read_back, .refuse = on_refuse};
    if (run(options, item->text, bytes_of(NULL, 0)) != OK || back.items != 1) abort();
    count->items++;
    return OK;
}

static int values_in_two_pieces(enum intake_format format, const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    struct bytes input = bytes_of(data + 1, size - 1);
    size_t cut = data[0] > input.size ? input.size : data[0];
    struct count whole = {0}, parts = {0};
    struct intake_options options = {.format = format, .now_ms = 1790000000000, .accept = on_accept, .refuse = on_refuse};
    options.context = &whole;
    enum err a = run(options, input, bytes_of(NULL, 0));
    options.context = &parts;
    enum err b = run(options, bytes_of(input.data, cut), bytes_of(input.data + cut, input.size - cut));
    if (a != b || whole.items != parts.items || whole.refusals != parts.refusals) abort();
    return 0;
}

#endif
