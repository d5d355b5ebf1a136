#include "node/formats/stixmarks.h"

#include "node/formats/leveltag.h"
#include "node/formats/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES_MAX   256
#define STIX_PATH_LEVELS (JSON_DEPTH_MAX + 1)
#define OURS             "extensions." STIXMARKS_EXTENSION "."
#define TLP_EXTENSION    "extensions.extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d."

/* Where the walk is, as "extensions.ID.levels[].caveats[]". */
struct stixmarks {
    struct jsonwalk *walk;
    struct arena *arena;
    struct marks *marks;
    bool definition;
    char path[PATH_BYTES_MAX];
    size_t size;
    size_t sizes[STIX_PATH_LEVELS]; /* of the path around each open container */
    bool arrays[STIX_PATH_LEVELS];
    size_t depth;
    struct bytes type;    /* definition_type; empty: none */
    bool known_extension; /* one that is understood was there */
    struct bytes bad;     /* the first thing that was not understood; copied */
    bool memory_short;
};

/* --- values --- */

static struct bytes keep(struct stixmarks *reader, struct bytes text) {
    struct bytes copy = text.size > 0 ? arena_copy(reader->arena, text) : text;
    if (copy.size != text.size) reader->memory_short = true;
    return copy;
}

static bool set_pap(struct stixmarks *reader, struct bytes value) { return pap_parse(&reader->marks->pap, value); }

static struct marks_level *level_last(struct stixmarks *reader) {
    struct marks *marks = reader->marks;
    return marks->level_count > 0 && marks->level_count <= MARKS_LEVELS_MAX ? &marks->levels[marks->level_count - 1] : NULL;
}

static bool set_authority(struct stixmarks *reader, struct bytes value) {
    struct marks_level *level = level_last(reader);
    if (level) level->authority = keep(reader, value);
    return level != NULL;
}

static bool set_level(struct stixmarks *reader, struct bytes value) {
    struct marks_level *level = level_last(reader);
    if (level) level->level = keep(reader, value);
    return level != NULL;
}

static bool set_caveat(struct stixmarks *reader, struct bytes value) {
    struct marks_level *level = level_last(reader);
    return level && marks_names_add(&level->caveats, keep(reader, value)) == OK;
}

static bool set_releasable(struct stixmarks *reader, struct bytes value) {
    struct marks_level *level = level_last(reader);
    return level && marks_names_add(&level->releasable_to, keep(reader, value)) == OK;
}

static bool set_handling(struct stixmarks *reader, struct bytes value) {
    bool good = value.size == 2 && value.data[0] == 'H' && value.data[1] >= '0' && value.data[1] <= '3';
    if (good) reader->marks->handling |= 1u << (value.data[1] - '0');
    return good;
}

static bool set_handling_text(struct stixmarks *reader, struct bytes value) {
    reader->marks->handling_text = keep(reader, value);
    return true;
}

static struct marks_grade *grade_last(struct stixmarks *reader) {
    struct marks *marks = reader->marks;
    return marks->grade_count > 0 && marks->grade_count <= MARKS_GRADES_MAX ? &marks->grades[marks->grade_count - 1] : NULL;
}

static bool set_grade_scheme(struct stixmarks *reader, struct bytes value) {
    struct marks_grade *grade = grade_last(reader);
    if (grade) grade->scheme = keep(reader, value);
    return grade != NULL;
}

static bool set_grade_source(struct stixmarks *reader, struct bytes value) {
    struct marks_grade *grade = grade_last(reader);
    if (grade) grade->source = keep(reader, value);
    return grade != NULL;
}

static bool set_grade_information(struct stixmarks *reader, struct bytes value) {
    struct marks_grade *grade = grade_last(reader);
    if (grade) grade->information = keep(reader, value);
    return grade != NULL;
}

static bool set_purpose(struct stixmarks *reader, struct bytes value) {
    return marks_names_add(&reader->marks->purposes, keep(reader, value)) == OK;
}

