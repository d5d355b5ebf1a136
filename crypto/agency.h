/* agency: ROOT, NODE and REVOKE records: an agency's chain, parsed and verified. PROTOCOL.md 3 */
#ifndef CRYPTO_AGENCY_H
#define CRYPTO_AGENCY_H

#include "crypto/hash.h"
#include "crypto/sign.h"

#define AGENCY_ID_BYTES 32
#define NODE_ID_BYTES   16
#define CURVE_KEY_BYTES 32

#define AGENCY_SUITE              1  /* Ed25519, X25519, BLAKE2b, XChaCha20-Poly1305 */
#define AGENCY_KEYS_MAX           8  /* root keys, and ops keys, of one ROOT */
#define AGENCY_NODES_MAX          16 /* nodes of one agency, revoked ones included */
#define AGENCY_ENDPOINTS_MAX      4
#define AGENCY_ENDPOINT_BYTES_MAX 128
#define AGENCY_NAME_BYTES_MAX     64
#define AGENCY_RECORDS_MAX        256
#define AGENCY_RECORD_BYTES_MAX   4096
#define AGENCY_CHAIN_BYTES_MAX    (256 * 1024)
#define AGENCY_NODE_DAYS          90

enum agency_record { AGENCY_ROOT = 1, AGENCY_NODE = 2, AGENCY_REVOKE = 3 };

struct agency_endpoint {
    char text[AGENCY_ENDPOINT_BYTES_MAX + 1]; /* "tcp://HOST:PORT", zero-terminated */
};

struct agency_node {
    uint8_t id[NODE_ID_BYTES];              /* first 16 bytes of hash_of("comity-node", agency id, signing key) */
    uint8_t sign_public[SIGN_PUBLIC_BYTES]; /* imported */
    uint8_t curve_public[CURVE_KEY_BYTES];
    uint64_t not_before_ms, not_after_ms;
    struct agency_endpoint endpoints[AGENCY_ENDPOINTS_MAX];
    size_t endpoint_count;
    bool revoked;
    uint64_t revoked_seq; /* last good sequence number; entries past it are retracted */
    uint8_t revoked_hash[HASH_BYTES];
};

/* The state that a verified chain describes. Plain data: copy and drop it freely. */
struct agency {
    uint8_t id[AGENCY_ID_BYTES]; /* hash of the first ROOT's body */
    char name[AGENCY_NAME_BYTES_MAX + 1];
    uint32_t generation;
    uint8_t threshold;
    uint8_t root_public[AGENCY_KEYS_MAX][SIGN_PUBLIC_BYTES];
    size_t root_count;
    uint8_t next_threshold;
    uint8_t next_hash[AGENCY_KEYS_MAX][HASH_BYTES]; /* hash_of("comity-next-root", key) */
    size_t next_count;
    uint8_t ops_public[AGENCY_KEYS_MAX][SIGN_PUBLIC_BYTES];
    size_t ops_count;
    struct agency_node nodes[AGENCY_NODES_MAX];
    size_t node_count;
    uint32_t record_count;
    uint8_t head[HASH_BYTES]; /* hash of the last record's body */
};

/* Parses and verifies a whole chain (records one after the other, each with its u16 length in front). On an error `out` holds
   nothing usable and *record_bad, if given, is the index of the offending record. */
enum err agency_parse(struct agency *out, struct bytes chain, uint32_t *record_bad) MUST_USE;

/* Applies one record (without its length prefix) to a state; the state is unchanged on an error.
   ERR_CHAIN when it does not follow, ERR_EXISTS when it is the head already or a node's CURVE key is another's, ERR_NOT_FOUND for a
   node that the chain does not know, ERR_REVOKED for one that it revoked, ERR_SIGNATURE, ERR_KEY, ERR_LIMIT, ERR_RANGE for
   dates, ERR_UTF8 for a name, and ERR_FORMAT, ERR_TRUNCATED, ERR_VERSION, ERR_SUITE. A state of all zeros takes a first ROOT. */
enum err agency_apply(struct agency *agency, struct bytes record) MUST_USE;

const struct agency_node *agency_node_find(const struct agency *agency, const uint8_t id[static NODE_ID_BYTES]);

void agency_node_id(uint8_t out[static NODE_ID_BYTES], const uint8_t agency_id[static AGENCY_ID_BYTES],
                    const uint8_t sign_public[static SIGN_PUBLIC_BYTES]);

/* Making records: the body without signatures is appended to `body`; sign hash_of("comity-agency", body) with purpose
   SIGN_AGENCY (type = record kind, agency, seq = record index) and append with agency_seal_record. */
struct agency_root_draft {
    const char *name;
    uint8_t threshold;
    uint8_t root_public[AGENCY_KEYS_MAX][SIGN_PUBLIC_BYTES];
    size_t root_count;
    uint8_t next_threshold;
    uint8_t next_hash[AGENCY_KEYS_MAX][HASH_BYTES];
    size_t next_count;
    uint8_t ops_public[AGENCY_KEYS_MAX][SIGN_PUBLIC_BYTES];
    size_t ops_count;
    uint8_t surviving[AGENCY_NODES_MAX][NODE_ID_BYTES]; /* nodes that stay valid; empty in the first ROOT */
    size_t surviving_count;
};
/* `agency` is null for the first ROOT. Lists are sorted on the way; a body that agency_apply would refuse for its content is refused
   here with the same error. A node that a ROOT does not list as surviving is cut at sequence number 0, unless a REVOKE before it
   named the cut: so revoke first, then rotate. */
enum err agency_draft_root(struct buf *body, const struct agency *agency, const struct agency_root_draft *draft,
                           uint64_t now_ms) MUST_USE;
enum err agency_draft_node(struct buf *body, const struct agency *agency, const struct agency_node *node, uint64_t now_ms) MUST_USE;
enum err agency_draft_revoke(struct buf *body, const struct agency *agency, const uint8_t node[static NODE_ID_BYTES], uint64_t seq,
                             const uint8_t hash[static HASH_BYTES], uint64_t now_ms) MUST_USE;

struct agency_signature {
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t signature[SIGN_BYTES];
};
/* What to sign for a drafted body. `agency_id` of the first ROOT is all zeros. */
void agency_subject(struct sign_subject *out, struct bytes body);
/* Appends u16 length, body and signatures to a chain; 1 to AGENCY_KEYS_MAX of them, by different keys, in any order. */
enum err agency_seal_record(struct buf *chain, struct bytes body, const struct agency_signature *signatures, size_t count) MUST_USE;

/* The fingerprint that people compare: the first 20 bytes of the agency id in base32 (RFC 4648, upper case, no padding),
   8 groups of 4 characters with '-' between them: 39 characters and a zero. */
#define AGENCY_FINGERPRINT_CHARS 39
void agency_fingerprint(char out[static AGENCY_FINGERPRINT_CHARS + 1], const uint8_t id[static AGENCY_ID_BYTES]);
/* Compares what a person typed (any case, with or without '-' and blanks). */
bool agency_fingerprint_matches(const char *typed, const uint8_t id[static AGENCY_ID_BYTES]);

#endif
