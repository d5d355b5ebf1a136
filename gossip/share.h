/* share: another agency's object, passed on with its author's proof and its author's permission. Who gets it believes the author, not
   who brought it. PROTOCOL.md 5.10 */
#ifndef GOSSIP_SHARE_H
#define GOSSIP_SHARE_H

#include "gossip/marks.h"
#include "gossip/permit.h"
#include "gossip/proof.h"

#define SHARE_TYPE "comity-share"

/* Array of 4: version 1, shared uint, proof of the object bin, proof of the permission bin (empty: none). Views are borrowed. */
struct share {
    uint64_t shared_ms;      /* by the clock of who shared it */
    struct bytes object;     /* an encoded proof */
    struct bytes permission; /* an encoded proof; empty: none */
};

enum err share_encode(struct buf *out, const struct share *share) MUST_USE;
enum err share_decode(struct share *out, struct bytes text) MUST_USE;

/* The object inside, by form alone: enough to index it and to ask whose it is. `original` gets views into the text. */
struct share_facts {
    struct proof_facts object;
    struct bytes encoded; /* the object's item */
    uint32_t item_index;  /* within its block */
    struct permit_grant grant;
    bool permitted; /* a permission came along */
    uint64_t shared_ms;
};
enum err share_read(struct share_facts *out, struct item *original, struct bytes text) MUST_USE;

/* Who passed it on, and to whom: agency ids. */
struct share_way {
    const uint8_t *via;    /* who re-shared it */
    const uint8_t *reader; /* who looks at it */
    bool
        admitted; /* the object is marked for a hidden group whose admin `via` is, and its reader a member: that is permission enough */
};

/* Does its author's permission have to come along? Not for TLP:CLEAR and TLP:GREEN, unless its provider must consent (H2). */
bool share_needs_permission(enum tlp tlp, const struct marks *marks);

/* Both proofs against the author's chain, and the permission against this object and way. Without a permission passes only what needs
   none; H2 needs one that says so.
   `why` says what is wrong, for people; null when nothing is. ERR_UNKNOWN_AUTHOR, ERR_REVOKED, ERR_SIGNATURE, ERR_HASH,
   ERR_FORMAT: not proved. ERR_DENIED, ERR_EXPIRED: proved, and not permitted. `scratch` is overwritten. */
enum err share_verify(struct share_facts *out, struct item *original, struct item *scratch, struct bytes text,
                      const struct agency *author, const struct share_way *way, const char **why) MUST_USE;

#endif
