/* Under which terms a consumer is told: what decides of all objects alike. The fences of node/recall/gone_terms.h say when less may be shown, over
   restarts and for everybody; who keeps a whole view has to know as well when more may be shown, or the same under another name. */
#include "node/subscribe/take.h"

#include "node/engine/engine_core.h"
#include "node/recall/gone_terms.h"

static void text_put(struct buf *out, const char *text) {
    buf_put_text(out, text);
    buf_put_u8(out, 0);
}

static void names_put(const struct engine *engine, struct buf *out) {
    text_put(out, engine->own_name);
    for (size_t i = 0; i < engine->name_count; i++) {
        buf_put_raw(out, engine->names[i].agency_id, AGENCY_ID_BYTES);
        text_put(out, engine->names[i].name);
    }
}

static void groups_put(const struct engine *engine, struct buf *out, const struct policy_facts *facts) {
    for (size_t i = 0; i < facts->reader.group_count; i++) {
        const struct policy_group *group = &facts->reader.groups[i];
        const struct group_known *known = groups_find(engine, group->id);
        buf_put_raw(out, group->id, MARKS_GROUP_BYTES);
        text_put(out, group->name);
        buf_put_u8(out, (uint8_t)group->label_max);
        buf_put_u64(out, group->starts_ms);
        buf_put_u64(out, group->ends_ms);
        buf_put_u8(out, group->closed);
        buf_put_u8(out, group->member);
        for (size_t j = 0; known && known->group && j < known->group->roster.member_count; j++) {
            const struct roster_member *row = &known->group->roster.members[j];
            buf_put_raw(out, row->agency_id, AGENCY_ID_BYTES);
            buf_put_u64(out, row->removed_ms);
        }
    }
}

uint64_t take_terms(struct engine *engine, const struct take_state *take, const struct subscription *subscription) {
    static struct policy_facts facts;
    const struct policy_exit_limits *limits = &engine->policy.exits[take->exit];
    struct buf text = {0};
    uint8_t rest[HASH_BYTES], hash[HASH_BYTES];
    policy_context_fill(&facts, engine, take->exit, NULL);
    gone_terms_rest(rest, &engine->policy);
    buf_put_raw(&text, rest, HASH_BYTES);
    buf_put_u8(&text, limits->closed);
    buf_put_u8(&text, limits->world);
    buf_put_u8(&text, (uint8_t)limits->label_max);
    buf_put_u8(&text, (uint8_t)limits->pap_max);
    buf_put_u32(&text, take->wanted.labels);
    for (int label = 0; label <= TLP_RED; label++) buf_put_u64(&text, engine->policy.labels[label].retention_max_ms);
    if (subscription) text_put(&text, subscription->filter);
    names_put(engine, &text);
    groups_put(engine, &text, &facts);
    hash_of(hash, "comity-take-terms", bytes_of_buf(&text), bytes_of(NULL, 0));
    uint64_t terms = text.failed ? 0 : get_be64(hash);
    buf_free(&text);
    return terms;
}

static void earlier(uint64_t *until_ms, uint64_t moment_ms, uint64_t now_ms) {
    if (moment_ms > now_ms && (*until_ms == 0 || moment_ms < *until_ms)) *until_ms = moment_ms;
}

uint64_t take_until(const struct wanted *wanted, const struct policy_facts *facts) {
    uint64_t until_ms = 0, now_ms = facts->context.now_ms;
    if ((wanted->own && filter_asks_age(wanted->own)) || (wanted->asked && filter_asks_age(wanted->asked))) return 1;
    for (size_t i = 0; i < facts->reader.group_count; i++) {
        earlier(&until_ms, facts->reader.groups[i].starts_ms, now_ms);
        earlier(&until_ms, facts->reader.groups[i].ends_ms, now_ms);
    }
    return until_ms;
}

/* What ends by valid_until or retain_until is taken out, and told as withdrawn. */
void take_until_object(uint64_t *until_ms, const struct item *item, uint64_t now_ms) {
    static struct marks marks; /* large; one thread */
    if (item->marks.size == 0 || marks_decode(&marks, item->marks) != OK) return;
    earlier(until_ms, marks.iep.start_ms, now_ms);
    earlier(until_ms, marks.iep.end_ms, now_ms);
}