static bool set_legal_basis(struct stixmarks *reader, struct bytes value) {
    reader->marks->legal_basis = keep(reader, value);
    return true;
}

static bool set_case(struct stixmarks *reader, struct bytes value) {
    reader->marks->case_ref = keep(reader, value);
    return true;
}

static bool set_retain(struct stixmarks *reader, struct bytes value) {
    return moment_parse(&reader->marks->retain_until_ms, value);
}

static bool set_data(struct stixmarks *reader, struct bytes value) {
    if (bytes_equal_text(value, "personal")) return reader->marks->personal = true;
    if (bytes_equal_text(value, "police")) return reader->marks->police = true;
    return false;
}

static bool set_sightings(struct stixmarks *reader, struct bytes value) {
    return sightings_to_parse(&reader->marks->sightings, value);
}

static bool set_nothing(struct stixmarks *reader, struct bytes value) {
    (void)reader, (void)value;
    return true;
}

static bool set_extension_type(struct stixmarks *reader, struct bytes value) {
    (void)reader;
    return bytes_equal_text(value, "property-extension");
}

/* --- IEP 2.0 --- */

/* The place of a word in a list, from 1; 0: none of them. */
static unsigned word_of(struct bytes value, const char *const *words, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        if (bytes_equal_text(value, words[i])) return i + 1;
    return 0;
}

static enum iep_word iep_word(struct bytes value) {
    static const char *const words[] = {"may", "must", "must-not"};
    return (enum iep_word)word_of(value, words, 3);
}

static bool set_iep_id(struct stixmarks *reader, struct bytes value) {
    reader->marks->iep.id = keep(reader, value);
    return value.size > 0;
}

static bool set_iep_version(struct stixmarks *reader, struct bytes value) {
    (void)reader;
    return bytes_equal_text(value, "2.0") || bytes_equal_text(value, "2");
}

static bool set_iep_start(struct stixmarks *reader, struct bytes value) {
    return moment_parse(&reader->marks->iep.start_ms, value);
}
static bool set_iep_end(struct stixmarks *reader, struct bytes value) { return moment_parse(&reader->marks->iep.end_ms, value); }

static bool set_iep_encrypt(struct stixmarks *reader, struct bytes value) {
    reader->marks->iep.encrypt = iep_word(value);
    return reader->marks->iep.encrypt == IEP_MAY || reader->marks->iep.encrypt == IEP_MUST;
}

static bool set_iep_actions(struct stixmarks *reader, struct bytes value) {
    static const char *const words[] = {"none", "contact-for-instruction", "internally-visible-actions",
                                        "externally-visible-indirect-actions", "externally-visible-direct-actions"};
    return (reader->marks->iep.actions = (enum iep_actions)word_of(value, words, 5)) != 0;
}

static bool set_iep_notify(struct stixmarks *reader, struct bytes value) {
    reader->marks->iep.notify = iep_word(value);
    return reader->marks->iep.notify == IEP_MAY || reader->marks->iep.notify == IEP_MUST_NOT;
}

static bool set_iep_tlp(struct stixmarks *reader, struct bytes value) {
    static const char *const words[] = {"white", "green", "amber", "red"};
    return (reader->marks->iep.tlp = (enum iep_tlp)word_of(value, words, 4)) != 0;
}

static bool set_iep_attribution(struct stixmarks *reader, struct bytes value) {
    return (reader->marks->iep.attribution = iep_word(value)) != 0;
}

static bool set_iep_resale(struct stixmarks *reader, struct bytes value) {
    reader->marks->iep.resale = iep_word(value);
    return reader->marks->iep.resale == IEP_MAY || reader->marks->iep.resale == IEP_MUST_NOT;
}

/* A statement is for people; but the tag of a PAP label often comes as one. */
static bool set_statement(struct stixmarks *reader, struct bytes value) {
    bool pap = value.size > 4 && (memcmp(value.data, "PAP:", 4) == 0 || memcmp(value.data, "pap:", 4) == 0);
    return !pap || pap_parse(&reader->marks->pap, value);
}

