#include "gossip/proof.h"

#include "gossip/fork.h"
#include "gossip/pack.h"

#include <assert.h>
#include <string.h>

#define PROOF_VERSION 1
#define PROOF_FIELDS  7

_Static_assert(BLOCK_ITEMS_MAX == 1 << PROOF_PATH_MAX && PROOF_PATH_MAX <= HASH_MERKLE_PATH_MAX, "the longest path");

/* One rule for both directions, so that what is encoded here is what others decode. */
static enum err proof_check(const struct proof *proof) {
    if (proof->entries.size == 0 || proof->entries.size > PROOF_ENTRIES_BYTES_MAX) return ERR_RANGE;
    if (proof->item_count == 0 || proof->item_count > BLOCK_ITEMS_MAX || proof->item_index >= proof->item_count) return ERR_RANGE;
    if (proof->path.size % HASH_BYTES != 0 || proof->path.size > PROOF_PATH_MAX * HASH_BYTES) return ERR_RANGE;
    return proof->item.size > BLOCK_ITEM_BYTES_MAX ? ERR_RANGE : OK;
}

enum err proof_encode(struct buf *out, const struct proof *proof) {
    enum err err = proof_check(proof);
    if (err != OK) return err;
    pack_write_array(out, PROOF_FIELDS);
    pack_write_uint(out, PROOF_VERSION);
    pack_write_bin(out, proof->entries);
    pack_write_uint(out, proof->item_count);
    pack_write_uint(out, proof->item_index);
    pack_write_bin(out, bytes_of(proof->salt, HASH_BYTES));
    pack_write_bin(out, proof->path);
    pack_write_bin(out, proof->item);
    return buf_result(out);
}

enum err proof_decode(struct proof *out, struct bytes encoded) {
    struct pack_reader reader = pack_reader_of(encoded);
    *out = (struct proof){0};
    if (pack_read_array(&reader) != PROOF_FIELDS) return ERR_FORMAT;
    uint64_t version = pack_read_uint(&reader);
    if (pack_failed(&reader)) return ERR_FORMAT;
    if (version != PROOF_VERSION) return ERR_VERSION;
    out->entries = pack_read_bin(&reader);
    uint64_t count = pack_read_uint(&reader), index = pack_read_uint(&reader);
    struct bytes salt = pack_read_bin(&reader);
    out->path = pack_read_bin(&reader);
    out->item = pack_read_bin(&reader);
    if (pack_done(&reader) != OK || salt.size != HASH_BYTES) return ERR_FORMAT;
    if (count > BLOCK_ITEMS_MAX || index >= count) return ERR_RANGE;
    out->item_count = (uint32_t)count;
    out->item_index = (uint32_t)index;
    memcpy(out->salt, salt.data, HASH_BYTES);
    return proof_check(out);
}

/* The run of entries, the BLOCK entry's body, and the leaf under its root. */
static enum err parts_read(struct proof_facts *out, struct fork_run *run, const struct proof *proof) {
    enum err err = proof_check(proof);
    if (err == OK) err = fork_run_read(run, proof->entries);
    if (err != OK) return err;
    out->entry = run->first;
    if (out->entry.type != ENTRY_BLOCK) return ERR_FORMAT;
    err = block_body_read(&out->body, out->entry.body);
    if (err != OK) return err;
    block_leaf_salted(out->leaf, proof->salt, proof->item);
    bool stands = hash_merkle_verify(out->body.seal.root, out->leaf, proof->item_index, proof->item_count, proof->path);
    return stands ? OK : ERR_HASH;
}

enum err proof_read(struct proof_facts *out, const struct proof *proof) {
    struct fork_run run;
    return parts_read(out, &run, proof);
}

enum err proof_verify(struct proof_facts *out, const struct proof *proof, const struct agency *agency) {
    struct fork_run run;
    enum err err = parts_read(out, &run, proof);
    if (err != OK) return err;
    if (memcmp(out->entry.agency_id, agency->id, AGENCY_ID_BYTES) != 0) return ERR_UNKNOWN_AUTHOR;
    const struct agency_node *node = agency_node_find(agency, out->entry.node_id);
    if (!node) return ERR_UNKNOWN_AUTHOR;
    /* A signature past the cut vouches for nothing: a thief could have made it for a history of his own. */
    if (node->revoked && run.last.seq > node->revoked_seq) return ERR_REVOKED;
    if (node->revoked && run.last.seq == node->revoked_seq && memcmp(run.last.id, node->revoked_hash, HASH_BYTES) != 0)
        return ERR_REVOKED;
    /* One form: the run ends at its first good signature. */
    struct bytes shortest = fork_run_shorten(proof->entries, node->sign_public);
    return shortest.size == proof->entries.size ? OK : ERR_SIGNATURE;
}

void proof_make(struct proof *out, uint8_t path[static PROOF_PATH_MAX * HASH_BYTES], const uint8_t *leaves, size_t count,
                size_t index) {
    uint8_t whole[HASH_MERKLE_PATH_MAX * HASH_BYTES];
    assert(count <= BLOCK_ITEMS_MAX && index < count);
    size_t length = hash_merkle_path(whole, leaves, count, index);
    assert(length <= PROOF_PATH_MAX);
    memcpy(path, whole, length * HASH_BYTES);
    out->item_count = (uint32_t)count;
    out->item_index = (uint32_t)index;
    out->path = bytes_of(path, length * HASH_BYTES);
}
