#include "gossip/marks.h"

#include "gossip/pack.h"

#include <string.h>

enum key {
    KEY_PAP = 1,
    KEY_IEP,
    KEY_LEVELS,
    KEY_HANDLING,
    KEY_HANDLING_TEXT,
    KEY_GRADES,
    KEY_PURPOSES,
    KEY_LEGAL_BASIS,
    KEY_CASE,
    KEY_RETAIN,
    KEY_DATA,
    KEY_GROUP,
    KEY_UNKNOWN,
    KEY_SELECTOR,
    KEY_SIGHTINGS,
    KEY_END
};

#define IEP_FIELDS    9
#define DATA_PERSONAL 1u
#define DATA_POLICE   2u

static const char *const pap_names[] = {"none", "PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED"};

const char *pap_name(enum pap pap) { return (unsigned)pap <= PAP_RED ? pap_names[pap] : "unknown"; }

bool pap_parse(enum pap *out, struct bytes text) {
    enum tlp word;
    if (text.size > 4 && (text.data[3] == ':') && (text.data[0] | 0x20) == 'p' && (text.data[1] | 0x20) == 'a' &&
        (text.data[2] | 0x20) == 'p')
        text = bytes_of(text.data + 4, text.size - 4);
    /* The same words as TLP's, but for AMBER+STRICT; a prefix of its own was taken off. */
    if (memchr(text.data ? (const char *)text.data : "", ':', text.size) || !tlp_parse(&word, text)) return false;
    switch (word) {
    case TLP_CLEAR: *out = PAP_CLEAR; return true;
    case TLP_GREEN: *out = PAP_GREEN; return true;
    case TLP_AMBER: *out = PAP_AMBER; return true;
    case TLP_RED: *out = PAP_RED; return true;
    default: return false;
    }
}

const char *sightings_to_name(enum sightings_to to) { return to == SIGHTINGS_TO_AUDIENCE ? "audience" : "author"; }

bool sightings_to_parse(enum sightings_to *out, struct bytes text) {
    *out = bytes_equal_text(text, "audience") ? SIGHTINGS_TO_AUDIENCE : SIGHTINGS_TO_AUTHOR;
    return bytes_equal_text(text, sightings_to_name(*out));
}

/* --- what may stand in a field --- */

static bool text_valid(struct bytes text, size_t bytes_max) {
    if (text.size > bytes_max || !pack_utf8_valid(text)) return false;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < ' ' || text.data[i] == 0x7f) return false;
    return true;
}

static bool name_valid(struct bytes name) { return name.size > 0 && text_valid(name, MARKS_NAME_BYTES_MAX); }

static bool names_valid(const struct marks_names *names) {
    if (names->count > MARKS_NAMES_MAX) return false;
    for (size_t i = 0; i < names->count; i++)
        if (!name_valid(names->names[i]) || (i > 0 && bytes_compare(names->names[i - 1], names->names[i]) >= 0)) return false;
    return true;
}

static bool iep_valid(const struct marks_iep *iep) {
    static const struct marks_iep none;
    if (iep->id.size == 0)
        return iep->tlp == none.tlp && iep->actions == 0 && iep->encrypt == 0 && iep->attribution == 0 && iep->resale == 0 &&
               iep->notify == 0 && iep->start_ms == 0 && iep->end_ms == 0;
    return name_valid(iep->id) && (unsigned)iep->tlp <= IEP_TLP_RED && (unsigned)iep->actions <= IEP_DIRECT &&
           (unsigned)iep->encrypt <= IEP_MUST && (unsigned)iep->attribution <= IEP_MUST_NOT &&
           (unsigned)iep->resale <= IEP_MUST_NOT && (unsigned)iep->notify <= IEP_MUST_NOT;
}

static bool levels_valid(const struct marks *marks) {
    if (marks->level_count > MARKS_LEVELS_MAX) return false;
    for (size_t i = 0; i < marks->level_count; i++) {
        const struct marks_level *level = &marks->levels[i];
        if (!name_valid(level->authority) || !name_valid(level->level)) return false;
        if (!names_valid(&level->caveats) || !names_valid(&level->releasable_to)) return false;
    }
    return true;
}

