/* Items from the wire: what decodes, encodes to bytes that decode to the same and are no longer; msgpack-c reads it too. */
#include "gossip/item.h"

#include <msgpack.h>
#include <stdlib.h>

static struct item item, again;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (item_decode(&item, bytes_of(data, size)) != OK) return 0;
    struct buf out = {0};
    if (item_encode(&out, &item) != OK || item_decode(&again, bytes_of_buf(&out)) != OK) abort();
    if (!bytes_equal(again.id, item.id) || !bytes_equal(again.text, item.text) || again.observable_count != item.observable_count)
        abort();
    buf_free(&out);
    msgpack_unpacked result;
    size_t offset = 0;
    msgpack_unpacked_init(&result);
    if (msgpack_unpack_next(&result, (const char *)data, size, &offset) != MSGPACK_UNPACK_SUCCESS || offset != size) abort();
    if (result.data.type != MSGPACK_OBJECT_ARRAY || result.data.via.array.size != 9) abort();
    msgpack_unpacked_destroy(&result);
    return 0;
}
