#include "tests/unit/fixture_intake.h"

#include "node/formats/observable.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text_of(struct bytes bytes) {
    char *text = malloc(bytes.size + 1);
    assert(text != NULL);
    if (bytes.size > 0) memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = 0;
    return text;
}

static char *observables_of(const struct item *item) {
    struct buf out = {0};
    for (size_t i = 0; i < item->observable_count; i++) {
        buf_put_format(&out, "%s%s:", i > 0 ? " " : "", observable_kind_name(item->observables[i].kind));
        observable_text(&out, item->observables[i]);
    }
    char *text = text_of(bytes_of_buf(&out));
    buf_free(&out);
    return text;
}

/* What is handed over must be encodable and come back unchanged: checked for every item of every test. */
static void assert_encodes(const struct item *item) {
    static struct item back;
    struct buf out = {0};
    assert(item_encode(&out, item) == OK);
    assert(item_decode(&back, bytes_of_buf(&out)) == OK);
    assert(bytes_equal(back.text, item->text) && back.observable_count == item->observable_count);
    buf_free(&out);
}

static enum err on_accept(void *context, const struct item *item, const struct intake_place *place) {
    struct taking *taking = context;
    assert(taking->item_count < TAKEN_MAX);
    assert_encodes(item);
    taking->items[taking->item_count++] = (struct taken){
        .id = text_of(item->id),
        .text = text_of(item->text),
        .observables = observables_of(item),
        .tlp = item->tlp,
        .revoked = item->revoked,
        .modified_ms = item->modified_ms,
        .valid_until_ms = item->valid_until_ms,
        .place = *place,
    };
    return taking->item_count == taking->stop_after ? ERR_CLOSED : OK;
}

static void on_refuse(void *context, const struct intake_place *place, const char *id, const char *reason) {
    struct taking *taking = context;
    assert(reason != NULL && taking->refusal_count < TAKEN_MAX);
    taking->refusals[taking->refusal_count++] = (struct taken){
        .id = text_of(bytes_of_text(id == NULL ? "" : id)),
        .text = text_of(bytes_of_text(reason)),
        .observables = text_of(bytes_of(NULL, 0)),
        .place = *place,
    };
}

static void on_note(void *context, const struct intake_place *place, const char *text) {
    struct taking *taking = context;
    assert(place != NULL && text != NULL);
    taking->note_count++;
}

static void on_leave_out(void *context, const struct intake_place *place, const char *reason, uint64_t count) {
    struct taking *taking = context;
    assert(place != NULL);
    buf_put_format(&taking->left, "%llu %s\n", (unsigned long long)count, reason);
}

static void on_withdraw(void *context, const struct intake_place *place, const char *id) {
    struct taking *taking = context;
    assert(place != NULL);
    buf_put_format(&taking->withdrawn, "%s\n", id);
}

void taking_init(struct taking *taking) {
    *taking = (struct taking){.options = {.now_ms = 1790000000000,
                                          .context = taking,
                                          .accept = on_accept,
                                          .refuse = on_refuse,
                                          .note = on_note,
                                          .leave_out = on_leave_out,
                                          .withdraw = on_withdraw}};
    taking->items = calloc(TAKEN_MAX, sizeof *taking->items);
    taking->refusals = calloc(TAKEN_MAX, sizeof *taking->refusals);
    assert(taking->items != NULL && taking->refusals != NULL);
}

static void drop(struct taken *taken, size_t *count) {
    for (size_t i = 0; i < *count; i++) {
        free(taken[i].id);
        free(taken[i].text);
        free(taken[i].observables);
    }
    *count = 0;
}

void taking_free(struct taking *taking) {
    drop(taking->items, &taking->item_count);
    drop(taking->refusals, &taking->refusal_count);
    free(taking->items);
    free(taking->refusals);
    buf_free(&taking->left);
    buf_free(&taking->withdrawn);
}

void taking_run(struct taking *taking, struct bytes input, size_t chunk) {
    drop(taking->items, &taking->item_count);
    drop(taking->refusals, &taking->refusal_count);
    taking->note_count = 0;
    buf_clear(&taking->left);
    buf_clear(&taking->withdrawn);
    taking->options.context = taking;
    struct intake *intake = intake_new(&taking->options);
    assert(intake != NULL);
    enum err error = OK;
    for (size_t at = 0; at < input.size && error == OK; at += chunk) {
        /* A copy of its own, so that a sanitizer sees every byte read beyond a piece. */
        size_t size = input.size - at < chunk ? input.size - at : chunk;
        uint8_t *piece = malloc(size);
        assert(piece != NULL);
        memcpy(piece, input.data + at, size);
        error = intake_feed(intake, bytes_of(piece, size));
        free(piece);
    }
    enum err last = intake_finish(intake);
    taking->error = error == OK ? last : error;
    assert(error == OK || last == error); /* errors are sticky */
    taking->format = intake_format(intake);
    intake_free(intake);
}

void taking_run_text(struct taking *taking, const char *input) {
    struct bytes bytes = bytes_of_text(input);
    taking_run(taking, bytes, bytes.size == 0 ? 1 : bytes.size);
}

bool taking_refused(const struct taking *taking, const char *part) {
    for (size_t i = 0; i < taking->refusal_count; i++)
        if (strstr(taking->refusals[i].text, part) != NULL) return true;
    return false;
}

bool shared_file(struct buf *out, const char *path) {
    const char *shared = getenv("COMITY_SHARED");
    char name[1024];
    snprintf(name, sizeof name, "%s/data/%s", shared == NULL ? "../shared" : shared, path);
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s is absent (set COMITY_SHARED): the test that needs it is skipped\n", name);
        return false;
    }
    buf_clear(out);
    size_t size;
    do {
        uint8_t *room = buf_grow(out, 65536);
        assert(room != NULL);
        size = fread(room, 1, 65536, file);
        out->size -= 65536 - size;
    } while (size > 0);
    fclose(file);
    return true;
}
