#include "gossip/policy_rule.h"

#include <stdio.h>
#include <string.h>

/* What a decision looked at, for those who ask why. */

struct list {
    struct policy_input *out;
    size_t count;
    uint32_t looked;
};

/* The value's text, to be filled in; null when the decision did not look there. */
static char *input(struct list *list, enum policy_look look, const char *name) {
    if (!(list->looked & look) || list->count == POLICY_INPUTS_MAX) return NULL;
    struct policy_input *input = &list->out[list->count++];
    input->name = name;
    input->value[0] = 0;
    return input->value;
}

static void put(char *value, const char *text) {
    if (value) snprintf(value, POLICY_REASON_BYTES, "%s", text);
}

static void put_more(char *value, const char *text, size_t text_bytes) {
    size_t size = strlen(value);
    snprintf(value + size, POLICY_REASON_BYTES - size, "%s%.*s", size > 0 ? ", " : "", (int)text_bytes, text);
}

static void put_names(char *value, const struct marks_names *names) {
    if (!value) return;
    if (names->count == 0) put(value, "none");
    for (size_t i = 0; i < names->count; i++) put_more(value, (const char *)names->names[i].data, names->names[i].size);
}

static void put_view(char *value, struct bytes view) {
    if (value)
        snprintf(value, POLICY_REASON_BYTES, "%.*s", view.size > 0 ? (int)view.size : 4,
                 view.size > 0 ? (const char *)view.data : "none");
}

static void put_number(char *value, uint64_t number) {
    if (value) snprintf(value, POLICY_REASON_BYTES, number == 0 ? "none" : "%llu", (unsigned long long)number);
}

static void put_handling(char *value, unsigned handling) {
    static const char *const names[] = {"H0", "H1", "H2", "H3"};
    if (!value) return;
    if (handling == 0) put(value, "none");
    for (size_t i = 0; i < 4; i++)
        if (handling & 1u << i) put_more(value, names[i], 2);
}

static void put_levels(char *value, const struct marks *marks, bool caveats) {
    char text[2 * POLICY_NAME_BYTES + 2];
    if (!value) return;
    for (size_t i = 0; i < marks->level_count; i++) {
        const struct marks_level *level = &marks->levels[i];
        int size = snprintf(text, sizeof text, "%.*s %.*s", POLICY_TEXT(level->authority), POLICY_TEXT(level->level));
        if (!caveats && size > 0) put_more(value, text, (size_t)size);
        for (size_t j = 0; caveats && j < level->caveats.count; j++)
            put_more(value, (const char *)level->caveats.names[j].data, level->caveats.names[j].size);
        for (size_t j = 0; caveats && j < level->releasable_to.count; j++)
            put_more(value, (const char *)level->releasable_to.names[j].data, level->releasable_to.names[j].size);
    }
    if (!value[0]) put(value, "none");
}

static void put_accreditations(char *value, const struct policy_agency *agency) {
    char text[2 * POLICY_NAME_BYTES + 2];
    if (!value) return;
    for (size_t i = 0; agency && i < agency->accreditation_count; i++) {
        int size = snprintf(text, sizeof text, "%s %s", agency->accreditations[i].authority, agency->accreditations[i].level);
        if (size > 0) put_more(value, text, (size_t)size);
    }
    if (!value[0]) put(value, "none");
}

static void put_reader(char *value, const struct policy_reader *reader) {
    const struct policy_agency *agency = reader->agency;
    const char *name = reader->name ? reader->name : policy_exit_name(reader->exit);
    if (!value) return;
    snprintf(value, POLICY_REASON_BYTES, "%s%s%s%s%s%s", name ? name : "unknown", agency ? "" : " (nothing declared)",
             agency && agency->community ? ", community" : "", agency && agency->client ? ", client" : "",
             agency && agency->police ? ", police" : "", agency && agency->nation[0] ? ", of " : "");
    if (agency && agency->nation[0]) snprintf(value + strlen(value), POLICY_REASON_BYTES - strlen(value), "%s", agency->nation);
}

static void put_agreements(char *value, const struct policy_reader *reader) {
    if (!value) return;
    for (size_t i = 0; i < reader->agreement_count; i++) {
        const struct policy_agreement *agreement = &reader->agreements[i];
        char text[sizeof agreement->id + 32];
        const char *state = agreement->terminated ? " terminated" : agreement->signed_by_all ? "" : " unsigned";
        int size = snprintf(text, sizeof text, "%s%s", agreement->id, state);
        if (size > 0) put_more(value, text, (size_t)size);
    }
    if (!value[0]) put(value, "none");
}

static void about_object(struct list *list, const struct policy_object *object, const struct marks *marks) {
    static const char *const data[] = {"none", "personal", "police", "personal, police"};
    put(input(list, LOOK_LABEL, "label"), tlp_name(object->tlp));
    put(input(list, LOOK_AUTHOR, "author"), object->foreign ? "another agency" : "this agency");
    put_view(input(list, LOOK_TYPE, "type"), object->type);
    put_number(input(list, LOOK_VALID_UNTIL, "valid_until_ms"), object->valid_until_ms);
    put_number(input(list, LOOK_RETAIN, "retain_until_ms"), marks->retain_until_ms);
    put_view(input(list, LOOK_UNKNOWN, "marking_not_understood"), marks->unknown);
    put(input(list, LOOK_PAP, "pap"), pap_name(marks->pap));
    put_view(input(list, LOOK_IEP, "iep_policy"), marks->iep.id);
    put_levels(input(list, LOOK_LEVELS, "levels"), marks, false);
    put_levels(input(list, LOOK_CAVEATS, "caveats"), marks, true);
    put_handling(input(list, LOOK_HANDLING, "handling"), marks->handling);
    put(input(list, LOOK_DATA, "data"), data[(marks->personal ? 1 : 0) + (marks->police ? 2 : 0)]);
    put_names(input(list, LOOK_PURPOSES, "purposes"), &marks->purposes);
    put_view(input(list, LOOK_LEGAL_BASIS, "legal_basis"), marks->legal_basis);
    put(input(list, LOOK_GROUP, "group"), marks->group.size > 0 ? "of a group" : "none");
}

size_t policy_inputs(struct policy_input out[static POLICY_INPUTS_MAX], const struct verdict *verdict,
                     const struct policy_object *object, const struct policy_reader *reader, const struct policy_context *context) {
    static const struct marks none;
    struct list list = {.out = out, .looked = verdict->looked};
    const char *exit = policy_exit_name(reader->exit);
    put(input(&list, LOOK_EXIT, "exit"), exit ? exit : "unknown");
    about_object(&list, object, object->marks ? object->marks : &none);
    put_reader(input(&list, LOOK_READER, "reader"), reader);
    char *recipients = input(&list, LOOK_RECIPIENTS, "recipients");
    if (recipients) snprintf(recipients, POLICY_REASON_BYTES, "%zu, %s", reader->recipients, reader->named ? "named" : "all");
    put_accreditations(input(&list, LOOK_ACCREDITATIONS, "accreditations"), reader->agency);
    put_agreements(input(&list, LOOK_AGREEMENTS, "agreements"), reader);
    put_number(input(&list, LOOK_PERMISSIONS, "permissions"), context->permission_count);
    put_number(input(&list, LOOK_NOW, "now_ms"), context->now_ms);
    for (size_t i = 0; i < list.count; i++) policy_text_trim(out[i].value);
    return list.count;
}
