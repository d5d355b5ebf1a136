/* Messages from peers: what decodes is also MessagePack to msgpack-c, and its lists can be walked to the end. */
#include "gossip/wire.h"

#include <msgpack.h>
#include <stdlib.h>

static void walk(struct wire_pairs pairs) {
    uint8_t tag[WIRE_TAG_BYTES];
    uint64_t number;
    uint32_t expected = pairs.count, count = 0;
    while (wire_pair_next(&pairs, tag, &number)) count++;
    if (count != expected) abort();
}

static void oracle(const uint8_t *data, size_t size, uint64_t kind) {
    msgpack_unpacked result;
    size_t offset = 0;
    msgpack_unpacked_init(&result);
    if (msgpack_unpack_next(&result, (const char *)data, size, &offset) != MSGPACK_UNPACK_SUCCESS || offset != size) abort();
    if (result.data.type != MSGPACK_OBJECT_ARRAY || result.data.via.array.ptr[0].via.u64 != kind) abort();
    msgpack_unpacked_destroy(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct message message;
    if (wire_decode(&message, bytes_of(data, size)) != OK) return 0;
    oracle(data, size, message.kind);
    switch (message.kind) {
    case MESSAGE_TAGS: walk(message.tags.agencies); break;
    case MESSAGE_HEADS: walk(message.heads.heads); break;
    case MESSAGE_WANT: walk(message.want.payloads); break;
    case MESSAGE_HAVE: walk(message.have.payloads); break;
    default: break;
    }
    return 0;
}
