#include "tests/sim/fault.h"

#include <string.h>

static const char *const names[][2] = {
#define FAULT_ROW(name, text) {#name, text},
    FAULTS(FAULT_ROW)
#undef FAULT_ROW
};

const char *fault_name(enum fault fault) { return names[fault][0]; }
const char *fault_text(enum fault fault) { return names[fault][1]; }

bool faults_read(uint32_t *out, const char *text) {
    *out = 0;
    while (*text) {
        size_t size = strcspn(text, ",");
        unsigned fault = 0;
        while (fault < FAULT_COUNT && (strlen(names[fault][0]) != size || memcmp(names[fault][0], text, size) != 0)) fault++;
        if (fault == FAULT_COUNT) return false;
        *out |= 1u << fault;
        text += size + (text[size] == ',');
    }
    return true;
}
