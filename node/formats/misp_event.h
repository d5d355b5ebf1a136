/* misp_event: one event of the MISP core format (draft-dulaunoy-misp-core-format), read from its JSON: what of it matters to a node,
   in the order of the text. Judges nothing. */
#ifndef NODE_MISP_EVENT_H
#define NODE_MISP_EVENT_H

#include "node/formats/arena.h"
#include "node/formats/jsonwalk.h"

#define MISP_ATTRIBUTES_MAX (1024 * 1024) /* of one event, those of its objects among them */
#define MISP_TAGS_MAX       (1024 * 1024) /* of one event, on itself and on attributes */

/* Scalars of the text, strings decoded, numbers and words as they stand; absent and null: empty. Strings that lie in the text itself
   are views of it: that is how their place is told. */
struct misp_span {
    size_t first, count;
};

struct misp_sighting {
    struct bytes uuid, type, date, source, organisation;
};

struct misp_attribute {
    struct bytes uuid, type, category, value, comment, timestamp, to_ids, deleted, distribution, first_seen, last_seen, relation,
        sharing_group;
    struct misp_span tags, sightings;
    size_t object; /* from 1; 0: it stands in the event itself */
    size_t offset; /* in the text, of something in it; 0: not known */
};

struct misp_object {
    struct bytes uuid, name, meta_category, template_uuid, template_version, timestamp, deleted, distribution, comment, first_seen,
        last_seen, sharing_group;
    struct misp_span tags; /* of all in it; only some tools write them */
};

/* What has no place in a node's objects, counted. */
enum misp_extra { MISP_PROPOSALS, MISP_REPORTS, MISP_REFERENCES, MISP_OPINIONS, MISP_EXTRA_COUNT };

struct misp_event {
    struct bytes uuid, info, date, timestamp, threat_level, analysis, distribution, published, extends, sharing_group;
    struct bytes group_name;                  /* of the sharing group */
    struct bytes organisation, creator;       /* names: who has it, who made it (Orgc) */
    struct bytes organisation_id, creator_id; /* their UUIDs */
    struct misp_span tags;
    size_t event_count; /* "Event" in the text; 0: the text is the event itself */
    size_t extras[MISP_EXTRA_COUNT];

    struct misp_attribute *attributes;
    struct misp_object *objects;
    struct misp_sighting *sightings;
    struct bytes *tag_names;
    size_t attribute_count, object_count, sighting_count, tag_count;
};

struct misp_reader; /* reusable; one per thread */
struct misp_reader *misp_reader_new(void);
void misp_reader_free(struct misp_reader *reader);

/* Reads a whole JSON value: an event, {"Event": ...}, {"response": ...}. Views live as long as `text` and the next call. As jsonwalk_run;
   ERR_TOO_BIG with a reason beyond the bounds above. */
enum err misp_reader_run(struct misp_reader *reader, struct bytes text, struct jsonwalk_fault *fault) MUST_USE;
const struct misp_event *misp_reader_event(const struct misp_reader *reader);

#endif
