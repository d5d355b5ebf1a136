/* proof: one item of a block, provable to anybody who holds its author's agency chain: the signed BLOCK entry, the item's salt and its
   audit path to the signed root. Nothing in it opens the rest of the block. PROTOCOL.md 5.9 */
#ifndef GOSSIP_PROOF_H
#define GOSSIP_PROOF_H

#include "gossip/entry.h"

#define PROOF_ENTRIES_BYTES_MAX (16 * 1024) /* the BLOCK entry, and what it takes to reach a good signature: mostly nothing */
#define PROOF_PATH_MAX          12          /* hashes: BLOCK_ITEMS_MAX is 2^12 */
/* Version and heads of fields: at most 40 bytes beside the fields themselves. */
#define PROOF_BYTES_MAX (40 + PROOF_ENTRIES_BYTES_MAX + HASH_BYTES * (1 + PROOF_PATH_MAX) + BLOCK_ITEM_BYTES_MAX)

/* Views are borrowed: from the encoded proof when decoded, from the caller when to be encoded. */
struct proof {
    struct bytes entries; /* the BLOCK entry as received; if its own signature is damaged, also those behind it up to a good one */
    uint32_t item_count;  /* of the block; 1 to BLOCK_ITEMS_MAX */
    uint32_t item_index;  /* below item_count */
    uint8_t salt[HASH_BYTES];
    struct bytes path; /* hashes from the leaf up */
    struct bytes item; /* as it stands in the block */
};

/* Who said it, where: views into the proof. */
struct proof_facts {
    struct entry entry; /* the BLOCK entry */
    struct block_body body;
    uint8_t leaf[HASH_BYTES]; /* the one name of this item in this block */
};

/* Layout: array of 7: version 1, entries bin, item count uint, item index uint, salt bin 32, path bin, item bin.
   Appends the encoding. ERR_RANGE on a field beyond its limit. */
enum err proof_encode(struct buf *out, const struct proof *proof) MUST_USE;

/* Decodes foreign bytes: exactly one proof in canonical MessagePack, sizes in range. Allocates nothing and verifies nothing.
   ERR_FORMAT, ERR_VERSION, ERR_RANGE. */
enum err proof_decode(struct proof *out, struct bytes encoded) MUST_USE;

/* Form alone: entry, body and leaf, and that the leaf stands under the entry's root. No signature is looked at. ERR_FORMAT, ERR_HASH
   and what entry_parse returns. */
enum err proof_read(struct proof_facts *out, const struct proof *proof) MUST_USE;

/* Also that a node of `agency` signed it before its cut, if it has one. ERR_UNKNOWN_AUTHOR: of another agency, or of no node of it.
   ERR_REVOKED: past the node's cut, or on a branch that the cut doesn't name. ERR_SIGNATURE, and what proof_read returns. */
enum err proof_verify(struct proof_facts *out, const struct proof *proof, const struct agency *agency) MUST_USE;

/* Makes the proof of item `index` from all `count` leaves of its block; `path` has room for PROOF_PATH_MAX hashes. */
void proof_make(struct proof *out, uint8_t path[static PROOF_PATH_MAX * HASH_BYTES], const uint8_t *leaves, size_t count,
                size_t index);

#endif
