#include "node/formats/when.h"

#include "node/formats/moment.h"

#define SPAN_MAX 100000 /* units: beyond any deadline, and no overflow */

bool when_parse(uint64_t *out_ms, struct bytes text, uint64_t now_ms) {
    uint64_t count = 0, unit_ms;
    if (moment_parse(out_ms, text)) return true;
    if (text.size < 2) return false;
    for (size_t i = 0; i + 1 < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        count = count * 10 + (uint64_t)(text.data[i] - '0');
        if (count > SPAN_MAX) return false;
    }
    switch (text.data[text.size - 1]) {
    case 'm': unit_ms = 60 * 1000ull; break;
    case 'h': unit_ms = 3600 * 1000ull; break;
    case 'd': unit_ms = 24 * 3600 * 1000ull; break;
    case 'w': unit_ms = 7 * 24 * 3600 * 1000ull; break;
    case 's': unit_ms = 1000; break;
    default: return false;
    }
    *out_ms = now_ms + count * unit_ms;
    return count > 0;
}
