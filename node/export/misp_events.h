/* misp_events: inside the export of MISP events: the events under construction, each found again by its author and its UUID, or by its author
   and label where it is made here. Who came first under a UUID keeps it. */
#ifndef NODE_MISP_EVENTS_H
#define NODE_MISP_EVENTS_H

#include "node/export/export.h"
#include "node/formats/misp_back.h"
#include "node/formats/uuid.h"

/* An attribute that stands in an object. */
struct misp_part {
    struct bytes object, head; /* UUID; the object's own properties as JSON */
    struct bytes attribute;    /* JSON */
    size_t index;              /* the order of arrival */
};

struct misp_made {
    struct bytes author, origin; /* origin: the UUID that its author gave it; empty: made here */
    struct bytes key;            /* of the table */
    bool derived;                /* another author's event has that UUID already: this one gets one of its own */
    enum tlp tlp;                /* the least restrictive label in it; attributes have theirs */
    char uuid[UUID_CHARS + 1];
    struct bytes info, date, threat_level, analysis, extends; /* as its author said; empty: made here */
    struct bytes tags;                                        /* JSON, commas in front; of the event as a whole */
    uint64_t said_s, newest_ms;                               /* when its author changed it, and the newest attribute */
    struct buf attributes;                                    /* JSON, commas between */
    struct buf hashes;                                        /* lines of hashes.csv */
    struct misp_part *parts;
    size_t part_count, part_room;
};

struct misp_events {
    struct misp_made *events;
    size_t count, room;
    uint32_t *table; /* open addressing, by key; 0: free, else index + 1 */
    size_t table_size;
    struct misp_back_reader *reader;
    bool feed;
};

/* Of this export. Null without memory, which the export then hears. */
struct misp_events *misp_events_of(struct export *work);
void misp_events_release(void *events);
/* The event that an object belongs to, a new one if need be; `back`: what it was, or null: it was no attribute. Null without memory. */
struct misp_made *misp_made_of(struct export *work, struct misp_events *events, const struct answer *answer,
                               const struct misp_back *back);

/* A UUID derived of two texts, the same each time. */
void misp_made_uuid(char out[static UUID_CHARS + 1], const char *what, struct bytes a, struct bytes b);
const char *misp_label_tag(enum tlp tlp); /* "tlp:green" */

#endif
