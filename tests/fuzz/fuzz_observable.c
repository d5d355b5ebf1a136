/* Values as people write them: what is taken is valid, and its text, normalised again, is itself. */
#include "gossip/pack.h"
#include "node/formats/observable.h"

#include <stdlib.h>

static struct arena arena;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    struct bytes text = bytes_of(data + 1, size - 1);
    struct observable observable, again, guesses[OBSERVABLE_CANDIDATES_MAX];
    const char *reason = NULL;
    if (!pack_utf8_valid(text)) return 0;
    arena_reset(&arena);
    enum observable_kind kind = (enum observable_kind)(data[0] % OBSERVABLE_KIND_COUNT);
    enum err error = kind == 0 ? observable_of_list(&observable, text, &arena, &reason)
                               : observable_normalise(&observable, kind, text, &arena, &reason);
    for (size_t i = observable_guess(guesses, text, &arena); i-- > 0;)
        if (!observable_valid(guesses[i])) abort();
    if (error != OK && reason == NULL) abort();
    if (error != OK) return 0;
    if (!observable_valid(observable)) abort();
    struct buf out = {0};
    observable_text(&out, observable);
    if (observable_normalise(&again, observable.kind, bytes_of_buf(&out), &arena, &reason) != OK) abort();
    if (!bytes_equal(again.value, observable.value)) abort();
    buf_free(&out);
    return 0;
}
