/* stixmarks: the marks that a STIX text says in full: a marking-definition of a type known here, or our own extension on any object.
   deploy/policies/POLICY.md tells authors how to write them. */
#ifndef NODE_STIXMARKS_H
#define NODE_STIXMARKS_H

#include "gossip/marks.h"
#include "node/formats/arena.h"
#include "node/formats/jsonwalk.h"

/* The extension-definition under which levels, handling codes, gradings, purposes and retention stand; a property-extension. */
#define STIXMARKS_EXTENSION "extension-definition--5f0c7c4e-6a3d-4e0b-9d37-2b8f0f6a9c11"

enum stixmarks_result {
    STIXMARKS_GOOD,    /* all of it was understood; it may say nothing that a rule looks at (a statement) */
    STIXMARKS_UNKNOWN, /* some of it was not: what it forbids cannot be known */
    STIXMARKS_NO_MEMORY
};

struct stixmarks; /* reusable */
struct stixmarks *stixmarks_new(void);
void stixmarks_free(struct stixmarks *reader);

/* Reads a whole object that jsonwalk took before. With a definition_type (empty: it has none) it is a marking-definition, and all that
   defines it must be known; with null only our extension counts. `out` gets views into `arena`; of STIXMARKS_UNKNOWN `what` names the first thing that was not understood. */
enum stixmarks_result stixmarks_read(struct stixmarks *reader, struct bytes text, const struct bytes *definition_type,
                                     struct arena *arena, struct marks *out, struct bytes *what) MUST_USE;

/* A label (MISP machine tag) that is a marking: pap:red, tlp:amber, admiralty-scale:source-reliability="a", nato:classification="NR". Adds it to `marks` and `tlp`.
   False: it looks like one, but is not understood. */
bool stixmarks_label(struct bytes label, struct marks *marks, enum tlp *tlp) MUST_USE;

#endif
