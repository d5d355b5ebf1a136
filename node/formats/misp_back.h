/* misp_back: the MISP attribute that a STIX object was made of (misp_put.h), found again in the object's text. The text is its author's:
   only what agrees with the facts that were indexed beside it is believed. Pure. */
#ifndef NODE_MISP_BACK_H
#define NODE_MISP_BACK_H

#include "gossip/item.h"
#include "node/formats/arena.h"
#include "node/formats/jsonwalk.h"
#include "node/formats/misp_type.h"

#define MISP_BACK_LABELS_MAX 256

/* Texts that are absent are empty. Views into the text or the reader. */
struct misp_back {
    struct bytes event_uuid, event_info, event_date, event_timestamp, threat_level, analysis, extends;
    struct bytes type, category, value, comment, first_seen, last_seen, updated;
    struct bytes object_uuid, object_name, meta_category, template_uuid, template_version, object_comment, relation;
    struct bytes description, pattern;
    bool to_ids;
    struct bytes labels[MISP_BACK_LABELS_MAX]; /* the attribute's tags, then the event's */
    size_t label_count, event_labels;
    bool labels_full, known; /* known: the extension is there */
};

struct misp_back_reader;
struct misp_back_reader *misp_back_new(void); /* null without memory */
void misp_back_free(struct misp_back_reader *reader);

/* Null: it was not made of an attribute, or does not agree with itself. Lives until the next call. */
const struct misp_back *misp_back_read(struct misp_back_reader *reader, const struct item *item) MUST_USE;

#endif
