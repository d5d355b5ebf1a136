/* blob: bytes that many disks hold: kept once, counted. A mesh of a thousand nodes stores each entry a thousand times. */
#ifndef TESTS_SIM_BLOB_H
#define TESTS_SIM_BLOB_H

#include "crypto/bytes.h"

struct blob {
    uint32_t references, size;
    uint8_t data[];
};

struct blob *blob_new(struct bytes bytes);
struct blob *blob_keep(struct blob *blob); /* one reference more; null stays null */
void blob_drop(struct blob *blob);         /* one less; the last one frees */
static inline struct bytes blob_bytes(const struct blob *blob) {
    return blob ? bytes_of(blob->data, blob->size) : bytes_of(NULL, 0);
}

#endif
