/* misp_put: inside misp: one attribute, or one of its sightings, as the JSON of a STIX object. */
#ifndef NODE_MISP_PUT_H
#define NODE_MISP_PUT_H

#include "gossip/label.h"
#include "node/formats/misp_event.h"
#include "node/formats/misp_type.h"
#include "node/formats/uuid.h"

enum misp_form { MISP_INDICATOR, MISP_OBSERVED, MISP_FORM_COUNT };

#define MISP_ID_BYTES 64

/* "indicator--UUID", "observed-data--UUID"; in lower case. */
void misp_id(char out[static MISP_ID_BYTES], enum misp_form form, struct bytes uuid);

/* What one attribute becomes. */
struct misp_put {
    const struct misp_event *event;
    const struct misp_attribute *attribute;
    const struct misp_object *object; /* null: it stands in no object */
    const struct misp_type *type;
    struct misp_value value; /* of MISP_USE_VALUE */
    enum tlp tlp;            /* what its tags and distribution say */
    bool to_ids;
    uint64_t stated_ms;   /* when the attribute itself was changed last, */
    uint64_t modified_ms; /* and when that or its event was: what the event says stands in the object, too */
    uint64_t created_ms, seen_first_ms, seen_last_ms; /* seen: 0 when not said */
    uint64_t until_ms;                                /* expires then; 0: never */
    int confidence;                                   /* -1: not said */
};

void misp_put_attribute(struct buf *out, const struct misp_put *put, enum misp_form form);
void misp_put_sighting(struct buf *out, const struct misp_put *put, const struct misp_sighting *sighting, uint64_t moment_ms);

/* What the tags say about confidence (misp:confidence-level, estimative-language), 0 to 100; -1: nothing. */
int misp_confidence(const struct misp_event *event, struct misp_span tags);

#endif
