#include "gossip/policy_rule.h"

#include <string.h>

/* National and organisation levels. The order of levels is the authority's own, as the policy file accepts it; between two
   authorities only a table holds that both agencies signed. */

static const char noforn[] = "NOFORN", nf[] = "NF", orcon[] = "ORCON";

const struct policy_authority *policy_authority(const struct policy_settings *settings, struct bytes name) {
    for (size_t i = 0; i < settings->authority_count; i++)
        if (bytes_equal_text(name, settings->authorities[i].name)) return &settings->authorities[i];
    return NULL;
}

size_t policy_level_place(const struct policy_authority *authority, struct bytes level) {
    for (size_t i = 0; authority && i < authority->level_count; i++)
        if (bytes_equal_text(level, authority->levels[i])) return i + 1;
    return 0;
}

bool rule_level_authority(struct policy_question *question) {
    const struct marks *marks = question->marks;
    for (size_t i = 0; i < marks->level_count; i++)
        if (!policy_authority(question->settings, marks->levels[i].authority))
            return policy_deny(question, "the policy file accepts no levels of the authority %.*s: `authorities` there lists them",
                               POLICY_TEXT(marks->levels[i].authority));
    return false;
}

bool rule_level_unknown(struct policy_question *question) {
    const struct marks *marks = question->marks;
    for (size_t i = 0; i < marks->level_count; i++) {
        const struct policy_authority *authority = policy_authority(question->settings, marks->levels[i].authority);
        if (policy_level_place(authority, marks->levels[i].level) == 0)
            return policy_deny(question, "the policy file knows no level %.*s of %.*s: it is refused, never guessed",
                               POLICY_TEXT(marks->levels[i].level), POLICY_TEXT(marks->levels[i].authority));
    }
    return false;
}

static bool accredited(const struct policy_agency *agency, const struct policy_authority *authority, const char *name,
                       size_t place) {
    for (size_t i = 0; i < agency->accreditation_count; i++) {
        const struct policy_accreditation *held = &agency->accreditations[i];
        if (strcmp(held->authority, name) == 0 && policy_level_place(authority, bytes_of_text(held->level)) >= place) return true;
    }
    return false;
}

/* The table gives, for one level of the object's authority, the level of another that its holder must have: a row for a higher level
   than the object's serves as well. */
bool policy_equivalent(const struct policy_question *question, const struct marks_level *level,
                       const struct policy_authority *authority) {
    const struct policy_reader *reader = question->reader;
    size_t place = policy_level_place(authority, level->level);
    for (size_t i = 0; i < reader->agreement_count; i++) {
        const struct policy_agreement *agreement = &reader->agreements[i];
        if (!policy_in_force(question, agreement)) continue;
        for (size_t j = 0; j < agreement->equivalence_count; j++) {
            const struct policy_equivalence *row = &agreement->equivalences[j];
            if (!bytes_equal_text(level->authority, row->authority)) continue;
            if (policy_level_place(authority, bytes_of_text(row->level)) < place) continue;
            const struct policy_authority *other = policy_authority(question->settings, bytes_of_text(row->holder_authority));
            size_t needed = policy_level_place(other, bytes_of_text(row->holder_level));
            if (needed > 0 && accredited(question->agency, other, row->holder_authority, needed)) return true;
        }
    }
    return false;
}

bool rule_level_accreditation(struct policy_question *question) {
    const struct marks *marks = question->marks;
    for (size_t i = 0; i < marks->level_count; i++) {
        const struct marks_level *level = &marks->levels[i];
        const struct policy_authority *authority = policy_authority(question->settings, level->authority);
        size_t place = policy_level_place(authority, level->level);
        if (!authority || place == 0) continue;
        if (accredited(question->agency, authority, authority->name, place) || policy_equivalent(question, level, authority))
            continue;
        return policy_deny(question, "%s is not accredited for %.*s of %.*s, and no signed table makes up for it",
                           policy_reader_name(question), POLICY_TEXT(level->level), POLICY_TEXT(level->authority));
    }
    return false;
}

/* An own object at an own exit has gone nowhere. */
static bool at_home(const struct policy_question *question) { return !question->object->foreign && !policy_to_agency(question); }

static bool caveat_is(struct bytes caveat, const char *name) { return bytes_equal_text(caveat, name); }

static bool built_in(struct bytes caveat) { return caveat_is(caveat, noforn) || caveat_is(caveat, nf) || caveat_is(caveat, orcon); }

typedef bool caveat_test(struct policy_question *question, const struct marks_level *level, struct bytes caveat);

static bool any_caveat(struct policy_question *question, caveat_test *test) {
    const struct marks *marks = question->marks;
    for (size_t i = 0; i < marks->level_count; i++)
        for (size_t j = 0; j < marks->levels[i].caveats.count; j++)
            if (test(question, &marks->levels[i], marks->levels[i].caveats.names[j])) return true;
    return false;
}

static bool is_unknown(struct policy_question *question, const struct marks_level *level, struct bytes caveat) {
    const struct policy_authority *authority = policy_authority(question->settings, level->authority);
    return !built_in(caveat) && !(authority && policy_names_has(&authority->caveats, caveat)) &&
           policy_deny(question, "the policy file knows no caveat %.*s of %.*s", POLICY_TEXT(caveat),
                       POLICY_TEXT(level->authority));
}

static bool is_foreign(struct policy_question *question, const struct marks_level *level, struct bytes caveat) {
    return (caveat_is(caveat, noforn) || caveat_is(caveat, nf)) && !bytes_equal_text(level->authority, question->agency->nation) &&
           policy_deny(question, "%.*s: it stays in %.*s, and %s is not declared to be of that nation", POLICY_TEXT(caveat),
                       POLICY_TEXT(level->authority), policy_reader_name(question));
}

static bool is_lacking(struct policy_question *question, const struct marks_level *level, struct bytes caveat) {
    return !built_in(caveat) && !policy_names_has(&question->agency->caveats, caveat) &&
           policy_deny(question, "%s does not hold the caveat %.*s of %.*s", policy_reader_name(question), POLICY_TEXT(caveat),
                       POLICY_TEXT(level->authority));
}

static bool is_controlled(struct policy_question *question, const struct marks_level *level, struct bytes caveat) {
    return caveat_is(caveat, orcon) && !policy_permitted(question, 0) &&
           policy_deny(question, "ORCON of %.*s: its author decides who else may have it; ask for a permission",
                       POLICY_TEXT(level->authority));
}

bool rule_caveat_unknown(struct policy_question *question) { return any_caveat(question, is_unknown); }

bool rule_caveat_noforn(struct policy_question *question) { return !at_home(question) && any_caveat(question, is_foreign); }

bool rule_caveat_held(struct policy_question *question) { return !at_home(question) && any_caveat(question, is_lacking); }

bool rule_caveat_orcon(struct policy_question *question) {
    bool goes_on = question->reader->exit == POLICY_RESHARE || question->limits->world;
    return goes_on && any_caveat(question, is_controlled);
}

bool rule_releasable(struct policy_question *question) {
    const struct marks *marks = question->marks;
    for (size_t i = 0; i < marks->level_count && !at_home(question); i++) {
        const struct marks_names *list = &marks->levels[i].releasable_to;
        if (list->count > 0 && !marks_names_has(list, bytes_of_text(question->agency->nation)))
            return policy_deny(question, "it is releasable to named nations only, and %s is not declared to be of one of them",
                               policy_reader_name(question));
    }
    return false;
}
