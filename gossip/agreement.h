/* agreement: what its parties signed about sharing: which labels and kinds may pass in which direction, for what, and for how long. In force
   once every party has signed the same text, until one of them ends it. PROTOCOL.md 5.8 */
#ifndef GOSSIP_AGREEMENT_H
#define GOSSIP_AGREEMENT_H

#include "crypto/agency.h"
#include "gossip/item.h"
#include "gossip/limits.h"

#define AGREEMENT_SALT_BYTES  16
#define AGREEMENT_ANY         255 /* as a clause's party: each of them */
#define AGREEMENT_LEVEL_BYTES 64

enum agreement_reshare { AGREEMENT_RESHARE_NO = 0, AGREEMENT_RESHARE_PERMISSION = 1, AGREEMENT_RESHARE_YES = 2 };

/* Words are UTF-8 without control characters; lists are sorted and unique; an empty list means all. Views are borrowed. */
struct agreement_clause {
    uint8_t from, to; /* indexes of parties, or AGREEMENT_ANY; never the same party */
    enum tlp label_max;
    struct bytes kinds[LIMIT_AGREEMENT_WORDS]; /* STIX types */
    size_t kind_count;
    struct bytes purposes[LIMIT_AGREEMENT_WORDS];
    size_t purpose_count;
    uint64_t retention_ms; /* 0: the author's own mark decides */
    enum agreement_reshare reshare;
};

/* A level of one authority counts as that of another. */
struct agreement_level {
    struct bytes authority, level; /* 1 to 64 bytes each */
    struct bytes other_authority, other_level;
};

/* Borrowed views into the encoded text. */
struct agreement {
    uint8_t salt[AGREEMENT_SALT_BYTES];
    uint64_t made_ms;
    struct bytes title;                                        /* 1 to 256 bytes */
    uint8_t parties[LIMIT_AGREEMENT_PARTIES][AGENCY_ID_BYTES]; /* 2 or more, sorted, unique */
    size_t party_count;
    uint64_t from_ms, until_ms; /* until 0: no end */
    struct agreement_clause clauses[LIMIT_AGREEMENT_CLAUSES];
    size_t clause_count; /* clauses are named from 1; without any nothing may pass */
    struct agreement_level levels[LIMIT_AGREEMENT_LEVELS];
    size_t level_count;
};

/* Appends canonical MessagePack. ERR_RANGE, ERR_UTF8, ERR_TOO_BIG. */
enum err agreement_encode(struct buf *out, const struct agreement *agreement) MUST_USE;
/* Foreign bytes; allocates nothing. ERR_FORMAT, ERR_VERSION, ERR_RANGE, ERR_UTF8, ERR_TOO_BIG. */
enum err agreement_decode(struct agreement *out, struct bytes encoded) MUST_USE;
/* Names the text: what the parties sign. */
void agreement_id(uint8_t out[static HASH_BYTES], struct bytes encoded);
/* The number of this party, or -1. */
int agreement_party(const struct agreement *agreement, const uint8_t agency_id[static AGENCY_ID_BYTES]);

/* What the parties have said about one agreement. All zeros: nobody has. */
struct agreement_state {
    uint64_t signed_ms[LIMIT_AGREEMENT_PARTIES]; /* 0: not yet */
    uint64_t ended_ms;                           /* 0: no party has ended it */
    uint8_t ended_by;
};

/* Both return ERR_DENIED for one who is no party, ERR_EXISTS when that was said before. An end is for good; of several the earliest counts,
   then the party that stands first: it does not matter in which order they come. */
enum err agreement_sign(struct agreement_state *state, const struct agreement *agreement,
                        const uint8_t agency_id[static AGENCY_ID_BYTES], uint64_t time_ms) MUST_USE;
enum err agreement_end(struct agreement_state *state, const struct agreement *agreement,
                       const uint8_t agency_id[static AGENCY_ID_BYTES], uint64_t time_ms) MUST_USE;

enum agreement_phase {
    AGREEMENT_PROPOSED, /* a signature is missing */
    AGREEMENT_BEFORE,   /* all signed; its time has not come */
    AGREEMENT_IN_FORCE,
    AGREEMENT_OVER, /* its time is past */
    AGREEMENT_ENDED /* by a party */
};
enum agreement_phase agreement_phase(const struct agreement_state *state, const struct agreement *agreement, uint64_t now_ms);
const char *agreement_phase_name(enum agreement_phase phase); /* "in-force" */
const char *agreement_reshare_name(enum agreement_reshare reshare);

/* Does a clause speak of what goes from one party to the other? */
bool agreement_clause_meets(const struct agreement_clause *clause, int from, int to);

#endif
