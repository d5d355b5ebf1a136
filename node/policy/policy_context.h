/* policy_context: what this node knows, as the facts that policy_decide looks at. The one place where the engine's state (pinned
   names, the policy file, groups, agreements, permissions) turns into them; every exit fills its facts here. */
#ifndef NODE_POLICY_CONTEXT_H
#define NODE_POLICY_CONTEXT_H

#include "gossip/policy.h"

struct engine;

/* Facts for one decision. The pointers in them are borrowed from the engine, until it changes or the next fill of the same facts. */
struct policy_facts {
    struct policy_reader reader;
    struct policy_context context;
};

/* Fills in all that is known of one reader. With an agency's id (exits POLICY_PUBLISH and POLICY_RESHARE): its name here, what the
   policy file declares about it, its place in groups, the agreements with it. Without (null; all other exits): the own agency's, whose
   users they serve. Recipients: one, named; the caller corrects that where it knows better. Of a foreign object its author's agreements
   follow by policy_context_author. */
void policy_context_fill(struct policy_facts *out, struct engine *engine, enum policy_exit exit, const uint8_t *agency_id);

/* Adds what is agreed with the author of a foreign object, and what that author permits: for POLICY_RESHARE. */
void policy_context_author(struct policy_facts *facts, struct engine *engine, const uint8_t author_id[static AGENCY_ID_BYTES]);

#endif
