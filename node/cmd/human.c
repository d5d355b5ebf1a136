#include "node/cmd/human.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void human_count(char out[static HUMAN_BYTES], uint64_t count) {
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, count), at = 0;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

void human_size(char out[static HUMAN_BYTES], uint64_t bytes) {
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    unsigned unit = 0;
    if (bytes < 1024) {
        snprintf(out, HUMAN_BYTES, "%u B", (unsigned)bytes);
        return;
    }
    while (unit < 4 && bytes >> (10 * (unit + 2)) > 0) unit++;
    uint64_t tenths = (bytes >> (10 * unit)) * 10 / 1024;
    if (tenths >= 1000)
        snprintf(out, HUMAN_BYTES, "%" PRIu64 " %s", tenths / 10, units[unit]);
    else
        snprintf(out, HUMAN_BYTES, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[unit]);
}

void human_span(char out[static HUMAN_BYTES], uint64_t ms) {
    uint64_t seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
    if (seconds == 0)
        snprintf(out, HUMAN_BYTES, "%" PRIu64 " ms", ms);
    else if (minutes == 0)
        snprintf(out, HUMAN_BYTES, "%" PRIu64 " s", seconds);
    else if (hours == 0)
        snprintf(out, HUMAN_BYTES, "%" PRIu64 " min", minutes);
    else if (days == 0)
        snprintf(out, HUMAN_BYTES, "%" PRIu64 " h %" PRIu64 " min", hours, minutes % 60);
    else
        snprintf(out, HUMAN_BYTES, "%" PRIu64 " d %" PRIu64 " h", days, hours % 24);
}

void human_rate(char out[static HUMAN_BYTES], uint64_t more, uint64_t ms) {
    if (ms == 0) {
        snprintf(out, HUMAN_BYTES, "-");
        return;
    }
    uint64_t tenths = more > UINT64_MAX / 10000 ? UINT64_MAX / ms : more * 10000 / ms;
    if (tenths == 0 && more > 0) tenths = 1; /* it is not nothing */
    if (tenths >= 1000)
        human_count(out, tenths / 10);
    else if (tenths == 0)
        snprintf(out, HUMAN_BYTES, "0");
    else
        snprintf(out, HUMAN_BYTES, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}
