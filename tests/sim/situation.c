#include "tests/sim/situation.h"

static const char *const names[][2] = {
#define SITUATION_ROW(name, text) {#name, text},
    SITUATIONS(SITUATION_ROW)
#undef SITUATION_ROW
};

const char *situation_name(enum situation situation) { return names[situation][0]; }
const char *situation_text(enum situation situation) { return names[situation][1]; }

void situations_add(struct situations *sum, const struct situations *more) {
    for (unsigned i = 0; i < SITUATION_COUNT; i++) sum->counts[i] += more->counts[i];
}
