/* disclosure: a row of the disclosure ledger, and how rows hang together. Pure: where they stand is the store's matter.

   A row says that something left, came in, was looked at or was done. Its head is in clear and small; what it says in detail stands apart,
   sealed, beside a salt. The head names the details by a commitment, H("comity-ledger-details", salt || details), and the row before by
   its hash, H("comity-ledger-row", head). So details can be erased while the chain stays whole, and nobody can test a guess against a
   commitment whose salt is gone. The node signs the chain's end from time to time. deploy/audit/LEDGER.md has the layout and the details of
   each kind. */
#ifndef GOSSIP_DISCLOSURE_H
#define GOSSIP_DISCLOSURE_H

#include "crypto/agency.h"

#define DISCLOSURE_ROW_BYTES         88
#define DISCLOSURE_SALT_BYTES        32
#define DISCLOSURE_ASKED_BYTES       16
#define DISCLOSURE_DETAILS_BYTES_MAX (64 * 1024)

/* Numbers are part of the format and never reused. */
enum disclosure_kind {
    DISCLOSURE_BEGIN = 1, /* the ledger's first row */
    DISCLOSURE_OUT = 2,   /* an own block was sealed and stored: it may leave from then on */
    DISCLOSURE_IN = 3,    /* a block of another node was opened and stored */
    DISCLOSURE_LOOK = 4,  /* a local user asked */
    DISCLOSURE_ACT = 5,   /* an administrative act */
    DISCLOSURE_ERASE = 6, /* something was erased at an operator's request */
    DISCLOSURE_KIND_COUNT = 7
};

/* "out", "look", ...; null for an unknown number. */
const char *disclosure_kind_name(enum disclosure_kind kind);
/* False: there is no such kind. */
bool disclosure_kind_of(enum disclosure_kind *out, const char *name);

/* A row's head. Layout: version 1, kind 1, zeros 6, number 8, time 8, hash of the row before 32 (zeros in the first), commitment 32. */
struct disclosure_row {
    enum disclosure_kind kind;
    uint64_t number;  /* from 1, without gaps */
    uint64_t time_ms; /* by the node's clock */
    uint8_t previous[HASH_BYTES];
    uint8_t commitment[HASH_BYTES];
};

void disclosure_row_write(uint8_t out[static DISCLOSURE_ROW_BYTES], const struct disclosure_row *row);
/* ERR_FORMAT, ERR_VERSION, ERR_RANGE (kind, number 0). */
enum err disclosure_row_read(struct disclosure_row *out, struct bytes bytes) MUST_USE;
void disclosure_row_hash(uint8_t out[static HASH_BYTES], const uint8_t row[static DISCLOSURE_ROW_BYTES]);
void disclosure_commit(uint8_t out[static HASH_BYTES], const uint8_t salt[static DISCLOSURE_SALT_BYTES], struct bytes details);

/* What was asked for, so that only who has the row's salt can test a value: the first bytes of D(salt, "comity-ledger-asked", kind ||
   H("comity-ledger-value", value)). Kind 0: an object id; else an enum observable_kind with its normalised value. */
void disclosure_asked(uint8_t out[static DISCLOSURE_ASKED_BYTES], const uint8_t salt[static DISCLOSURE_SALT_BYTES], uint8_t kind,
                      struct bytes value);

/* The end of the chain as a node signs it (purpose SIGN_LEDGER): no row up to `number` can be changed, taken out or put in afterwards. */
struct disclosure_head {
    uint64_t number;
    uint64_t time_ms; /* of the signing */
    uint8_t row_hash[HASH_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint8_t signature[SIGN_BYTES];
};
#define DISCLOSURE_HEAD_BYTES (8 + 8 + HASH_BYTES + NODE_ID_BYTES + SIGN_BYTES)

/* What is signed: the number as the sequence number, and H("comity-ledger-head", number || time || row hash || node id). */
void disclosure_head_subject(struct sign_subject *out, const struct disclosure_head *head,
                             const uint8_t agency_id[static AGENCY_ID_BYTES]);
void disclosure_head_write(uint8_t out[static DISCLOSURE_HEAD_BYTES], const struct disclosure_head *head);
enum err disclosure_head_read(struct disclosure_head *out, struct bytes bytes) MUST_USE; /* ERR_FORMAT */
/* ERR_NOT_FOUND: its agency's chain knows no such node. ERR_SIGNATURE. */
enum err disclosure_head_verify(const struct disclosure_head *head, const struct agency *agency) MUST_USE;

#endif
