/* permit: the three things that are said about re-sharing one object: asked, permitted, denied. Each is the text of a statement by its
   author; a permission is proved to third parties as an item of its author's log. PROTOCOL.md 5.10 */
#ifndef GOSSIP_PERMIT_H
#define GOSSIP_PERMIT_H

#include "gossip/entry.h"
#include "gossip/item.h"

#define PERMIT_ASK_TYPE         "comity-permission-ask"
#define PERMIT_GRANT_TYPE       "comity-permission"
#define PERMIT_DENY_TYPE        "comity-permission-denied"
#define PERMIT_REASON_BYTES_MAX 1024
#define PERMIT_CODES_MAX        15 /* bits 0 to 3: H0 to H3, as MARKS_H0 ... */

/* One version of an object, as its author published it: the leaf is its one name, and the place is where its author finds it again. */
struct permit_object {
    struct bytes id; /* 1 to ITEM_ID_BYTES_MAX bytes */
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t seq;   /* of its BLOCK entry */
    uint32_t index; /* within the block */
    uint8_t leaf[HASH_BYTES];
};

/* From a reader to the originator. Readers are asked for one by one, and permitted one by one: what one of them gets to see names no
   other. Array of 8: version 1, object id str, node bin 16, number uint, index uint, leaf bin 32, reader bin 32, reason str. */
struct permit_ask {
    struct permit_object object;
    uint8_t reader[AGENCY_ID_BYTES]; /* who is to get it */
    struct bytes reason;             /* 0 to PERMIT_REASON_BYTES_MAX bytes of UTF-8 */
};

/* From the originator to who asked (the grantee), and by the grantee's proof to the reader. Array of 7: version 1, object id str,
   leaf bin 32, grantee bin 32, reader bin 32, until uint, handling codes uint. */
struct permit_grant {
    struct bytes object_id;
    uint8_t leaf[HASH_BYTES];
    uint8_t grantee[AGENCY_ID_BYTES]; /* who may re-share it */
    uint8_t reader[AGENCY_ID_BYTES];  /* to whom */
    uint64_t until_ms;                /* when it may no longer be re-shared; 0: no end */
    uint8_t codes;                    /* handling codes that the originator consents to, by bit */
};

/* From the originator to who asked. Array of 5: version 1, object id str, leaf bin 32, reader bin 32, reason str. */
struct permit_denial {
    struct bytes object_id;
    uint8_t leaf[HASH_BYTES];
    uint8_t reader[AGENCY_ID_BYTES];
    struct bytes reason;
};

/* Encoders append, and refuse with ERR_RANGE what decoders would refuse. Decoders take exactly one canonical text of foreign bytes, with
   every field in range, and allocate nothing: ERR_FORMAT, ERR_VERSION, ERR_RANGE. Views are borrowed from the text. */
enum err permit_ask_encode(struct buf *out, const struct permit_ask *ask) MUST_USE;
enum err permit_ask_decode(struct permit_ask *out, struct bytes text) MUST_USE;
enum err permit_grant_encode(struct buf *out, const struct permit_grant *grant) MUST_USE;
enum err permit_grant_decode(struct permit_grant *out, struct bytes text) MUST_USE;
enum err permit_denial_encode(struct buf *out, const struct permit_denial *denial) MUST_USE;
enum err permit_denial_decode(struct permit_denial *out, struct bytes text) MUST_USE;

#endif
