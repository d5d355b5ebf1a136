#include "node/policy/leaving.h"

#include "node/engine/engine_core.h"

#include <string.h>

bool leaving_object(struct policy_object *out, struct marks *marks, const struct item *item) {
    *out = (struct policy_object){
        .tlp = item->tlp, .valid_until_ms = item->valid_until_ms, .id = item->id, .type = item->type, .marks = marks};
    if (marks_decode(marks, item->marks) != OK) return false;
    if (item->marks.size == 0) out->marks = NULL;
    return true;
}

bool leaving_allowed(struct engine *engine, const struct policy_facts *facts, const struct leaving *leaving) {
    static struct marks marks; /* large */
    struct policy_object object;
    struct verdict verdict;
    if (statement_is(leaving->item->type) || !leaving_object(&object, &marks, leaving->item)) return false;
    if (leaving->scope && !scope_takes(leaving->scope, marks.group)) return false;
    if (retention_over(engine, leaving->head, leaving->item, facts->context.now_ms)) return false; /* also before it is taken out */
    object.foreign = memcmp(leaving->author, engine->agency_id, AGENCY_ID_BYTES) != 0;
    object.author_removed = groups_shut_out(engine, marks.group, leaving->author, leaving->head->arrived_ms);
    policy_decide(&verdict, &object, &facts->reader, &facts->context);
    return verdict.allow;
}
