/* csv: a table (RFC 4180, header required, delimiter comma, semicolon or tab) in; generated indicators out.
   Columns, in any order and case: value (or indicator, ioc, observable), required; type, tlp, valid_until, description (comment),
   labels (tags; separated by comma, semicolon or |), confidence (0 to 100). Others are left out, with a note. Lines that begin
   with # are comments. */
#ifndef NODE_CSV_H
#define NODE_CSV_H

#include "node/formats/intake.h"

#define CSV_ROW_BYTES_MAX (64 * 1024)
#define CSV_COLUMNS_MAX   64

struct csv;

/* `options` is borrowed for the table's life; `offset_first` as in json_new. Null without memory. */
struct csv *csv_new(const struct intake_options *options, uint64_t offset_first);
void csv_free(struct csv *csv);

/* As intake_feed and intake_finish: bad rows are refused by themselves, a bad header ends it (ERR_SYNTAX), and so does a quote
   that is open at the end (ERR_TRUNCATED). */
enum err csv_feed(struct csv *csv, struct bytes chunk) MUST_USE;
enum err csv_finish(struct csv *csv) MUST_USE;

/* Does this line look like a header: a delimiter, and a column for values? */
bool csv_header_likely(struct bytes line);

#endif
