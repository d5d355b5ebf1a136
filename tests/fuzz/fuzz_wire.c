/* Messages from peers: what decodes is also MessagePack to msgpack-c, and is written again to the same bytes from its fields alone. */
#include "gossip/wire.h"

#include <msgpack.h>
#include <stdlib.h>

static struct wire_pair rows[LIMIT_PAIRS];

static uint32_t rows_take(struct wire_pairs pairs) {
    uint32_t expected = pairs.count, count = 0;
    while (wire_pair_next(&pairs, rows[count].tag, &rows[count].number)) count++;
    if (count != expected) abort();
    return count;
}

static void write_again(struct buf *out, const struct message *m) {
    switch (m->kind) {
    case MESSAGE_HELLO: wire_hello(out, m->hello.agency_id, m->hello.node_id, m->hello.nonce, m->hello.instance); break;
    case MESSAGE_PROOF: wire_proof(out, m->proof.signature); break;
    case MESSAGE_TAGS: wire_tags(out, m->tags.generation, rows, rows_take(m->tags.agencies)); break;
    case MESSAGE_CHAIN: wire_chain(out, m->chain.agency_id, m->chain.chain); break;
    case MESSAGE_DIGEST:
        wire_digest(out, m->digest.mine, m->digest.yours, m->digest.digest, m->digest.reply, m->digest.total);
        break;
    case MESSAGE_HEADS:
        wire_heads(out, m->heads.mine, m->heads.yours, m->heads.buckets, m->heads.credit, rows, rows_take(m->heads.heads));
        break;
    case MESSAGE_GET: wire_get(out, m->get.tag, m->get.seq, m->get.bytes_max); break;
    case MESSAGE_ENTRIES: wire_entries(out, m->entries.tag, m->entries.seq, m->entries.entries); break;
    case MESSAGE_WANT: wire_want(out, rows, rows_take(m->want.payloads)); break;
    case MESSAGE_PAYLOAD: wire_payload(out, m->payload.tag, m->payload.seq, m->payload.present, m->payload.payload); break;
    case MESSAGE_PUSH: wire_push(out, m->push.entry, m->push.state, m->push.payload); break;
    case MESSAGE_HAVE: wire_have(out, rows, rows_take(m->have.payloads)); break;
    case MESSAGE_ANNOUNCE: wire_announce(out, rows, rows_take(m->announce.entries)); break;
    case MESSAGE_GRAFT: wire_graft(out, rows, rows_take(m->graft.entries)); break;
    case MESSAGE_PRUNE: wire_prune(out); break;
    case MESSAGE_TRUST: wire_trust(out, m->trust.generation, m->trust.sum); break;
    case MESSAGE_SUMS: wire_sums(out, m->sums.mine, m->sums.yours, m->sums.sums); break;
    case MESSAGE_STREAM: wire_stream(out, m->stream.entries); break;
    case MESSAGE_VERIFY: wire_verify(out, m->verify.nonce); break;
    case MESSAGE_VERIFIED:
        wire_verified(out, m->verified.nonce, m->verified.missing, m->verified.rows, m->verified.signature);
        break;
    case MESSAGE_FORK: wire_fork(out, m->fork.runs[0], m->fork.runs[1]); break;
    }
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
    struct buf again = {0};
    if (wire_decode(&message, bytes_of(data, size)) != OK) return 0;
    oracle(data, size, message.kind);
    write_again(&again, &message);
    if (!bytes_equal(bytes_of_buf(&again), bytes_of(data, size))) abort();
    buf_free(&again);
    return 0;
}
