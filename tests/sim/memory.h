/* memory: allocations that fail on demand; the linker puts these functions in front of the library's (-Wl,--wrap). */
#ifndef TESTS_SIM_MEMORY_H
#define TESTS_SIM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* From now on the allocation of that number fails, and all that follow it; 0: none does. */
void memory_arm(uint32_t in);
/* Allocations succeed again. Did one fail? *in is what is left to count. */
bool memory_disarm(uint32_t *in);

#endif
