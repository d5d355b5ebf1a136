/* The front door on STIX JSON: cut in two at a place the input chooses, the result must be that of one piece; every item must be
   encodable, and its text must be taken again, unchanged. */
#include "node/formats/intake.h"

#include <stdlib.h>

struct count {
    size_t items, refusals;
    uint64_t sum; /* of the texts' sizes and places */
};

static enum err on_accept(void *context, const struct item *item, const struct intake_place *place) {
    struct count *count = context;
    struct buf out = {0};
    if (item_encode(&out, item) != OK) abort();
    buf_free(&out);
    count->items++;
    count->sum += item->text.size * 31 + place->byte_offset * 7 + place->line + place->index + item->observable_count;
    return OK;
}

static void on_refuse(void *context, const struct intake_place *place, const char *id, const char *reason) {
    struct count *count = context;
    (void)id;
    if (reason[0] == 0) abort();
    count->refusals++;
    count->sum += place->byte_offset * 13 + place->line;
}

static enum err run(struct count *count, struct bytes a, struct bytes b) {
    struct intake_options options = {
        .format = INTAKE_STIX, .object_bytes_max = 2000, .context = count, .accept = on_accept, .refuse = on_refuse};
    struct intake *intake = intake_new(&options);
    if (intake == NULL) abort();
    enum err error = intake_feed(intake, a);
    if (error == OK) error = intake_feed(intake, b);
    if (error == OK) error = intake_finish(intake);
    intake_free(intake);
    return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    size_t cut = (size_t)(data[0] * 256u + data[1]) % (size - 1);
    struct count whole = {0}, parts = {0};
    struct bytes input = bytes_of(data + 2, size - 2);
    if (cut > input.size) cut = input.size;
    enum err a = run(&whole, input, bytes_of(NULL, 0));
    enum err b = run(&parts, bytes_of(input.data, cut), bytes_of(input.data + cut, input.size - cut));
    if (a != b || whole.items != parts.items || whole.refusals != parts.refusals || whole.sum != parts.sum) abort();
    return 0;
}
