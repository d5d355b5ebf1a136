/* hash: BLAKE2b-256 (RFC 7693) under a domain label; Merkle root and path. */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "crypto/bytes.h"

#define HASH_BYTES 32

/* out = BLAKE2b-256( u8 length of label || label || a || b ). `a` and `b` are concatenated: where their border matters,
   one of them has a fixed size. Labels are at most 32 characters and unique in PROTOCOL.md 2.1. */
void hash_of(uint8_t out[static HASH_BYTES], const char *label, struct bytes a, struct bytes b);

/* out = BLAKE2b-256 keyed with `key`, over u8 length of label || label || a. The one key derivation here. */
void hash_derive(uint8_t out[static HASH_BYTES], const uint8_t key[static 32], const char *label, struct bytes a);

/* Merkle tree as RFC 6962 section 2.1 shapes it (largest power of two below n on the left), inner node =
   BLAKE2b-256(0x01 || left || right); leaves are given as hashes. `leaves` holds count * HASH_BYTES and is overwritten.
   count >= 1. */
void hash_merkle_root(uint8_t out[static HASH_BYTES], uint8_t *leaves, size_t count);

#define HASH_MERKLE_PATH_MAX 16

/* The audit path of leaf `index`; `path` has room for HASH_MERKLE_PATH_MAX hashes; returns its length in hashes.
   `leaves` is not changed. count <= 65,536. */
size_t hash_merkle_path(uint8_t path[static HASH_MERKLE_PATH_MAX * HASH_BYTES], const uint8_t *leaves, size_t count, size_t index);

/* Does the leaf stand at `index` of `count` under `root`? */
bool hash_merkle_verify(const uint8_t root[static HASH_BYTES], const uint8_t leaf[static HASH_BYTES], size_t index, size_t count,
                        struct bytes path);

#endif
