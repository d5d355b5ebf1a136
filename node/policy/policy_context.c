#include "node/policy/policy_context.h"

#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <string.h>

#define PERMISSIONS_MAX 256

/* Groups: the rosters in which the agency stands or stood, as facts->reader.groups. A group that this node has no roster of is no
   fact, and what belongs to it is refused. */
static void groups_fill(struct policy_facts *facts, struct engine *engine, enum policy_exit exit, const uint8_t *agency_id) {
    facts->reader.group_count = groups_facts(engine, exit, agency_id, &facts->reader.groups);
}

/* Agreements in force between the own agency and another one, as seen from here. */
enum { SLOT_READER, SLOT_AUTHOR };
static void agreements_find(struct engine *engine, unsigned slot, const uint8_t *agency_id,
                            const struct policy_agreement **agreements, size_t *count) {
    *count = agreements_facts(engine, slot, agency_id, agreements);
}

/* Permissions that this author gave to this agency to pass something on to the reader: nobody else's word counts for its objects. */
static void permissions_fill(struct policy_facts *facts, struct engine *engine, const uint8_t *author_id) {
    static struct policy_permission permissions[PERMISSIONS_MAX];
    facts->context.permissions = permissions;
    facts->context.permission_count =
        permission_facts(engine, permissions, PERMISSIONS_MAX, NULL, author_id, facts->reader.agency_id);
}

void policy_context_fill(struct policy_facts *out, struct engine *engine, enum policy_exit exit, const uint8_t *agency_id) {
    struct policy_reader *reader = &out->reader;
    *out = (struct policy_facts){.context = {.settings = &engine->policy, .now_ms = clock_wall_ms()}};
    *reader = (struct policy_reader){.exit = exit, .recipients = 1, .named = true, .agency = &engine->policy.own};
    if (agency_id) {
        memcpy(reader->agency_id, agency_id, AGENCY_ID_BYTES);
        reader->name = engine_agency_name(engine, agency_id);
        reader->agency = policy_settings_agency(&engine->policy, reader->name);
        agreements_find(engine, SLOT_READER, agency_id, &reader->agreements, &reader->agreement_count);
    }
    groups_fill(out, engine, exit, agency_id ? agency_id : engine->agency_id);
}

void policy_context_author(struct policy_facts *facts, struct engine *engine, const uint8_t author_id[static AGENCY_ID_BYTES]) {
    agreements_find(engine, SLOT_AUTHOR, author_id, &facts->context.author_agreements, &facts->context.author_agreement_count);
    if (facts->reader.exit == POLICY_RESHARE) permissions_fill(facts, engine, author_id);
}
