/* jsonwalk: judges one JSON value and tells what is in it. Beyond yajl's grammar it holds strict UTF-8, no lone surrogates, no
   property twice in one object, at most JSON_DEPTH_MAX levels, exactly one value. Work is bounded by the text's size. */
#ifndef NODE_JSONWALK_H
#define NODE_JSONWALK_H

#include "node/formats/json.h"

enum jsonwalk_scalar { JSONWALK_NULL, JSONWALK_FALSE, JSONWALK_TRUE, JSONWALK_NUMBER };

/* Events in document order. Strings and keys are decoded; they are part of the text itself where
   jsonwalk_borrowed says so, else valid during the call only. */
struct jsonwalk_events {
    void (*open)(void *context, bool object);
    void (*close)(void *context, bool object);
    void (*key)(void *context, struct bytes key);
    void (*string)(void *context, struct bytes value);
    void (*scalar)(void *context, enum jsonwalk_scalar scalar, struct bytes number);
};

struct jsonwalk; /* reusable; one per thread */
/* `events` is borrowed for the walk's life. Null without memory. */
struct jsonwalk *jsonwalk_new(const struct jsonwalk_events *events);
void jsonwalk_free(struct jsonwalk *walk);

/* What is wrong, and where in the text. */
struct jsonwalk_fault {
    size_t offset;
    bool malformed; /* not JSON at all, against: JSON that is not taken here */
    char reason[160];
};

/* ERR_SYNTAX, ERR_UTF8, ERR_LIMIT, with *fault filled in; ERR_MEMORY. Events may have been told before an error is found. */
enum err jsonwalk_run(struct jsonwalk *walk, struct bytes text, void *context, struct jsonwalk_fault *fault) MUST_USE;

/* Does a decoded string lie inside the text itself, so that it lives as long? */
static inline bool jsonwalk_borrowed(struct bytes text, struct bytes value) {
    return value.data >= text.data && value.data < text.data + text.size;
}

#endif
