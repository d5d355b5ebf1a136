/* log_json: one line of the log as a JSON object: ts, level, role, event (of a line that has one), the event's fields, text.
   Pure. What goes in is escaped for the log already or is our own, so quotes and backslashes are all that is left to be escaped. */
#ifndef NODE_LOG_JSON_H
#define NODE_LOG_JSON_H

#include "node/process/log_event.h"

struct log_json {
    const char *when, *role, *level;
    const char *event; /* null: none */
    const struct log_field *fields;
    const char *text; /* out of log_escape */
    bool cut;         /* the text was longer */
};

/* Always a whole object with a line end, of at most out_bytes (at least 512): text and fields are cut where it gets too long.
   Returns its length. */
size_t log_json(char *out, size_t out_bytes, const struct log_json *line);

#endif
