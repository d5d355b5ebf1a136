/* Arbitrary bytes as a stream of frames: nothing is read past the end, and what is accepted is in range. */
#include "node/process/frame.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes left = bytes_of(data, size);
    struct frame frame;
    size_t used;
    while (frame_parse(left, &frame, &used) == OK) {
        assert(used >= FRAME_HEADER_BYTES && used <= left.size);
        assert(frame.body.size == used - FRAME_HEADER_BYTES && frame.body.size <= FRAME_BODY_BYTES_MAX);
        assert(frame.body.data == left.data + FRAME_HEADER_BYTES && frame.fd == -1);
        left = bytes_of(left.data + used, left.size - used);
    }
    return 0;
}