static bool grades_valid(const struct marks *marks) {
    if (marks->grade_count > MARKS_GRADES_MAX) return false;
    for (size_t i = 0; i < marks->grade_count; i++) {
        const struct marks_grade *grade = &marks->grades[i];
        if (!name_valid(grade->scheme) || grade->source.size + grade->information.size == 0) return false;
        if (!text_valid(grade->source, MARKS_NAME_BYTES_MAX) || !text_valid(grade->information, MARKS_NAME_BYTES_MAX)) return false;
    }
    return true;
}

static bool marks_valid(const struct marks *marks) {
    return (unsigned)marks->pap <= PAP_RED && iep_valid(&marks->iep) && levels_valid(marks) && marks->handling <= 15 &&
           text_valid(marks->handling_text, MARKS_TEXT_BYTES_MAX) && grades_valid(marks) && names_valid(&marks->purposes) &&
           text_valid(marks->legal_basis, MARKS_NAME_BYTES_MAX) && text_valid(marks->case_ref, MARKS_NAME_BYTES_MAX) &&
           (marks->group.size == 0 || marks->group.size == MARKS_GROUP_BYTES) && text_valid(marks->unknown, MARKS_TEXT_BYTES_MAX) &&
           text_valid(marks->selector, MARKS_TEXT_BYTES_MAX) && (unsigned)marks->sightings <= SIGHTINGS_TO_AUDIENCE;
}

enum err marks_names_add(struct marks_names *names, struct bytes name) {
    if (!name_valid(name)) return ERR_RANGE;
    size_t at = 0;
    while (at < names->count && bytes_compare(names->names[at], name) < 0) at++;
    if (at < names->count && bytes_equal(names->names[at], name)) return OK;
    if (names->count == MARKS_NAMES_MAX) return ERR_LIMIT;
    memmove(&names->names[at + 1], &names->names[at], (names->count - at) * sizeof *names->names);
    names->names[at] = name;
    names->count++;
    return OK;
}

bool marks_names_has(const struct marks_names *names, struct bytes name) {
    for (size_t i = 0; i < names->count; i++)
        if (bytes_equal(names->names[i], name)) return true;
    return false;
}

/* --- which keys there are --- */

static bool said(const struct marks *marks, enum key key) {
    switch (key) {
    case KEY_PAP: return marks->pap != PAP_NONE;
    case KEY_IEP: return marks->iep.id.size > 0;
    case KEY_LEVELS: return marks->level_count > 0;
    case KEY_HANDLING: return marks->handling != 0;
    case KEY_HANDLING_TEXT: return marks->handling_text.size > 0;
    case KEY_GRADES: return marks->grade_count > 0;
    case KEY_PURPOSES: return marks->purposes.count > 0;
    case KEY_LEGAL_BASIS: return marks->legal_basis.size > 0;
    case KEY_CASE: return marks->case_ref.size > 0;
    case KEY_RETAIN: return marks->retain_until_ms != 0;
    case KEY_DATA: return marks->personal || marks->police;
    case KEY_GROUP: return marks->group.size > 0;
    case KEY_UNKNOWN: return marks->unknown.size > 0;
    case KEY_SELECTOR: return marks->selector.size > 0;
    case KEY_SIGHTINGS: return marks->sightings != 0;
    case KEY_END: break;
    }
    return false;
}

static uint32_t said_count(const struct marks *marks) {
    uint32_t count = 0;
    for (int key = KEY_PAP; key < KEY_END; key++) count += said(marks, (enum key)key);
    return count;
}

bool marks_empty(const struct marks *marks) { return said_count(marks) == 0; }

unsigned marks_item_version(const struct marks *marks) { return said(marks, KEY_SIGHTINGS) ? 3 : 2; }

/* --- writing --- */

static void write_names(struct buf *out, const struct marks_names *names) {
    pack_write_array(out, (uint32_t)names->count);
    for (size_t i = 0; i < names->count; i++) pack_write_str(out, names->names[i]);
}

static void write_iep(struct buf *out, const struct marks_iep *iep) {
    pack_write_array(out, IEP_FIELDS);
    pack_write_str(out, iep->id);
    pack_write_uint(out, iep->tlp);
    pack_write_uint(out, iep->actions);
    pack_write_uint(out, iep->encrypt);
    pack_write_uint(out, iep->attribution);
    pack_write_uint(out, iep->resale);
    pack_write_uint(out, iep->notify);
    pack_write_uint(out, iep->start_ms);
    pack_write_uint(out, iep->end_ms);
}

