#include "tests/sim/memory.h"

#include <stddef.h>

static uint32_t armed, left;
static bool failed;

void memory_arm(uint32_t in) {
    armed = left = in;
    failed = false;
}

bool memory_disarm(uint32_t *in) {
    *in = failed ? 0 : left;
    armed = left = 0;
    return failed;
}

/* Once short, the machine stays short for the rest of the step. */
static bool refuse(void) {
    if (armed == 0) return false;
    if (!failed && --left == 0) failed = true;
    return failed;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size) { return refuse() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return refuse() ? NULL : __real_calloc(count, size); }
void *__wrap_realloc(void *memory, size_t size) { return refuse() ? NULL : __real_realloc(memory, size); }
