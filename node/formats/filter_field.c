#include "node/formats/filter_tree.h"

#include "node/formats/moment.h"
#include "node/formats/when.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SAME   (SIGN_EQ | SIGN_NE)
#define TEXTS  (SAME | SIGN_LIKE | SIGN_UNLIKE)
#define ORDER  (SIGN_LT | SIGN_LE | SIGN_GT | SIGN_GE)
#define LABELS "TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT and TLP:RED"

static const struct {
    const char *name, *other_names; /* with a blank before and behind each */
    unsigned signs;
} fields[FILTER_FIELD_COUNT] = {
    [FILTER_KIND] = {"kind", " kinds observable ", SAME},
    [FILTER_TYPE] = {"type", " types stix-type ", TEXTS},
    [FILTER_ID] = {"id", " ids ", TEXTS},
    [FILTER_TLP] = {"tlp", " marking ", SAME | ORDER},
    [FILTER_PAP] = {"pap", " ", SAME | ORDER},
    [FILTER_AUTHOR] = {"author", " agency from publisher ", TEXTS},
    [FILTER_GROUP] = {"group", " groups ", TEXTS},
    [FILTER_LABEL] = {"label", " labels tag tags indicator_types ", TEXTS},
    [FILTER_NAME] = {"name", " title ", TEXTS},
    [FILTER_CONFIDENCE] = {"confidence", " ", SAME | ORDER},
    [FILTER_GRADING] = {"grading", " grade admiralty ", SAME | SIGN_GE},
    [FILTER_AGE] = {"age", " ", ORDER},
    [FILTER_MODIFIED] = {"modified", " changed ", ORDER},
    [FILTER_ARRIVED] = {"arrived", " arrival ", ORDER},
    [FILTER_AFTER] = {"after", " since ", SIGN_EQ},
    [FILTER_BEFORE] = {"before", " until ", SIGN_EQ},
    [FILTER_REVOKED] = {"revoked", " ", SAME},
    [FILTER_VALUE] = {"value", " values ioc indicator ", TEXTS},
};

const char *filter_field_name(enum filter_field field) { return fields[field].name; }

unsigned filter_field_signs(enum filter_field field) { return fields[field].signs; }

void filter_field_list(struct buf *out) {
    for (int field = 0; field < FILTER_FIELD_COUNT; field++)
        buf_put_format(out, "%s%s", field == 0 ? "" : field + 1 == FILTER_FIELD_COUNT ? " and " : ", ", fields[field].name);
}

static bool text_is(struct bytes text, const char *word) {
    return strlen(word) == text.size && strncasecmp((const char *)text.data, word, text.size) == 0;
}

bool filter_field_find(enum filter_field *out, struct bytes name) {
    char word[32] = " ";
    for (int field = 0; field < FILTER_FIELD_COUNT; field++) {
        bool found = text_is(name, fields[field].name);
        if (!found && name.size + 3 <= sizeof word) {
            for (size_t i = 0; i < name.size; i++) word[i + 1] = (char)tolower(name.data[i]);
            word[name.size + 1] = ' ', word[name.size + 2] = 0;
            found = strstr(fields[field].other_names, word) != NULL;
        }
        *out = (enum filter_field)field;
        if (found) return true;
    }
    return false;
}

const char *filter_sign_text(enum filter_sign sign) {
    switch (sign) {
    case SIGN_EQ: return "=";
    case SIGN_NE: return "!=";
    case SIGN_LT: return "<";
    case SIGN_LE: return "<=";
    case SIGN_GT: return ">";
    case SIGN_GE: return ">=";
    case SIGN_LIKE: return "~";
    case SIGN_UNLIKE: return "!~";
    }
    return "";
}

/* --- values --- */

static bool kind_read(struct filter_value *out, struct bytes text) {
    if (text_is(text, "ip")) out->number = 1u << OBSERVABLE_IPV4 | 1u << OBSERVABLE_IPV6;
    if (text_is(text, "hash"))
        out->number = 1u << OBSERVABLE_MD5 | 1u << OBSERVABLE_SHA1 | 1u << OBSERVABLE_SHA256 | 1u << OBSERVABLE_SHA512;
    for (int kind = 1; kind < OBSERVABLE_KIND_COUNT; kind++)
        if (text_is(text, observable_kind_name((enum observable_kind)kind))) out->number = 1u << kind;
    return out->number != 0;
}

