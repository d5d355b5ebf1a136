/* Agreements from foreign agencies: one that decodes encodes to the same bytes. */
#include "gossip/agreement.h"

static struct agreement agreement;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf again = {0};
    if (agreement_decode(&agreement, bytes_of(data, size)) == OK &&
        (agreement_encode(&again, &agreement) != OK || !bytes_equal(bytes_of_buf(&again), bytes_of(data, size))))
        __builtin_trap();
    buf_free(&again);
    return 0;
}
