/* sighting_row: what one node said of one object, as it is kept: array of 4: node bin 16, the text of its sighting bin, agency bin 32, tell
   bool. */
#ifndef NODE_SIGHTING_ROW_H
#define NODE_SIGHTING_ROW_H

#include "gossip/sighting.h"

/* Views point into the record. */
struct sighting_row {
    uint8_t node_id[NODE_ID_BYTES], agency_id[AGENCY_ID_BYTES]; /* who said it */
    struct sighting sighting;
    bool tell; /* of an own object: its audience is yet to hear, if its marks say so */
};

bool sighting_row_read(struct sighting_row *row, struct bytes value);
enum err sighting_row_write(struct buf *out, const struct sighting_row *row) MUST_USE;

#endif
