/* entry: one log entry: its shape, identity and place in the chain. PROTOCOL.md 4.1 */
#ifndef GOSSIP_ENTRY_H
#define GOSSIP_ENTRY_H

#include "crypto/agency.h"
#include "crypto/block.h"

enum entry_type {
    ENTRY_PREKEY = 1,
    ENTRY_EPOCH = 2,
    ENTRY_BLOCK = 3,
    ENTRY_RECALL = 4,
    ENTRY_CHECKPOINT = 5,
    ENTRY_STATEMENT = 6,
    ENTRY_TYPE_LAST = 63
};

#define ENTRY_VERSION 1
/* version 1, type 1, suite 1, zero 1, agency 32, node 16, seq 8, previous 32, time 8, body length 4 */
#define ENTRY_HEADER_BYTES   104
#define ENTRY_BODY_BYTES_MAX EPOCH_BODY_BYTES_MAX
#define ENTRY_BYTES_MAX      (ENTRY_HEADER_BYTES + ENTRY_BODY_BYTES_MAX + SIGN_BYTES)

/* A parsed entry. All views are borrowed from the bytes that were parsed. */
struct entry {
    enum entry_type type;
    uint8_t suite;
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t seq;                 /* first is 1 */
    uint8_t previous[HASH_BYTES]; /* id of entry seq - 1; zeros for the first */
    uint64_t time_ms;             /* author's clock */
    struct bytes body;
    uint8_t id[HASH_BYTES];      /* hash_of("comity-entry", header, body) */
    struct bytes unsigned_bytes; /* header and body as received */
    const uint8_t *signature;    /* SIGN_BYTES, behind them */
    size_t size;                 /* header, body and signature together */
};

/* The body of a BLOCK entry. 102 bytes: epoch seq 8, index 4, payload hash 32, payload length 4, plain class 1, carriage 1,
   root 32, expiry 8, zero 12. */
enum carriage { CARRIAGE_RELAY = 1, CARRIAGE_DIRECT = 2 };
#define BLOCK_BODY_BYTES 102
struct block_body {
    uint64_t epoch_seq; /* the EPOCH entry in the same log */
    uint32_t index;     /* of the block within its epoch */
    struct block_seal seal;
    enum carriage carriage;
    uint64_t expires_ms; /* relays drop the payload then; never 0 */
};

/* Reads the entry at the front of `bytes` and computes its id; form only (sizes, version, suite, form of the body of EPOCH,
   BLOCK, RECALL and PREKEY entries; a type from 7 to 63 is of a later version: kept and passed on, never interpreted). ERR_TRUNCATED when more bytes are needed, ERR_FORMAT, ERR_VERSION, ERR_SUITE, ERR_TOO_BIG. */
enum err entry_parse(struct entry *out, struct bytes bytes) MUST_USE;

/* What an entry's signature is over. */
void entry_subject(struct sign_subject *out, const struct entry *entry);
enum err entry_verify(const struct entry *entry, const uint8_t sign_public[static SIGN_PUBLIC_BYTES]) MUST_USE;

/* Drafting: appends header and body; the caller then signs the subject of entry_parse_draft's result and appends the signature. */
struct entry_draft {
    enum entry_type type;
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t seq;
    uint8_t previous[HASH_BYTES];
    uint64_t time_ms;
    struct bytes body;
};
enum err entry_write(struct buf *out, const struct entry_draft *draft) MUST_USE;
/* As entry_parse, for header and body that have no signature yet (`signature` is null, `size` excludes it). */
enum err entry_parse_draft(struct entry *out, struct bytes bytes) MUST_USE;

void block_body_write(uint8_t out[static BLOCK_BODY_BYTES], const struct block_body *body);
enum err block_body_read(struct block_body *out, struct bytes body) MUST_USE;

#endif
