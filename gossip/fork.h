/* fork: the proof that a node signed two entries at one number: two runs of consecutive entries that part there, each up to an
   entry whose signature verifies. It needs no other word than the author's. PROTOCOL.md 4.5 */
#ifndef GOSSIP_FORK_H
#define GOSSIP_FORK_H

#include "gossip/entry.h"

/* One run: two of them and a little more are one message. */
#define FORK_RUN_BYTES_MAX (255 * 1024)

struct fork {
    uint8_t agency_id[AGENCY_ID_BYTES];
    uint8_t node_id[NODE_ID_BYTES];
    uint64_t seq;                 /* the first number at which the runs differ */
    uint8_t previous[HASH_BYTES]; /* id of the last common entry; zeros when there is none */
    uint8_t first_id[2][HASH_BYTES];
    struct bytes runs[2]; /* borrowed; the one with the smaller first id first */
};

/* A run of consecutive entries of one log, checked for form and for its inner chain. */
struct fork_run {
    struct entry first, last;
    size_t count;
};
enum err fork_run_read(struct fork_run *out, struct bytes run) MUST_USE;

/* Form: both runs are of one log, begin at one number behind the same entry, and differ there; in their one order. No signature is
   looked at. ERR_FORMAT, ERR_TOO_BIG and what entry_parse returns. */
enum err fork_read(struct fork *out, struct bytes a, struct bytes b) MUST_USE;
/* The same of two runs in any order. */
enum err fork_make(struct fork *out, struct bytes a, struct bytes b) MUST_USE;
/* Both last signatures: two checks. ERR_SIGNATURE, ERR_FORMAT when it is of another agency. */
enum err fork_verify(const struct fork *fork, const uint8_t agency_id[static AGENCY_ID_BYTES],
                     const uint8_t sign_public[static SIGN_PUBLIC_BYTES]) MUST_USE;

/* The shortest part of the run, from its beginning, whose last entry verifies; empty when none does. */
struct bytes fork_run_shorten(struct bytes run, const uint8_t sign_public[static SIGN_PUBLIC_BYTES]);

#endif
