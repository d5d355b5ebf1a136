#include "tests/sim/real.h"

const bool sim_real_signatures = true;
