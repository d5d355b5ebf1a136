#include "node/policy_context.h"

#include "node/clock.h"
#include "node/engine_core.h"

#include <string.h>

/* Groups: the rosters in which the agency stands or stood, as facts->reader.groups. A group that this node has no roster of is no
   fact, and what belongs to it is refused. */
static void groups_fill(struct policy_facts *facts, struct engine *engine, const uint8_t *agency_id) {
    (void)engine, (void)agency_id;
    facts->reader.groups = NULL;
    facts->reader.group_count = 0;
}

/* Agreements between the own agency and another one, in force or not, as seen from here. */
static void agreements_find(struct engine *engine, const uint8_t *agency_id, const struct policy_agreement **agreements,
                            size_t *count) {
    (void)engine, (void)agency_id;
    *agreements = NULL;
    *count = 0;
}

/* Permissions that authors gave to this agency. */
static void permissions_fill(struct policy_facts *facts, struct engine *engine) {
    (void)engine;
    facts->context.permissions = NULL;
    facts->context.permission_count = 0;
}

void policy_context_fill(struct policy_facts *out, struct engine *engine, enum policy_exit exit, const uint8_t *agency_id) {
    struct policy_reader *reader = &out->reader;
    *out = (struct policy_facts){.context = {.settings = &engine->policy, .now_ms = clock_wall_ms()}};
    *reader = (struct policy_reader){.exit = exit, .recipients = 1, .named = true, .agency = &engine->policy.own};
    if (agency_id) {
        memcpy(reader->agency_id, agency_id, AGENCY_ID_BYTES);
        reader->name = engine_agency_name(engine, agency_id);
        reader->agency = policy_settings_agency(&engine->policy, reader->name);
        agreements_find(engine, agency_id, &reader->agreements, &reader->agreement_count);
    }
    groups_fill(out, engine, agency_id ? agency_id : engine->agency_id);
    permissions_fill(out, engine);
}

void policy_context_author(struct policy_facts *facts, struct engine *engine, const uint8_t author_id[static AGENCY_ID_BYTES]) {
    agreements_find(engine, author_id, &facts->context.author_agreements, &facts->context.author_agreement_count);
}