static bool small_letters(struct filter_value *out, struct bytes text, struct arena *arena) {
    uint8_t *copy = arena_take(arena, text.size + 1);
    if (!copy) return false;
    for (size_t i = 0; i < text.size; i++) copy[i] = (uint8_t)tolower(text.data[i]);
    out->text = bytes_of(copy, text.size);
    return true;
}

static bool tlp_read(struct filter_value *out, struct bytes text) {
    enum tlp tlp;
    bool good = tlp_parse(&tlp, text);
    if (good) out->number = tlp;
    return good;
}

static bool pap_read(struct filter_value *out, enum filter_sign sign, struct bytes text) {
    enum pap pap;
    if (text_is(text, "none")) return (sign & SAME) != 0;
    bool good = pap_parse(&pap, text);
    if (good) out->number = pap;
    return good;
}

static bool number_read(struct filter_value *out, struct bytes text, uint64_t most) {
    if (text.size == 0 || text.size > 6) return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        out->number = out->number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return out->number <= most;
}

/* What the known schemes hold, from the best on; behind the blank what says "not known". */
static const struct scheme {
    const char *name, *source, *information;
} schemes[] = {
    {"admiralty", "ABCDE F", "12345 6"},
    {"europol-4x4", "ABC X", "1234 "},
    {"uk-3x5x2", "123 ", "ABCDE "},
};

static bool grade_letters(struct filter_value *out, const struct scheme *scheme, struct bytes code) {
    size_t at = 0;
    char first = code.size > 0 ? (char)toupper(code.data[0]) : 0;
    if (first && first != ' ' && strchr(scheme->source, first)) out->source = first, at++;
    char next = code.size > at ? (char)toupper(code.data[at]) : 0;
    if (next && next != ' ' && strchr(scheme->information, next)) out->information = next, at++;
    return at > 0 && at == code.size;
}

/* "B2", "B", "2", "europol-4x4:A1" */
static bool grading_read(struct filter_value *out, struct bytes text, struct arena *arena) {
    const uint8_t *colon = text.size > 0 ? memchr(text.data, ':', text.size) : NULL;
    size_t size = colon ? (size_t)(colon - text.data) : 0;
    struct bytes code = colon ? bytes_of(colon + 1, text.size - size - 1) : text;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (colon ? !text_is(bytes_of(text.data, size), schemes[i].name) : i > 0) continue;
        out->number = i;
        return grade_letters(out, &schemes[i], code) && small_letters(out, bytes_of_text(schemes[i].name), arena);
    }
    return false;
}

static bool span_read(struct filter_value *out, struct bytes text) {
    uint64_t ms, base_ms = 1;
    struct filter_value moment = {0};
    if (moment_parse(&moment.number, text) || !when_parse(&ms, text, base_ms)) return false;
    out->number = ms - base_ms;
    return true;
}

static bool revoked_read(struct filter_value *out, struct bytes text) {
    out->number = text_is(text, "yes") || text_is(text, "true");
    return out->number || text_is(text, "no") || text_is(text, "false");
}

static bool value_read(struct filter_value *out, enum filter_sign sign, struct bytes text, bool quoted, struct arena *arena) {
    if (sign == SIGN_LIKE || sign == SIGN_UNLIKE) return text.size > 0 && small_letters(out, text, arena);
    if (!quoted && text.size > 2 && text.data[0] == '*' && text.data[1] == '.') {
        struct observable domain;
        const char *why;
        struct bytes rest = bytes_of(text.data + 2, text.size - 2);
        if (observable_normalise(&domain, OBSERVABLE_DOMAIN, rest, arena, &why) != OK) return false;
        uint8_t *dotted = arena_take(arena, domain.value.size + 1);
        if (!dotted) return false;
        dotted[0] = '.';
        memcpy(dotted + 1, domain.value.data, domain.value.size);
        out->suffix = true;
        out->text = bytes_of(dotted, domain.value.size + 1);
        return true;
    }
    if (!quoted && text.size > 0 && memchr(text.data, '*', text.size)) return false;
    struct bytes copy = arena_copy(arena, text); /* what is found in it are views */
    out->observable_count = observable_guess(out->observables, copy, arena);
    return out->observable_count > 0;
}

