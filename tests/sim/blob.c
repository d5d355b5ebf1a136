#include "tests/sim/blob.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct blob *blob_new(struct bytes bytes) {
    struct blob *blob = malloc(sizeof *blob + bytes.size);
    assert(blob);
    blob->references = 1;
    blob->size = (uint32_t)bytes.size;
    if (bytes.size) memcpy(blob->data, bytes.data, bytes.size);
    return blob;
}

struct blob *blob_keep(struct blob *blob) {
    if (blob) blob->references++;
    return blob;
}

void blob_drop(struct blob *blob) {
    if (blob && --blob->references == 0) free(blob);
}
