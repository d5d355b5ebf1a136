/* csvrow: one row of a table being read, byte by byte: RFC 4180's quoting undone, fields told apart. */
#ifndef NODE_CSVROW_H
#define NODE_CSVROW_H

#include "node/formats/csv.h"

enum csvrow_state { CSVROW_FIELD_START, CSVROW_PLAIN, CSVROW_QUOTED, CSVROW_QUOTE_SEEN };
enum csvrow_fault { CSVROW_GOOD, CSVROW_TOO_LONG, CSVROW_TOO_MANY, CSVROW_BEHIND_QUOTE };

struct csvrow {
    char delimiter;
    enum csvrow_state state;
    enum csvrow_fault fault;
    struct buf data;              /* the fields one after the other, unquoted */
    size_t ends[CSV_COLUMNS_MAX]; /* where each field ends in it */
    size_t field_count;
    uint64_t bytes;    /* read so far of this row, newline included */
    uint64_t newlines; /* inside quotes */
};

void csvrow_init(struct csvrow *row);
void csvrow_free(struct csvrow *row);
void csvrow_clear(struct csvrow *row); /* for the next row; keeps the delimiter */

/* Reads from the chunk up to the row's end, or to the chunk's. Returns the bytes taken; *complete: a whole row is there, its fault
   included. After a fault the rest of the line is left out, quotes or not. */
size_t csvrow_read(struct csvrow *row, struct bytes chunk, bool *complete);

/* At the end of the input: the row that had no newline. False: a quote is open. */
bool csvrow_finish(struct csvrow *row);

/* The field, blanks around it left out; empty beyond the last. */
struct bytes csvrow_field(const struct csvrow *row, size_t index);

#endif