/* --- which path is what --- */

struct field {
    const char *type; /* of the definition; null: our extension, the path behind its id */
    const char *path;
    bool (*set)(struct stixmarks *reader, struct bytes value);
};

static const struct field fields[] = {
    {NULL, "extension_type", set_extension_type},
    {NULL, "pap", set_pap},
    {NULL, "levels[].authority", set_authority},
    {NULL, "levels[].level", set_level},
    {NULL, "levels[].caveats[]", set_caveat},
    {NULL, "levels[].releasable_to[]", set_releasable},
    {NULL, "handling[]", set_handling},
    {NULL, "handling_text", set_handling_text},
    {NULL, "grading[].scheme", set_grade_scheme},
    {NULL, "grading[].source", set_grade_source},
    {NULL, "grading[].information", set_grade_information},
    {NULL, "purposes[]", set_purpose},
    {NULL, "legal_basis", set_legal_basis},
    {NULL, "case_ref", set_case},
    {NULL, "retain_until", set_retain},
    {NULL, "data[]", set_data},
    {NULL, "sightings", set_sightings},
    {"tlp", "definition.tlp", set_nothing}, /* judged by its id */
    {"statement", "definition.statement", set_statement},
    {"pap", "definition.pap", set_pap},
    {"iep", "definition.id", set_iep_id},
    {"iep", "definition.name", set_nothing},
    {"iep", "definition.description", set_nothing},
    {"iep", "definition.iep_version", set_iep_version},
    {"iep", "definition.start_date", set_iep_start},
    {"iep", "definition.end_date", set_iep_end},
    {"iep", "definition.encrypt_in_transit", set_iep_encrypt},
    {"iep", "definition.permitted_actions", set_iep_actions},
    {"iep", "definition.affected_party_notifications", set_iep_notify},
    {"iep", "definition.tlp", set_iep_tlp},
    {"iep", "definition.attribution", set_iep_attribution},
    {"iep", "definition.unmodified_resale", set_iep_resale},
};

static bool type_known(struct bytes type) {
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].type && bytes_equal_text(type, fields[i].type)) return true;
    return false;
}

static void not_understood(struct stixmarks *reader, struct bytes what) {
    if (reader->bad.size == 0) reader->bad = keep(reader, what.size > 0 ? what : bytes_of_text("an empty name"));
}

static bool starts(const struct stixmarks *reader, const char *prefix) {
    size_t size = strlen(prefix);
    return reader->size >= size && memcmp(reader->path, prefix, size) == 0;
}

static bool path_is(const struct stixmarks *reader, size_t from, const char *path) {
    return strlen(path) == reader->size - from && memcmp(reader->path + from, path, reader->size - from) == 0;
}

static void our_value(struct stixmarks *reader, struct bytes value) {
    size_t from = strlen(OURS);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!fields[i].type && path_is(reader, from, fields[i].path)) {
            if (!fields[i].set(reader, value)) not_understood(reader, bytes_of(reader->path, reader->size));
            return;
        }
    not_understood(reader, bytes_of(reader->path, reader->size));
}

static void definition_value(struct stixmarks *reader, struct bytes value) {
    struct bytes type = reader->type;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].type && bytes_equal_text(type, fields[i].type) && path_is(reader, 0, fields[i].path)) {
            if (!fields[i].set(reader, value)) not_understood(reader, bytes_of(reader->path, reader->size));
            return;
        }
    if (bytes_equal_text(type, "iep") && starts(reader, "definition.external_references[]")) return;
    not_understood(reader, bytes_of(reader->path, reader->size));
}

