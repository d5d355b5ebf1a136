/* MISP events: cut in two at a place the input chooses, the result must be that of one piece; each object that is made is taken by the STIX
   reader as it stands, and the attribute comes back out of it. The same bytes as a feed's tables must not break anything either. */
#include "node/formats/misp_back.h"
#include "node/formats/misp_manifest.h"

#include <stdlib.h>
#include <string.h>

struct count {
    size_t items, refusals, left, withdrawn;
    uint64_t sum; /* of sizes and places */
    struct misp_back_reader *back;
    const struct item *expected; /* of the reading back */
};

static enum err run(enum intake_format format, struct count *count, struct bytes a, struct bytes b);

static enum err on_read_back(void *context, const struct item *item, const struct intake_place *place) {
    struct count *count = context;
    const struct item *wanted = count->expected;
    (void)place;
    if (!bytes_equal(item->text, wanted->text) || !bytes_equal(item->id, wanted->id) || item->tlp != wanted->tlp) abort();
    if (item->observable_count != wanted->observable_count || !bytes_equal(item->marks, wanted->marks)) abort();
    count->items++;
    return OK;
}

static enum err on_accept(void *context, const struct item *item, const struct intake_place *place) {
    struct count *count = context, again = {.expected = item};
    struct buf out = {0};
    if (count->expected) return on_read_back(context, item, place);
    if (item_encode(&out, item) != OK) abort();
    buf_free(&out);
    if (run(INTAKE_STIX, &again, item->text, bytes_of(NULL, 0)) != OK || again.items != 1) abort();
    bool attribute = item->type.data[0] == 'i' || (item->type.data[0] == 'o' && item->type.data[1] == 'b');
    if (attribute && item->text.size < MISP_BACK_LABELS_MAX * 2 && !misp_back_read(count->back, item)) abort();
    count->items++;
    count->sum += item->text.size * 31 + place->byte_offset * 7 + place->line * 3 + place->column + place->index;
    return OK;
}

static void on_refuse(void *context, const struct intake_place *place, const char *id, const char *reason) {
    struct count *count = context;
    (void)id;
    if (reason[0] == 0) abort();
    count->refusals++;
    count->sum += place->byte_offset * 13 + place->line + place->column;
}

static void on_leave_out(void *context, const struct intake_place *place, const char *reason, uint64_t left) {
    struct count *count = context;
    (void)place;
    if (reason[0] == 0) abort();
    count->left += left;
}

static void on_withdraw(void *context, const struct intake_place *place, const char *id) {
    struct count *count = context;
    (void)place;
    if (strlen(id) > ITEM_ID_BYTES_MAX) abort();
    count->withdrawn++;
}

static enum err run(enum intake_format format, struct count *count, struct bytes a, struct bytes b) {
    struct intake_options options = {.format = format,
                                     .now_ms = 1790000000000,
                                     .context = count,
                                     .accept = on_accept,
                                     .refuse = on_refuse,
                                     .leave_out = on_leave_out,
                                     .withdraw = on_withdraw};
    struct intake *intake = intake_new(&options);
    if (intake == NULL) abort();
    enum err error = intake_feed(intake, a);
    if (error == OK) error = intake_feed(intake, b);
    if (error == OK) error = intake_finish(intake);
    intake_free(intake);
    return error;
}

static void tables(struct bytes input, size_t cut) {
    struct misp_manifest manifest = {0};
    struct intake_place place;
    char reason[INTAKE_REASON_BYTES] = "";
    struct bytes json = bytes_of(input.data, cut), csv = bytes_of(input.data + cut, input.size - cut);
    if (misp_manifest_read(&manifest, json, &place, reason) == OK) {
        struct misp_event event = {0};
        (void)!misp_manifest_hashes(&manifest, csv, &place, reason);
        for (size_t i = 0; i < manifest.event_count; i++) {
            event.uuid = bytes_of_text(manifest.events[i].uuid);
            (void)!misp_manifest_judge(&manifest, i, &event, reason);
        }
    }
    misp_manifest_free(&manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct misp_back_reader *back;
    if (size < 2) return 0;
    if (!back) back = misp_back_new();
    size_t cut = (size_t)(data[0] * 256u + data[1]) % (size - 1);
    struct count whole = {.back = back}, parts = {.back = back};
    struct bytes input = bytes_of(data + 2, size - 2);
    if (cut > input.size) cut = input.size;
    enum err a = run(INTAKE_MISP, &whole, input, bytes_of(NULL, 0));
    enum err b = run(INTAKE_MISP, &parts, bytes_of(input.data, cut), bytes_of(input.data + cut, input.size - cut));
    if (a != b || whole.items != parts.items || whole.refusals != parts.refusals || whole.sum != parts.sum) abort();
    if (whole.left != parts.left || whole.withdrawn != parts.withdrawn) abort();
    tables(input, cut);
    return 0;
}
