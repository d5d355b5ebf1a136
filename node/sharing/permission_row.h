/* permission_row: one permission to pass an object on, as both sides keep it: who asked whom about which version, and what came of it. */
#ifndef NODE_PERMISSION_ROW_H
#define NODE_PERMISSION_ROW_H

#include "gossip/permit.h"

enum permission_state { PERMISSION_ASKED = 1, PERMISSION_GRANTED = 2, PERMISSION_DENIED = 3 };

/* Views are borrowed from the row's bytes. Array of 15: version 1, ours bool, state uint, object id str, node bin 16, number uint, index
   uint, leaf bin 32, other bin 32, reader bin 32, until uint, codes uint, reason str, grant id str, at uint. */
struct permission_row {
    bool ours; /* the object is: others ask; false: we asked */
    enum permission_state state;
    struct permit_object object;     /* node, number and index are zero where only the leaf is known */
    uint8_t other[AGENCY_ID_BYTES];  /* who asked us, or whom we asked */
    uint8_t reader[AGENCY_ID_BYTES]; /* who is to get it */
    uint64_t until_ms;
    uint8_t codes;
    struct bytes reason;   /* of the asking, or of the denial */
    struct bytes grant_id; /* the id of the item that permits it; empty: none */
    uint64_t at_ms;        /* of its last change here */
};

const char *permission_state_name(enum permission_state state);
enum err permission_row_write(struct buf *out, const struct permission_row *row) MUST_USE;
bool permission_row_read(struct permission_row *out, struct bytes value);

#endif
