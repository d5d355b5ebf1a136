/* ledger_details: what rows of the disclosure ledger say in detail, read again. Pure. deploy/audit/LEDGER.md has the layouts. */
#ifndef NODE_LEDGER_DETAILS_H
#define NODE_LEDGER_DETAILS_H

#include "gossip/disclosure.h"
#include "gossip/pack.h"

/* The value of one key of the details' map: a reader that stands in front of it. False: no such key, or no such map. */
bool ledger_details_find(struct bytes details, const char *key, struct pack_reader *out);
uint64_t ledger_details_uint(struct bytes details, const char *key); /* 0 when it is missing, or something else */
struct bytes ledger_details_bin(struct bytes details, const char *key);
struct bytes ledger_details_str(struct bytes details, const char *key);

/* Does a LOOK or ERASE row's "asked" hold this value? */
bool ledger_details_asked(struct bytes details, const uint8_t salt[static DISCLOSURE_SALT_BYTES], uint8_t kind, struct bytes value);

/* All keys in one line: "count=3 to=agency.b". `name` gives a name for an agency's id, or null for none. */
typedef const char *ledger_name(void *context, const uint8_t agency_id[static AGENCY_ID_BYTES]);
void ledger_details_line(struct buf *out, struct bytes details, ledger_name *name, void *context);

#endif
