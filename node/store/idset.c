#include "node/store/idset.h"

#include <stdlib.h>

#define WORDS (IDSET_PLACES / 64)

bool idset_init(struct idset *set) {
    set->once = calloc(WORDS, sizeof *set->once);
    set->several = calloc(WORDS, sizeof *set->several);
    if (set->once && set->several) return true;
    idset_free(set);
    return false;
}

void idset_free(struct idset *set) {
    free(set->once);
    free(set->several);
    *set = (struct idset){0};
}

void idset_note(struct idset *set, uint64_t hash) {
    uint64_t place = hash % IDSET_PLACES, bit = UINT64_C(1) << (place % 64);
    if (!set->once) return;
    if (set->once[place / 64] & bit) set->several[place / 64] |= bit;
    set->once[place / 64] |= bit;
}

bool idset_several(const struct idset *set, uint64_t hash) {
    uint64_t place = hash % IDSET_PLACES;
    return !set->once || (set->several[place / 64] >> (place % 64) & 1) != 0;
}
