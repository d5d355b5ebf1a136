/* json_out: a small JSON writer for --json. Pure. */
#ifndef NODE_JSON_OUT_H
#define NODE_JSON_OUT_H

#include "crypto/bytes.h"

/* Commas set themselves. Failures stand in out->failed. The caller sees to it that keys and values alternate. */
struct json_out {
    struct buf *out;
    bool comma;
};

struct json_out json_out_of(struct buf *out);
void json_out_object(struct json_out *json);
void json_out_object_end(struct json_out *json);
void json_out_array(struct json_out *json);
void json_out_array_end(struct json_out *json);
void json_out_key(struct json_out *json, const char *key);
/* Escapes quotes, backslashes, control characters (DEL and C1 too); what is not UTF-8 becomes U+FFFD. */
void json_out_string(struct json_out *json, struct bytes text);
void json_out_text(struct json_out *json, const char *text);
void json_out_uint(struct json_out *json, uint64_t value);
void json_out_digits(struct json_out *json, uint64_t value); /* as a string */
void json_out_bool(struct json_out *json, bool value);
void json_out_null(struct json_out *json);
void json_out_hex(struct json_out *json, struct bytes bytes);
void json_out_time(struct json_out *json, uint64_t time_ms); /* "2026-01-31T12:00:00.000Z" */
void json_out_raw(struct json_out *json, struct bytes text); /* a whole value that is JSON already */
void json_out_line(struct json_out *json);                   /* a line end between two top-level values */

#endif
