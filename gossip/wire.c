#include "gossip/wire.h"

#include "crypto/block.h"
#include "gossip/entry.h"
#include "gossip/fork.h"

#include <string.h>

/* --- writing --- */

static void put_kind(struct buf *out, enum message_kind kind, uint32_t fields) {
    pack_write_array(out, 1 + fields);
    pack_write_uint(out, kind);
}

static void put_fixed(struct buf *out, const uint8_t *data, size_t size) { pack_write_bin(out, bytes_of(data, size)); }

static void put_pairs(struct buf *out, const struct wire_pair *pairs, uint32_t count) {
    pack_write_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        pack_write_array(out, 2);
        put_fixed(out, pairs[i].tag, WIRE_TAG_BYTES);
        pack_write_uint(out, pairs[i].number);
    }
}

void wire_hello(struct buf *out, const uint8_t agency_id[static AGENCY_ID_BYTES], const uint8_t node_id[static NODE_ID_BYTES],
                const uint8_t nonce[static WIRE_NONCE_BYTES], const uint8_t instance[static WIRE_INSTANCE_BYTES]) {
    put_kind(out, MESSAGE_HELLO, 5);
    pack_write_uint(out, WIRE_VERSION);
    put_fixed(out, agency_id, AGENCY_ID_BYTES);
    put_fixed(out, node_id, NODE_ID_BYTES);
    put_fixed(out, nonce, WIRE_NONCE_BYTES);
    put_fixed(out, instance, WIRE_INSTANCE_BYTES);
}

void wire_proof(struct buf *out, const uint8_t signature[static SIGN_BYTES]) {
    put_kind(out, MESSAGE_PROOF, 1);
    put_fixed(out, signature, SIGN_BYTES);
}

void wire_tags(struct buf *out, uint64_t generation, const struct wire_pair *agencies, uint32_t count) {
    put_kind(out, MESSAGE_TAGS, 2);
    pack_write_uint(out, generation);
    put_pairs(out, agencies, count);
}

void wire_chain(struct buf *out, const uint8_t agency_id[static AGENCY_ID_BYTES], struct bytes chain) {
    put_kind(out, MESSAGE_CHAIN, 2);
    put_fixed(out, agency_id, AGENCY_ID_BYTES);
    pack_write_bin(out, chain);
}

void wire_digest(struct buf *out, uint64_t mine, uint64_t yours, const uint8_t digest[static WIRE_DIGEST_BYTES], bool reply,
                 uint64_t total) {
    put_kind(out, MESSAGE_DIGEST, 5);
    pack_write_uint(out, mine);
    pack_write_uint(out, yours);
    put_fixed(out, digest, WIRE_DIGEST_BYTES);
    pack_write_bool(out, reply);
    pack_write_uint(out, total);
}

void wire_heads(struct buf *out, uint64_t mine, uint64_t yours, uint64_t buckets, uint64_t credit, const struct wire_pair *heads,
                uint32_t count) {
    put_kind(out, MESSAGE_HEADS, 5);
    pack_write_uint(out, mine);
    pack_write_uint(out, yours);
    pack_write_uint(out, buckets);
    pack_write_uint(out, credit);
    put_pairs(out, heads, count);
}

void wire_get(struct buf *out, const uint8_t tag[static WIRE_TAG_BYTES], uint64_t seq, uint64_t bytes_max) {
    put_kind(out, MESSAGE_GET, 3);
    put_fixed(out, tag, WIRE_TAG_BYTES);
    pack_write_uint(out, seq);
    pack_write_uint(out, bytes_max);
}

void wire_entries(struct buf *out, const uint8_t tag[static WIRE_TAG_BYTES], uint64_t seq, struct bytes entries) {
    put_kind(out, MESSAGE_ENTRIES, 3);
    put_fixed(out, tag, WIRE_TAG_BYTES);
    pack_write_uint(out, seq);
    pack_write_bin(out, entries);
}

void wire_want(struct buf *out, const struct wire_pair *payloads, uint32_t count) {
    put_kind(out, MESSAGE_WANT, 1);
    put_pairs(out, payloads, count);
}

