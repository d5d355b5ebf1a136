/* misp_manifest: the two tables of contents of a MISP feed folder: manifest.json (core format 4) and hashes.csv (MD5 of a value, event), and
   whether an event is what they say. MD5 is the feed's, and finds damage, not forgery. Pure. */
#ifndef NODE_MISP_MANIFEST_H
#define NODE_MISP_MANIFEST_H

#include "node/formats/intake.h"
#include "node/formats/misp_event.h"
#include "node/formats/uuid.h"

#define MISP_MANIFEST_BYTES_MAX  (64 * 1024 * 1024)
#define MISP_MANIFEST_EVENTS_MAX 200000
#define MISP_HASHES_BYTES_MAX    (256 * 1024 * 1024)
#define MISP_HASH_BYTES          16

struct misp_listed {
    char uuid[UUID_CHARS + 1]; /* lower case */
    uint64_t timestamp;        /* seconds; 0: not said */
};

struct misp_hash {
    uint32_t event; /* index of the event */
    uint8_t hash[MISP_HASH_BYTES];
};

/* Zero-initialise it; release it with misp_manifest_free. */
struct misp_manifest {
    struct misp_listed *events; /* by uuid, each once */
    size_t event_count;
    struct misp_hash *hashes; /* by event and hash */
    size_t hash_count;
};

void misp_manifest_free(struct misp_manifest *manifest);

/* ERR_SYNTAX, ERR_UTF8, ERR_LIMIT, ERR_TOO_BIG, with the place and the reason; ERR_MEMORY. */
enum err misp_manifest_read(struct misp_manifest *out, struct bytes json, struct intake_place *place,
                            char reason[static INTAKE_REASON_BYTES]) MUST_USE;

/* Adds hashes.csv. Lines of events that the manifest does not know are passed over. ERR_SYNTAX with the place of the first line that is
   none: nothing is added then. ERR_MEMORY. */
enum err misp_manifest_hashes(struct misp_manifest *manifest, struct bytes csv, struct intake_place *place,
                              char reason[static INTAKE_REASON_BYTES]) MUST_USE;

/* Is this the event at `index`: its uuid, no older than the manifest says, and with every value that hashes.csv lists for it? */
bool misp_manifest_judge(const struct misp_manifest *manifest, size_t index, const struct misp_event *event,
                         char reason[static INTAKE_REASON_BYTES]) MUST_USE;

#endif
