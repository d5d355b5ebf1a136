/* real: whether this program was linked with real signatures. */
#ifndef TESTS_SIM_REAL_H
#define TESTS_SIM_REAL_H

#include <stdbool.h>

extern const bool sim_real_signatures;

#endif