static const char *const possible_values[FILTER_FIELD_COUNT] = {
    [FILTER_KIND] = "ipv4, ipv6, domain, url, email, md5, sha1, sha256, sha512, text, and ip and hash for all of those",
    [FILTER_TYPE] = "a STIX type, such as indicator",
    [FILTER_ID] = "an object's id",
    [FILTER_TLP] = LABELS,
    [FILTER_PAP] = "PAP:CLEAR, PAP:GREEN, PAP:AMBER and PAP:RED; and none with = and !=",
    [FILTER_AUTHOR] = "an agency's name, as `comity trust list` shows it, or the first 8 or more digits of its id",
    [FILTER_GROUP] = "a group's name, or the first 8 or more digits of its id",
    [FILTER_LABEL] = "a label, as the object has it",
    [FILTER_NAME] = "a name",
    [FILTER_CONFIDENCE] = "a number from 0 to 100",
    [FILTER_GRADING] = "a grading such as B2, B or 2 (Admiralty), europol-4x4:A1 or uk-3x5x2:1A",
    [FILTER_AGE] = "a span such as 45s, 30m, 8h, 3d or 2w",
    [FILTER_MODIFIED] = "a time such as 2026-05-12T08:17:27Z",
    [FILTER_ARRIVED] = "a time such as 2026-05-12T08:17:27Z",
    [FILTER_AFTER] = "a time such as 2026-05-12T08:17:27Z",
    [FILTER_BEFORE] = "a time such as 2026-05-12T08:17:27Z",
    [FILTER_REVOKED] = "yes and no",
    [FILTER_VALUE] =
        "a value, *.example.com for all names below one, a network such as 192.0.2.0/24; a * elsewhere needs ~, or quotes",
};

bool filter_value_read(struct filter_value *out, enum filter_field field, enum filter_sign sign, struct bytes text, bool quoted,
                       struct arena *arena, const char **possible) {
    *out = (struct filter_value){0};
    *possible = possible_values[field];
    switch (field) {
    case FILTER_KIND: return kind_read(out, text);
    case FILTER_TLP: return tlp_read(out, text);
    case FILTER_PAP: return pap_read(out, sign, text);
    case FILTER_CONFIDENCE: return number_read(out, text, 100);
    case FILTER_GRADING: return grading_read(out, text, arena);
    case FILTER_AGE: return span_read(out, text);
    case FILTER_MODIFIED:
    case FILTER_ARRIVED:
    case FILTER_AFTER:
    case FILTER_BEFORE: return moment_parse(&out->number, text);
    case FILTER_REVOKED: return revoked_read(out, text);
    case FILTER_VALUE: return value_read(out, sign, text, quoted, arena);
    case FILTER_ID:
        if (sign == SIGN_LIKE || sign == SIGN_UNLIKE) return text.size > 0 && small_letters(out, text, arena);
        out->text = arena_copy(arena, text);
        return out->text.size > 0;
    case FILTER_TYPE:
    case FILTER_AUTHOR:
    case FILTER_GROUP:
    case FILTER_LABEL:
    case FILTER_NAME: return text.size > 0 && small_letters(out, text, arena);
    case FILTER_FIELD_COUNT: break;
    }
    return false;
}

/* The usual walk with one place to come back to: a later star makes an earlier one unnecessary. */
bool filter_glob(struct bytes pattern, struct bytes text) {
    size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;
    while (t < text.size) {
        if (p < pattern.size && pattern.data[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.size && (pattern.data[p] == '?' || pattern.data[p] == tolower(text.data[t]))) {
            p++, t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '*') p++;
    return p == pattern.size;
}
