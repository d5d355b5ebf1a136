/* ledger_row: a row of the disclosure ledger as a command shows it, with the operator's names for agencies. */
#ifndef NODE_LEDGER_ROW_H
#define NODE_LEDGER_ROW_H

#include "node/cmd/ledger_source.h"
#include "node/formats/json_out.h"

/* Of all pinned agencies and of this one; what cannot be read is shown by its id. */
struct ledger_names {
    struct ledger_named {
        uint8_t agency_id[AGENCY_ID_BYTES];
        char name[TRUST_NAME_BYTES_MAX + 1];
    } * list;
    size_t count, capacity;
};
void ledger_names_read(struct ledger_names *out, const struct ledger_source *source);
void ledger_names_free(struct ledger_names *names);

/* Begins an object with "number", "time" and "kind"; the caller adds what else it shows, and ends it. */
void ledger_put_row(struct json_out *json, const struct disclosure_row *row);
/* The value of "details": an object, or null when they are gone or damaged. */
void ledger_put_details(struct json_out *json, const struct disclosure_record *record);
/* "number TAB moment TAB kind TAB details", without the end of the line. */
void ledger_row_line(struct buf *out, const struct disclosure_row *row, const struct disclosure_record *record,
                     struct ledger_names *names);

#endif
