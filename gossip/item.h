/* item: what a block carries for one object: the author's text, and beside it the normalised observables that readers index.
   Encoded as canonical MessagePack; PROTOCOL.md 5.3 */
#ifndef GOSSIP_ITEM_H
#define GOSSIP_ITEM_H

#include "gossip/label.h"

#define ITEM_OBSERVABLES_MAX 1024
#define ITEM_TYPE_BYTES_MAX  64
#define ITEM_ID_BYTES_MAX    128
#define ITEM_VALUE_BYTES_MAX 2048
#define ITEM_TEXT_BYTES_MAX  (1000 * 1024) /* leaves room for the rest under BLOCK_ITEM_BYTES_MAX */

/* Kinds of observable values, and the form that `value` then has. Numbers are part of the protocol and never reused. */
enum observable_kind {
    OBSERVABLE_IPV4 = 1,   /* 5 bytes: network address, prefix length 0-32; bits past the prefix are zero */
    OBSERVABLE_IPV6 = 2,   /* 17 bytes: likewise, 0-128 */
    OBSERVABLE_DOMAIN = 3, /* lower case, IDNA A-labels, no final dot */
    OBSERVABLE_URL = 4,    /* scheme and host in lower case, the rest verbatim */
    OBSERVABLE_EMAIL = 5,  /* local part verbatim, domain as above */
    OBSERVABLE_MD5 = 6,    /* 16 bytes */
    OBSERVABLE_SHA1 = 7,   /* 20 bytes */
    OBSERVABLE_SHA256 = 8, /* 32 bytes */
    OBSERVABLE_SHA512 = 9, /* 64 bytes */
    OBSERVABLE_TEXT = 10,  /* anything else that was compared for equality, as its UTF-8 text, verbatim */
    OBSERVABLE_KIND_COUNT = 11
};

struct observable {
    enum observable_kind kind;
    struct bytes value;
};

/* "ipv4", "domain", ...; null for an unknown number. */
const char *observable_kind_name(enum observable_kind kind);

/* Is this value of the form that its kind demands (sizes, zero host bits, no upper case in a domain)? */
bool observable_valid(struct observable observable);

/* Views are borrowed: from the encoded item when decoded, from the caller when to be encoded. */
struct item {
    struct bytes type;       /* STIX type: "indicator" */
    struct bytes id;         /* STIX id: "indicator--..." */
    uint64_t modified_ms;    /* version time, 0 when the object has none (SCOs, STIX 2.0 markings) */
    uint64_t valid_until_ms; /* 0: no end */
    enum tlp tlp;            /* the label that holds: the most restrictive of all that were given */
    bool revoked;            /* STIX `revoked` */
    struct observable observables[ITEM_OBSERVABLES_MAX];
    size_t observable_count;
    struct bytes text;  /* the object as its author gave it, minified JSON */
    struct bytes marks; /* what gossip/marks.h reads; empty: none */
};

/* Layout: array of 9: version 1 (with marks: 10, version 2 or 3 as marks_item_version says, the marks last), type str, modified uint, valid_until uint, tlp uint, revoked bool, text bin, id, observables: array of
   [kind uint, value]. id (str) and value (bin) may stand as [offset, size] into the text; writers do so wherever the text holds them. */
/* Appends the encoding. ERR_RANGE / ERR_TOO_BIG on a field beyond its limit. */
enum err item_encode(struct buf *out, const struct item *item) MUST_USE;

/* Decodes foreign bytes: exactly one item in canonical MessagePack, every field in range, observables valid, sorted and unique. Allocates
   nothing. ERR_FORMAT, ERR_TRUNCATED (empty), ERR_VERSION, ERR_RANGE. */
enum err item_decode(struct item *out, struct bytes encoded) MUST_USE;

/* Sorts the observables by (kind, value) and drops doubles: call before item_encode. */
void item_sort_observables(struct item *item);

#endif