static void write_levels(struct buf *out, const struct marks *marks) {
    pack_write_array(out, (uint32_t)marks->level_count);
    for (size_t i = 0; i < marks->level_count; i++) {
        pack_write_array(out, 4);
        pack_write_str(out, marks->levels[i].authority);
        pack_write_str(out, marks->levels[i].level);
        write_names(out, &marks->levels[i].caveats);
        write_names(out, &marks->levels[i].releasable_to);
    }
}

static void write_grades(struct buf *out, const struct marks *marks) {
    pack_write_array(out, (uint32_t)marks->grade_count);
    for (size_t i = 0; i < marks->grade_count; i++) {
        pack_write_array(out, 3);
        pack_write_str(out, marks->grades[i].scheme);
        pack_write_str(out, marks->grades[i].source);
        pack_write_str(out, marks->grades[i].information);
    }
}

static void write_value(struct buf *out, const struct marks *marks, enum key key) {
    switch (key) {
    case KEY_PAP: pack_write_uint(out, marks->pap); break;
    case KEY_IEP: write_iep(out, &marks->iep); break;
    case KEY_LEVELS: write_levels(out, marks); break;
    case KEY_HANDLING: pack_write_uint(out, marks->handling); break;
    case KEY_HANDLING_TEXT: pack_write_str(out, marks->handling_text); break;
    case KEY_GRADES: write_grades(out, marks); break;
    case KEY_PURPOSES: write_names(out, &marks->purposes); break;
    case KEY_LEGAL_BASIS: pack_write_str(out, marks->legal_basis); break;
    case KEY_CASE: pack_write_str(out, marks->case_ref); break;
    case KEY_RETAIN: pack_write_uint(out, marks->retain_until_ms); break;
    case KEY_DATA: pack_write_uint(out, (marks->personal ? DATA_PERSONAL : 0u) | (marks->police ? DATA_POLICE : 0u)); break;
    case KEY_GROUP: pack_write_bin(out, marks->group); break;
    case KEY_UNKNOWN: pack_write_str(out, marks->unknown); break;
    case KEY_SELECTOR: pack_write_str(out, marks->selector); break;
    case KEY_SIGHTINGS: pack_write_uint(out, marks->sightings); break;
    case KEY_END: break;
    }
}

enum err marks_write(struct buf *out, const struct marks *marks) {
    size_t start = out->size;
    if (!marks_valid(marks) || marks_empty(marks)) return ERR_RANGE;
    pack_write_map(out, said_count(marks));
    for (int key = KEY_PAP; key < KEY_END; key++) {
        if (!said(marks, (enum key)key)) continue;
        pack_write_uint(out, (uint64_t)key);
        write_value(out, marks, (enum key)key);
    }
    enum err err = buf_result(out);
    return err == OK && out->size - start > MARKS_BYTES_MAX ? ERR_TOO_BIG : err;
}

/* --- reading --- */

static bool read_names(struct marks_names *names, struct pack_reader *reader) {
    uint32_t count = pack_read_array(reader);
    if (count > MARKS_NAMES_MAX) return false;
    names->count = count;
    for (uint32_t i = 0; i < count; i++) names->names[i] = pack_read_str(reader);
    return true;
}

/* A number that must be at most `most`: beyond it the field is out of range whatever the type can hold. */
static unsigned read_small(struct pack_reader *reader, unsigned most, bool *good) {
    uint64_t value = pack_read_uint(reader);
    if (value > most) *good = false;
    return value > most ? 0 : (unsigned)value;
}

static bool read_iep(struct marks_iep *iep, struct pack_reader *reader) {
    bool good = pack_read_array(reader) == IEP_FIELDS;
    iep->id = pack_read_str(reader);
    iep->tlp = (enum iep_tlp)read_small(reader, IEP_TLP_RED, &good);
    iep->actions = (enum iep_actions)read_small(reader, IEP_DIRECT, &good);
    iep->encrypt = (enum iep_word)read_small(reader, IEP_MUST, &good);
    iep->attribution = (enum iep_word)read_small(reader, IEP_MUST_NOT, &good);
    iep->resale = (enum iep_word)read_small(reader, IEP_MUST_NOT, &good);
    iep->notify = (enum iep_word)read_small(reader, IEP_MUST_NOT, &good);
    iep->start_ms = pack_read_uint(reader);
    iep->end_ms = pack_read_uint(reader);
    return good;
}

