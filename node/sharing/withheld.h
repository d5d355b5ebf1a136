/* withheld: whom an author left out of what went to a group, with '-' or '&': its word on each own block, which outlives rosters. Who joins
   the group later gets its history only as far as that word lets it. PROTOCOL.md 5.7

   A word is: mode 1, agency ids 32 each. Kept sealed beside the block, under "secret/withheld/NUMBER"; no word: all members. */
#ifndef NODE_WITHHELD_H
#define NODE_WITHHELD_H

#include "crypto/agency.h"
#include "node/store/store.h"

enum withheld_mode {
    WITHHELD_COPY = 0,  /* sealed again for newcomers: the word on the first copy counts */
    WITHHELD_FROM = 1,  /* from these */
    WITHHELD_BUT_TO = 2 /* from all but these */
};

/* Is the word about a copy that was made for newcomers? */
bool withheld_copy(struct bytes word);
/* Does the word let this agency have it? No word lets all. */
bool withheld_lets(struct bytes word, const uint8_t agency_id[static AGENCY_ID_BYTES]);

void withheld_keep(struct store_batch *batch, uint64_t block, struct bytes word);
/* The word on a block; empty: none. What cannot be read counts as withheld from all. */
void withheld_of(struct store *store, uint64_t block, struct buf *out);

#endif
