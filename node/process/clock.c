/* clock: the only reader of clocks. */
#include "node/process/clock.h"

#include "node/process/log.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

/* A century either way: whatever is larger is a typing error. */
#define CLOCK_OFFSET_MS_MAX (100LL * 366 * 24 * 3600 * 1000)

static int64_t offset_read(void) {
    const char *text = getenv(CLOCK_OFFSET_VARIABLE);
    if (text == NULL || text[0] == '\0') return 0;
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value > CLOCK_OFFSET_MS_MAX || value < -CLOCK_OFFSET_MS_MAX) {
        log_warn(CLOCK_OFFSET_VARIABLE "=%s is not a number of milliseconds: ignored", text);
        return 0;
    }
    return value;
}

static uint64_t clock_read_ns(clockid_t id) {
    struct timespec now;
    int result = clock_gettime(id, &now);
    assert(result == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t clock_offset_ms(void) {
    static bool known;
    static int64_t offset_ms;
    if (!known) {
        /* Set first, because the warning itself asks for the time. */
        known = true;
        offset_ms = offset_read();
        if (offset_ms != 0)
            log_warn("wall time is shifted by %lld ms (" CLOCK_OFFSET_VARIABLE "): for tests only", (long long)offset_ms);
    }
    return offset_ms;
}

uint64_t clock_wall_ms(void) {
    int64_t now_ms = (int64_t)(clock_read_ns(CLOCK_REALTIME) / 1000000u) + clock_offset_ms();
    return now_ms < 0 ? 0 : (uint64_t)now_ms;
}

uint64_t clock_monotonic_ns(void) { return clock_read_ns(CLOCK_MONOTONIC); }

uint64_t clock_monotonic_ms(void) { return clock_monotonic_ns() / 1000000u; }
