/* The pattern reader: valid observables only, places inside the pattern, and what 2.1 takes 2.0 takes too. */
#include "gossip/pack.h"
#include "node/formats/pattern.h"

#include <stdlib.h>

static struct arena arena;

static void on_comparison(void *context, const struct pattern_comparison *comparison) {
    struct observable observable;
    (void)context;
    if (pattern_observable(&observable, comparison, &arena) && !observable_valid(observable)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes text = bytes_of(data, size);
    struct pattern_fault fault;
    if (!pack_utf8_valid(text)) return 0;
    arena_reset(&arena);
    enum err newer = pattern_read(text, PATTERN_21, &arena, on_comparison, NULL, &fault);
    if (newer != OK && fault.offset > size) abort();
    enum err older = pattern_read(text, PATTERN_20, &arena, NULL, NULL, &fault);
    if (newer == OK && older != OK) abort();
    return 0;
}