static void on_value(struct stixmarks *reader, struct bytes value, bool nothing) {
    if (starts(reader, OURS)) {
        our_value(reader, value);
    } else if (!reader->definition) {
        return;
    } else if (starts(reader, TLP_EXTENSION)) {
        reader->known_extension = true;
    } else if (starts(reader, "extensions.")) {
        not_understood(reader, bytes_of(reader->path + 11, reader->size - 11));
    } else if (starts(reader, "definition.")) {
        if (!nothing) definition_value(reader, value);
    }
}

/* --- the walk --- */

static void segment_add(struct stixmarks *reader, const char *before, struct bytes text) {
    size_t size = strlen(before);
    if (reader->size + size + text.size > PATH_BYTES_MAX) {
        if (reader->definition || starts(reader, "extensions.")) not_understood(reader, text);
        return;
    }
    memcpy(reader->path + reader->size, before, size);
    if (text.size > 0) memcpy(reader->path + reader->size + size, text.data, text.size);
    reader->size += size + text.size;
}

static void on_open(void *context, bool object) {
    struct stixmarks *reader = context;
    if (reader->depth > 0 && reader->arrays[reader->depth - 1]) reader->size = reader->sizes[reader->depth - 1];
    if (reader->depth == STIX_PATH_LEVELS) {
        reader->memory_short = true; /* jsonwalk ends before */
        return;
    }
    if (!object) segment_add(reader, "[]", bytes_of(NULL, 0));
    if (object && starts(reader, OURS "levels[]") && reader->size == strlen(OURS "levels[]")) reader->marks->level_count++;
    if (object && starts(reader, OURS "grading[]") && reader->size == strlen(OURS "grading[]")) reader->marks->grade_count++;
    if (object && reader->size + 1 == strlen(OURS) && memcmp(reader->path, OURS, reader->size) == 0) reader->known_extension = true;
    reader->sizes[reader->depth] = reader->size;
    reader->arrays[reader->depth++] = !object;
}

static void on_close(void *context, bool object) {
    struct stixmarks *reader = context;
    (void)object;
    reader->depth--;
    reader->size = reader->depth > 0 ? reader->sizes[reader->depth - 1] : 0;
}

static void on_key(void *context, struct bytes key) {
    struct stixmarks *reader = context;
    reader->size = reader->sizes[reader->depth - 1];
    segment_add(reader, reader->size > 0 ? "." : "", key);
}

static void on_string(void *context, struct bytes value) {
    struct stixmarks *reader = context;
    on_value(reader, value, false);
}

static void on_scalar(void *context, enum jsonwalk_scalar scalar, struct bytes number) {
    struct stixmarks *reader = context;
    static const char *const words[] = {"null", "false", "true", ""};
    on_value(reader, scalar == JSONWALK_NUMBER ? number : bytes_of_text(words[scalar]), scalar == JSONWALK_NULL);
}

static const struct jsonwalk_events events = {
    .open = on_open, .close = on_close, .key = on_key, .string = on_string, .scalar = on_scalar};

struct stixmarks *stixmarks_new(void) {
    struct stixmarks *reader = calloc(1, sizeof *reader);
    if (!reader) return NULL;
    reader->walk = jsonwalk_new(&events);
    if (reader->walk) return reader;
    free(reader);
    return NULL;
}

void stixmarks_free(struct stixmarks *reader) {
    if (!reader) return;
    jsonwalk_free(reader->walk);
    free(reader);
}

/* What was read must also be writable: sizes, counts, levels that have an authority. */
static bool writable(const struct marks *marks) {
    struct buf scratch = {0};
    enum err err = marks_empty(marks) ? OK : marks_write(&scratch, marks);
    buf_free(&scratch);
    return err == OK;
}

