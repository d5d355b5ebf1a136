/* document: the MessagePack documents that the engine answers with, as JSON and as text for people. Pure. */
#ifndef NODE_DOCUMENT_H
#define NODE_DOCUMENT_H

#include "gossip/pack.h"
#include "node/formats/json_out.h"

#define DOCUMENT_DEPTH_MAX 8

/* One value of our own kinds: nil, bool, uint, str, bin (as hexadecimal), array, map with string keys, at most DOCUMENT_DEPTH_MAX
   deep. A number whose key ends in _ms (but rtt_ms) is a time: it is written under the key without that, as json_out_time does, null
   for 0; an array of such stands under NAME_times. ERR_FORMAT. */
enum err document_json(struct json_out *json, struct pack_reader *reader) MUST_USE;

/* A whole document (a map) for people: "key: value" lines, maps indented, an array of flat maps as a table. Foreign text is made
   safe for a terminal. ERR_FORMAT. */
enum err document_text(struct buf *out, struct bytes document) MUST_USE;

/* The value of a bool key of the top map; false when it is missing or something else. */
bool document_flag(struct bytes document, const char *key);
/* Likewise; 0, or an empty view into the document. */
uint64_t document_number(struct bytes document, const char *key);
struct bytes document_string(struct bytes document, const char *key);
/* Each value of an array of the top map, from its first byte on (more may follow it): a map can be asked again by these functions.
   Returns how many there are; 0 when it is missing or something else. */
typedef void document_visit(void *context, struct bytes value);
size_t document_each(struct bytes document, const char *key, document_visit *visit, void *context);
/* The value of an unsigned number; false when it is missing or something else. */
bool document_uint(uint64_t *out, struct bytes document, const char *key);

#endif