void wire_payload(struct buf *out, const uint8_t tag[static WIRE_TAG_BYTES], uint64_t seq, bool present, struct bytes payload) {
    put_kind(out, MESSAGE_PAYLOAD, 3);
    put_fixed(out, tag, WIRE_TAG_BYTES);
    pack_write_uint(out, seq);
    if (present)
        pack_write_bin(out, payload);
    else
        pack_write_nil(out);
}

void wire_push(struct buf *out, struct bytes entry, enum push_payload state, struct bytes payload) {
    put_kind(out, MESSAGE_PUSH, 3);
    pack_write_bin(out, entry);
    pack_write_uint(out, state);
    if (state == PUSH_INLINE)
        pack_write_bin(out, payload);
    else
        pack_write_nil(out);
}

void wire_have(struct buf *out, const struct wire_pair *payloads, uint32_t count) {
    put_kind(out, MESSAGE_HAVE, 1);
    put_pairs(out, payloads, count);
}

void wire_fork(struct buf *out, struct bytes a, struct bytes b) {
    put_kind(out, MESSAGE_FORK, 2);
    pack_write_bin(out, a);
    pack_write_bin(out, b);
}

void wire_announce(struct buf *out, const struct wire_pair *entries, uint32_t count) {
    put_kind(out, MESSAGE_ANNOUNCE, 1);
    put_pairs(out, entries, count);
}

void wire_graft(struct buf *out, const struct wire_pair *entries, uint32_t count) {
    put_kind(out, MESSAGE_GRAFT, 1);
    put_pairs(out, entries, count);
}

void wire_prune(struct buf *out) { put_kind(out, MESSAGE_PRUNE, 0); }

void wire_trust(struct buf *out, uint64_t generation, const uint8_t sum[static WIRE_DIGEST_BYTES]) {
    put_kind(out, MESSAGE_TRUST, 2);
    pack_write_uint(out, generation);
    put_fixed(out, sum, WIRE_DIGEST_BYTES);
}

void wire_sums(struct buf *out, uint64_t mine, uint64_t yours, const uint8_t sums[static WIRE_BUCKETS * WIRE_SUM_BYTES]) {
    put_kind(out, MESSAGE_SUMS, 3);
    pack_write_uint(out, mine);
    pack_write_uint(out, yours);
    put_fixed(out, sums, WIRE_BUCKETS * WIRE_SUM_BYTES);
}

void wire_stream(struct buf *out, struct bytes entries) {
    put_kind(out, MESSAGE_STREAM, 1);
    pack_write_bin(out, entries);
}

void wire_verify(struct buf *out, const uint8_t nonce[static WIRE_NONCE_VERIFY_BYTES]) {
    put_kind(out, MESSAGE_VERIFY, 1);
    put_fixed(out, nonce, WIRE_NONCE_VERIFY_BYTES);
}

void wire_verified(struct buf *out, const uint8_t nonce[static WIRE_NONCE_VERIFY_BYTES], uint64_t missing, struct bytes rows,
                   const uint8_t signature[static SIGN_BYTES]) {
    put_kind(out, MESSAGE_VERIFIED, 4);
    put_fixed(out, nonce, WIRE_NONCE_VERIFY_BYTES);
    pack_write_uint(out, missing);
    pack_write_bin(out, rows);
    put_fixed(out, signature, SIGN_BYTES);
}

/* --- reading --- */

static void take_fixed(struct pack_reader *reader, uint8_t *out, size_t size) {
    struct bytes bytes = pack_read_bin(reader);
    if (bytes.size == size)
        memcpy(out, bytes.data, size);
    else
        reader->cursor.failed = true;
}

static void take_pairs(struct pack_reader *reader, struct wire_pairs *out) {
    uint8_t tag[WIRE_TAG_BYTES];
    out->count = pack_read_array(reader);
    if (out->count > LIMIT_PAIRS) reader->cursor.failed = true;
    out->reader = *reader;
    for (uint32_t i = 0; i < out->count && !pack_failed(reader); i++) {
        if (pack_read_array(reader) != 2) reader->cursor.failed = true;
        take_fixed(reader, tag, sizeof tag);
        pack_read_uint(reader);
    }
}