static bool read_levels(struct marks *out, struct pack_reader *reader) {
    uint32_t count = pack_read_array(reader);
    if (count > MARKS_LEVELS_MAX) return false;
    out->level_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct marks_level *level = &out->levels[i];
        if (pack_read_array(reader) != 4) return false;
        level->authority = pack_read_str(reader);
        level->level = pack_read_str(reader);
        if (!read_names(&level->caveats, reader) || !read_names(&level->releasable_to, reader)) return false;
    }
    return true;
}

static bool read_grades(struct marks *out, struct pack_reader *reader) {
    uint32_t count = pack_read_array(reader);
    if (count > MARKS_GRADES_MAX) return false;
    out->grade_count = count;
    for (uint32_t i = 0; i < count; i++) {
        if (pack_read_array(reader) != 3) return false;
        out->grades[i].scheme = pack_read_str(reader);
        out->grades[i].source = pack_read_str(reader);
        out->grades[i].information = pack_read_str(reader);
    }
    return true;
}

static bool read_value(struct marks *out, struct pack_reader *reader, enum key key) {
    bool good = true;
    switch (key) {
    case KEY_PAP: out->pap = (enum pap)read_small(reader, PAP_RED, &good); return good;
    case KEY_IEP: return read_iep(&out->iep, reader);
    case KEY_LEVELS: return read_levels(out, reader);
    case KEY_HANDLING: out->handling = read_small(reader, 15, &good); return good;
    case KEY_HANDLING_TEXT: out->handling_text = pack_read_str(reader); return true;
    case KEY_GRADES: return read_grades(out, reader);
    case KEY_PURPOSES: return read_names(&out->purposes, reader);
    case KEY_LEGAL_BASIS: out->legal_basis = pack_read_str(reader); return true;
    case KEY_CASE: out->case_ref = pack_read_str(reader); return true;
    case KEY_RETAIN: out->retain_until_ms = pack_read_uint(reader); return true;
    case KEY_DATA: {
        unsigned data = read_small(reader, DATA_PERSONAL | DATA_POLICE, &good);
        out->personal = data & DATA_PERSONAL, out->police = data & DATA_POLICE;
        return good;
    }
    case KEY_GROUP: out->group = pack_read_bin(reader); return true;
    case KEY_UNKNOWN: out->unknown = pack_read_str(reader); return true;
    case KEY_SELECTOR: out->selector = pack_read_str(reader); return true;
    case KEY_SIGHTINGS: out->sightings = (enum sightings_to)read_small(reader, SIGHTINGS_TO_AUDIENCE, &good); return good;
    case KEY_END: break;
    }
    return false;
}

enum err marks_read(struct marks *out, struct pack_reader *reader) {
    size_t before = reader->cursor.left;
    uint64_t last = 0;
    *out = (struct marks){0};
    uint32_t count = pack_read_map(reader);
    if (count == 0 || count >= KEY_END) return ERR_FORMAT;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t key = pack_read_uint(reader);
        if (pack_failed(reader) || key <= last || key >= KEY_END) return ERR_FORMAT;
        if (!read_value(out, reader, (enum key)key)) return pack_failed(reader) ? ERR_FORMAT : ERR_RANGE;
        last = key;
    }
    if (pack_failed(reader)) return ERR_FORMAT;
    if (before - reader->cursor.left > MARKS_BYTES_MAX) return ERR_TOO_BIG;
    /* A key whose value says nothing would be a second form of the same marks. */
    return marks_valid(out) && said_count(out) == count ? OK : ERR_RANGE;
}

enum err marks_decode(struct marks *out, struct bytes encoded) {
    struct pack_reader reader = pack_reader_of(encoded);
    if (encoded.size == 0) {
        *out = (struct marks){0};
        return OK;
    }
    enum err err = marks_read(out, &reader);
    return err == OK ? pack_done(&reader) : err;
}
