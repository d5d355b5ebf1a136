/* Item proofs from peers: what decodes, encodes to the same bytes; what is read of one lies inside it. */
#include "gossip/proof.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct agency nobody;
    struct proof proof;
    struct proof_facts facts;
    struct buf out = {0};
    if (proof_decode(&proof, bytes_of(data, size)) != OK) return 0;
    if (proof_encode(&out, &proof) != OK || !bytes_equal(bytes_of_buf(&out), bytes_of(data, size))) abort();
    if (proof_read(&facts, &proof) == OK && facts.entry.type != ENTRY_BLOCK) abort();
    if (proof_verify(&facts, &proof, &nobody) == OK) abort();
    buf_free(&out);
    return 0;
}
