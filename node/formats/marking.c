#include "node/formats/marking.h"

#include <string.h>

static bool names_merge(struct marks_names *into, const struct marks_names *more) {
    for (size_t i = 0; i < more->count; i++)
        if (marks_names_add(into, more->names[i]) != OK) return false;
    return true;
}

/* Both lists of nations bind: what is in both is left, and nothing left can be said by no list. */
static bool nations_merge(struct marks_names *into, const struct marks_names *more) {
    size_t kept = 0;
    if (more->count == 0) return true;
    if (into->count == 0) {
        *into = *more;
        return true;
    }
    for (size_t i = 0; i < into->count; i++)
        if (marks_names_has(more, into->names[i])) into->names[kept++] = into->names[i];
    into->count = kept;
    return kept > 0;
}

static bool level_merge(struct marks *into, const struct marks_level *level) {
    for (size_t i = 0; i < into->level_count; i++) {
        struct marks_level *held = &into->levels[i];
        if (!bytes_equal(held->authority, level->authority) || !bytes_equal(held->level, level->level)) continue;
        return names_merge(&held->caveats, &level->caveats) && nations_merge(&held->releasable_to, &level->releasable_to);
    }
    if (into->level_count == MARKS_LEVELS_MAX) return false;
    into->levels[into->level_count++] = *level;
    return true;
}

static bool grade_merge(struct marks *into, const struct marks_grade *grade) {
    for (size_t i = 0; i < into->grade_count; i++) {
        struct marks_grade *held = &into->grades[i];
        if (!bytes_equal(held->scheme, grade->scheme)) continue;
        /* The two halves of one grading often come apart. */
        if (held->source.size == 0) held->source = grade->source;
        if (held->information.size == 0) held->information = grade->information;
        return (grade->source.size == 0 || bytes_equal(held->source, grade->source)) &&
               (grade->information.size == 0 || bytes_equal(held->information, grade->information));
    }
    if (into->grade_count == MARKS_GRADES_MAX) return false;
    into->grades[into->grade_count++] = *grade;
    return true;
}

/* One text; another one only where there is none yet. */
static bool text_merge(struct bytes *into, struct bytes more) {
    if (into->size == 0) *into = more;
    return more.size == 0 || bytes_equal(*into, more);
}

bool marking_merge(struct marks *into, const struct marks *more) {
    if (more->pap > into->pap) into->pap = more->pap;
    if (into->iep.id.size == 0)
        into->iep = more->iep;
    else if (more->iep.id.size > 0 && !bytes_equal(into->iep.id, more->iep.id))
        return false;
    for (size_t i = 0; i < more->level_count; i++)
        if (!level_merge(into, &more->levels[i])) return false;
    for (size_t i = 0; i < more->grade_count; i++)
        if (!grade_merge(into, &more->grades[i])) return false;
    if (more->retain_until_ms != 0 && (into->retain_until_ms == 0 || more->retain_until_ms < into->retain_until_ms))
        into->retain_until_ms = more->retain_until_ms;
    /* The author alone is the more restrictive. */
    if (more->sightings != 0 && (into->sightings == 0 || more->sightings < into->sightings)) into->sightings = more->sightings;
    into->handling |= more->handling;
    into->personal |= more->personal;
    into->police |= more->police;
    if (into->unknown.size == 0) into->unknown = more->unknown;
    if (into->selector.size == 0) into->selector = more->selector;
    return names_merge(&into->purposes, &more->purposes) && text_merge(&into->handling_text, more->handling_text) &&
           text_merge(&into->legal_basis, more->legal_basis) && text_merge(&into->case_ref, more->case_ref) &&
           text_merge(&into->group, more->group);
}
