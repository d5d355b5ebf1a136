/* Tables of values from files; what holds for them stands in values.h. */
#include "tests/fuzz/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return values_in_two_pieces(INTAKE_CSV, data, size); }