bool wire_pair_next(struct wire_pairs *pairs, uint8_t tag[static WIRE_TAG_BYTES], uint64_t *number) {
    if (pairs->count == 0) return false;
    pairs->count--;
    pack_read_array(&pairs->reader);
    take_fixed(&pairs->reader, tag, WIRE_TAG_BYTES);
    *number = pack_read_uint(&pairs->reader);
    return !pack_failed(&pairs->reader);
}

static uint64_t take_seq(struct pack_reader *reader) {
    uint64_t seq = pack_read_uint(reader);
    if (seq == 0 || seq > INT64_MAX) reader->cursor.failed = true;
    return seq;
}

static struct bytes take_bin_max(struct pack_reader *reader, size_t size_max) {
    struct bytes bytes = pack_read_bin(reader);
    if (bytes.size > size_max) reader->cursor.failed = true;
    return bytes;
}

static void take_push(struct pack_reader *reader, struct message *out) {
    out->push.entry = take_bin_max(reader, ENTRY_BYTES_MAX);
    uint64_t state = pack_read_uint(reader);
    if (state > PUSH_AWAITED) reader->cursor.failed = true;
    out->push.state = (enum push_payload)state;
    out->push.payload = bytes_of(NULL, 0);
    if (state == PUSH_INLINE)
        out->push.payload = take_bin_max(reader, LIMIT_PUSH_PAYLOAD_BYTES);
    else
        pack_read_nil(reader);
}

/* How many fields follow a message's number; -1: there is no such message. */
static int fields_of(uint64_t kind) {
    switch (kind) {
    case MESSAGE_PRUNE: return 0;
    case MESSAGE_PROOF:
    case MESSAGE_WANT:
    case MESSAGE_HAVE:
    case MESSAGE_ANNOUNCE:
    case MESSAGE_GRAFT:
    case MESSAGE_VERIFY:
    case MESSAGE_STREAM: return 1;
    case MESSAGE_TAGS:
    case MESSAGE_CHAIN:
    case MESSAGE_TRUST:
    case MESSAGE_FORK: return 2;
    case MESSAGE_GET:
    case MESSAGE_ENTRIES:
    case MESSAGE_PAYLOAD:
    case MESSAGE_PUSH:
    case MESSAGE_SUMS: return 3;
    case MESSAGE_VERIFIED: return 4;
    case MESSAGE_HELLO:
    case MESSAGE_DIGEST:
    case MESSAGE_HEADS: return 5;
    default: return -1;
    }
}

