/* misp: events of the MISP core format (draft-dulaunoy-misp-core-format) in, STIX 2.1 objects out: an attribute with to_ids is an indicator,
   one without is observed-data, a sighting is a sighting. Takes {"Event": ...}, {"response": [...]}, arrays and lines of them. Memory is
   bounded by the largest event. deploy/response-teams.md says what maps to what. */
#ifndef NODE_MISP_H
#define NODE_MISP_H

#include "node/formats/intake.h"
#include "node/formats/misp_event.h"

#define MISP_EVENT_BYTES_MAX (32 * 1024 * 1024)

/* The property-extension of ours that keeps what STIX has no place for, so that the event can be written again. */
#define MISP_EXTENSION "extension-definition--7b0d2f5e-4c1a-4f8e-9a63-5d2e8c7f1b04"

struct misp;

/* `options` is borrowed for the misp's life; `offset_first` as in json_new. Null without memory. */
struct misp *misp_new(const struct intake_options *options, uint64_t offset_first);
void misp_free(struct misp *misp);

/* As intake_feed and intake_finish. */
enum err misp_feed(struct misp *misp, struct bytes chunk) MUST_USE;
enum err misp_finish(struct misp *misp) MUST_USE;

/* Does an event's, or an answer's, first key stand at the start of these bytes? *more: they are too few to tell. */
bool misp_likely(struct bytes head, bool *more);

#endif
