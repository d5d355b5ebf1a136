/* agency_record: the body of one record as fields, between its bytes and the chain's rules. For crypto/,
   and for who shows a draft before it is signed. PROTOCOL.md 3 */
#ifndef CRYPTO_AGENCY_RECORD_H
#define CRYPTO_AGENCY_RECORD_H

#include "crypto/agency.h"

#define AGENCY_BODY_VERSION 1
#define AGENCY_NODE_MS_MAX  ((AGENCY_NODE_DAYS + 1) * 24ull * 3600 * 1000) /* a day more: a certificate may be dated back a little */

struct agency_revoke {
    uint8_t node[NODE_ID_BYTES];
    uint64_t seq;
    uint8_t hash[HASH_BYTES];
};

struct agency_body {
    enum agency_record kind;
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint32_t index;
    uint8_t prev[HASH_BYTES];
    uint64_t time_ms;
    uint32_t generation; /* of a ROOT; the rest of it is in `root`, whose name is `name` */
    char name[AGENCY_NAME_BYTES_MAX + 1];
    struct agency_root_draft root;
    struct agency_node node;     /* of a NODE; its id is not filled in */
    struct agency_revoke revoke; /* of a REVOKE */
};

/* Reads a body from the cursor, which is left behind it: every field in range, lists sorted and unique, names and endpoints well
   formed. Keys are imported by agency_record_keys. */
enum err agency_record_read(struct agency_body *out, struct cursor *cursor) MUST_USE;

/* ERR_KEY unless every key of the body is acceptable. Costs about 0.2 ms a signing key. */
enum err agency_record_keys(const struct agency_body *body) MUST_USE;

/* Does the body's content follow from the state (null before the first ROOT)? Position and signatures are agency_apply's. */
enum err agency_record_check(const struct agency *agency, const struct agency_body *body) MUST_USE;

/* Appends a body; the lists are sorted already. */
void agency_record_write(struct buf *out, const struct agency_body *body);

#endif