static void take_body(struct pack_reader *reader, struct message *out) {
    switch (out->kind) {
    case MESSAGE_HELLO:
        take_fixed(reader, out->hello.agency_id, AGENCY_ID_BYTES);
        take_fixed(reader, out->hello.node_id, NODE_ID_BYTES);
        take_fixed(reader, out->hello.nonce, WIRE_NONCE_BYTES);
        take_fixed(reader, out->hello.instance, WIRE_INSTANCE_BYTES);
        break;
    case MESSAGE_PROOF: take_fixed(reader, out->proof.signature, SIGN_BYTES); break;
    case MESSAGE_TAGS:
        out->tags.generation = pack_read_uint(reader);
        take_pairs(reader, &out->tags.agencies);
        break;
    case MESSAGE_CHAIN:
        take_fixed(reader, out->chain.agency_id, AGENCY_ID_BYTES);
        out->chain.chain = take_bin_max(reader, AGENCY_CHAIN_BYTES_MAX);
        break;
    case MESSAGE_DIGEST:
        out->digest.mine = pack_read_uint(reader);
        out->digest.yours = pack_read_uint(reader);
        take_fixed(reader, out->digest.digest, WIRE_DIGEST_BYTES);
        out->digest.reply = pack_read_bool(reader);
        out->digest.total = pack_read_uint(reader);
        break;
    case MESSAGE_HEADS:
        out->heads.mine = pack_read_uint(reader);
        out->heads.yours = pack_read_uint(reader);
        out->heads.buckets = pack_read_uint(reader);
        out->heads.credit = pack_read_uint(reader);
        take_pairs(reader, &out->heads.heads);
        break;
    case MESSAGE_GET:
        take_fixed(reader, out->get.tag, WIRE_TAG_BYTES);
        out->get.seq = take_seq(reader);
        out->get.bytes_max = pack_read_uint(reader);
        break;
    case MESSAGE_ENTRIES:
        take_fixed(reader, out->entries.tag, WIRE_TAG_BYTES);
        out->entries.seq = take_seq(reader);
        out->entries.entries = take_bin_max(reader, LIMIT_ENTRIES_BYTES);
        break;
    case MESSAGE_WANT: take_pairs(reader, &out->want.payloads); break;
    case MESSAGE_PAYLOAD:
        take_fixed(reader, out->payload.tag, WIRE_TAG_BYTES);
        out->payload.seq = take_seq(reader);
        out->payload.present = !pack_skip_nil(reader);
        out->payload.payload = bytes_of(NULL, 0);
        if (out->payload.present) out->payload.payload = take_bin_max(reader, BLOCK_PAYLOAD_BYTES_MAX);
        break;
    case MESSAGE_PUSH: take_push(reader, out); break;
    case MESSAGE_HAVE: take_pairs(reader, &out->have.payloads); break;
    case MESSAGE_ANNOUNCE: take_pairs(reader, &out->announce.entries); break;
    case MESSAGE_GRAFT: take_pairs(reader, &out->graft.entries); break;
    case MESSAGE_PRUNE: break;
    case MESSAGE_TRUST:
        out->trust.generation = pack_read_uint(reader);
        take_fixed(reader, out->trust.sum, WIRE_DIGEST_BYTES);
        break;
    case MESSAGE_SUMS:
        out->sums.mine = pack_read_uint(reader);
        out->sums.yours = pack_read_uint(reader);
        take_fixed(reader, out->sums.sums, sizeof out->sums.sums);
        break;
    case MESSAGE_STREAM: out->stream.entries = take_bin_max(reader, LIMIT_ENTRIES_BYTES); break;
    case MESSAGE_VERIFY: take_fixed(reader, out->verify.nonce, WIRE_NONCE_VERIFY_BYTES); break;
    case MESSAGE_VERIFIED:
        take_fixed(reader, out->verified.nonce, WIRE_NONCE_VERIFY_BYTES);
        out->verified.missing = pack_read_uint(reader);
        out->verified.rows = take_bin_max(reader, LIMIT_LOGS * WIRE_HEAD_ROW_BYTES);
        take_fixed(reader, out->verified.signature, SIGN_BYTES);
        break;
    case MESSAGE_FORK:
        out->fork.runs[0] = take_bin_max(reader, FORK_RUN_BYTES_MAX);
        out->fork.runs[1] = take_bin_max(reader, FORK_RUN_BYTES_MAX);
        break;
    default: reader->cursor.failed = true;
    }
}

enum err wire_decode(struct message *out, struct bytes bytes) {
    if (bytes.size > LIMIT_MESSAGE_BYTES) return ERR_TOO_BIG;
    struct pack_reader reader = pack_reader_of(bytes);
    uint32_t count = pack_read_array(&reader);
    uint64_t kind = pack_read_uint(&reader);
    if (pack_failed(&reader) || fields_of(kind) < 0) return ERR_FORMAT;
    out->kind = (enum message_kind)kind;
    /* The version stands in front of everything that a later version may change, the number of fields included. */
    if (kind == MESSAGE_HELLO && pack_read_uint(&reader) != WIRE_VERSION) return pack_failed(&reader) ? ERR_FORMAT : ERR_VERSION;
    if (count != 1 + (uint32_t)fields_of(kind)) return ERR_FORMAT;
    take_body(&reader, out);
    return pack_done(&reader);
}
