/* Fork proofs from peers: the input is where it is cut in two (4), and two runs of entries. A proof has one form, in whatever order its
   runs came, and what is left of a run is its front. */
#include "gossip/fork.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t key[SIGN_PUBLIC_BYTES] = {1};
    struct fork one, two;
    struct fork_run run;
    if (size < 4) return 0;
    size_t at = get_be32(data) % (size - 3);
    struct bytes a = bytes_of(data + 4, at), b = bytes_of(data + 4 + at, size - 4 - at);
    if (fork_run_read(&run, a) == OK && (run.count == 0 || run.last.seq != run.first.seq + run.count - 1)) abort();
    struct bytes part = fork_run_shorten(a, key);
    if (part.size > a.size || (part.size > 0 && part.data != a.data)) abort();
    if (fork_make(&one, a, b) != OK) return 0;
    if (fork_make(&two, b, a) != OK || memcmp(one.first_id, two.first_id, sizeof one.first_id) != 0) abort();
    if (fork_read(&two, one.runs[0], one.runs[1]) != OK || fork_read(&two, one.runs[1], one.runs[0]) == OK) abort();
    if (memcmp(one.first_id[0], one.first_id[1], HASH_BYTES) >= 0 || one.seq == 0) abort();
    return 0;
}