enum stixmarks_result stixmarks_read(struct stixmarks *reader, struct bytes text, const struct bytes *definition_type,
                                     struct arena *arena, struct marks *out, struct bytes *what) {
    struct jsonwalk_fault fault;
    struct jsonwalk *walk = reader->walk;
    *out = (struct marks){0};
    *reader = (struct stixmarks){.walk = walk, .arena = arena, .marks = out, .definition = definition_type != NULL};
    if (definition_type) reader->type = *definition_type;
    enum err err = jsonwalk_run(walk, text, reader, &fault);
    if (err == ERR_MEMORY || reader->memory_short) return STIXMARKS_NO_MEMORY;
    if (definition_type && definition_type->size == 0 && !reader->known_extension)
        not_understood(reader, bytes_of_text("no definition"));
    if (definition_type && definition_type->size > 0 && !type_known(*definition_type)) not_understood(reader, *definition_type);
    if (err != OK || !writable(out)) not_understood(reader, bytes_of_text("a value is out of range"));
    *what = reader->bad;
    if (reader->memory_short) return STIXMARKS_NO_MEMORY;
    return reader->bad.size > 0 ? STIXMARKS_UNKNOWN : STIXMARKS_GOOD;
}

/* --- labels --- */

/* The value of a machine tag such as scheme:predicate="value"; empty: it is another one. */
static struct bytes tag_value(struct bytes label, const char *head) {
    size_t size = strlen(head);
    if (label.size < size + 2 || memcmp(label.data, head, size) != 0 || label.data[label.size - 1] != '"') return bytes_of(NULL, 0);
    return bytes_of(label.data + size, label.size - size - 1);
}

/* Whatever the case: who writes "Tlp:Red" means it. */
static bool label_starts(struct bytes label, const char *lower) {
    for (size_t i = 0; lower[i]; i++) {
        if (i == label.size) return false;
        uint8_t c = label.data[i] >= 'A' && label.data[i] <= 'Z' ? label.data[i] | 0x20 : label.data[i];
        if (c != (uint8_t)lower[i]) return false;
    }
    return true;
}

static struct marks_grade *admiralty(struct marks *marks) {
    static const char scheme[] = "admiralty";
    for (size_t i = 0; i < marks->grade_count; i++)
        if (bytes_equal_text(marks->grades[i].scheme, scheme)) return &marks->grades[i];
    if (marks->grade_count == MARKS_GRADES_MAX) return NULL;
    marks->grades[marks->grade_count] = (struct marks_grade){.scheme = bytes_of_text(scheme)};
    return &marks->grades[marks->grade_count++];
}

/* MISP's taxonomy writes small letters; the scheme itself large ones. */
static bool grade_set(struct marks *marks, struct bytes value, const char *valid, bool source) {
    static const char letters[] = "ABCDEF123456";
    const char *found = value.size == 1 ? strchr(valid, value.data[0]) : NULL;
    struct marks_grade *grade = found && *found ? admiralty(marks) : NULL;
    if (!grade) return false;
    const char *letter = strchr(letters, *found >= 'a' ? *found - ('a' - 'A') : *found);
    *(source ? &grade->source : &grade->information) = bytes_of(letter, 1);
    return true;
}

bool stixmarks_label(struct bytes label, struct marks *marks, enum tlp *tlp) {
    enum tlp named;
    enum pap pap;
    while (label.size > 0 && label.data[0] == ' ') label = bytes_of(label.data + 1, label.size - 1);
    while (label.size > 0 && label.data[label.size - 1] == ' ') label.size--;
    if (label.size == 0) return true;
    if (!strchr("PpTta", label.data[0])) return leveltag_read(label, marks) != LEVELTAG_UNKNOWN;
    if (label_starts(label, "pap:")) {
        if (!pap_parse(&pap, label)) return false;
        if (pap > marks->pap) marks->pap = pap;
        return true;
    }
    if (label_starts(label, "tlp:")) {
        if (!tlp_parse(&named, label)) return false;
        *tlp = tlp_stricter(*tlp, named);
        return true;
    }
    struct bytes value = tag_value(label, "admiralty-scale:source-reliability=\"");
    if (value.size > 0) return grade_set(marks, value, "abcdefABCDEF", true);
    value = tag_value(label, "admiralty-scale:information-credibility=\"");
    return value.size == 0 || grade_set(marks, value, "123456", false);
}
