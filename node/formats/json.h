/* json: cuts the values out of a JSON stream of any size: top-level values (JSON lines too), elements of a top-level array, and
   the elements of the "objects" array of a bundle. Each is handed over minified and otherwise verbatim. Memory is bounded by
   the cap on one value. The cutter follows strings and brackets only: jsonwalk judges what was cut. */
#ifndef NODE_JSON_H
#define NODE_JSON_H

#include "node/formats/intake.h"

#define JSON_DEPTH_MAX 64

/* Callbacks return OK or what json_feed shall stop with. `text` is borrowed until the return. */
struct json_handlers {
    void *context;
    enum err (*value)(void *context, struct bytes text, const struct intake_place *place);
    /* The shell of a top-level object: first, not `complete`, when its "objects":[ begins (the text so far, closed with "[]}"):
       *enter says whether the elements are to be cut out one by one. Later, if so, complete, with "objects":[] left empty. */
    enum err (*shell)(void *context, struct bytes text, const struct intake_place *place, bool complete, bool *enter);
    /* A value that is too large or too deep was left out, or (returned error) the stream cannot be read further. */
    void (*refuse)(void *context, const struct intake_place *place, const char *reason);
    const char *list; /* the array of a top-level object whose elements are cut out; null: "objects". Static; at most 24 bytes */
};

struct json;
/* `offset_first`: the input's bytes before the first that is fed (a byte order mark). Null without memory. */
struct json *json_new(const struct json_handlers *handlers, size_t value_bytes_max, uint64_t offset_first);
void json_free(struct json *json);

/* ERR_SYNTAX and ERR_TRUNCATED are told through `refuse` once; what a callback returned is not. Errors are sticky. */
enum err json_feed(struct json *json, struct bytes chunk) MUST_USE;
enum err json_finish(struct json *json) MUST_USE;

/* In a callback: the place in the input of offset `at` of the text handed over. */
struct intake_place json_locate(const struct json *json, size_t at);

#endif
