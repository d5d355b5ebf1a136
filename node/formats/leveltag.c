#include "node/formats/leveltag.h"

#include <string.h>

/* The names of levels are those that a policy file knows (node/policy/policy_agencies.c). */
static const struct {
    const char *tag, *authority, *level;
} levels[] = {
    {"nato:classification=\"NU\"", "NATO", "NU"},
    {"nato:classification=\"NR\"", "NATO", "NR"},
    {"nato:classification=\"NC\"", "NATO", "NC"},
    {"nato:classification=\"NS\"", "NATO", "NS"},
    {"nato:classification=\"CTS\"", "NATO", "CTS"},
    {"fr-classif:non-classifiees=\"NON-PROTEGE\"", "FR", "NON PROTEGE"},
    {"fr-classif:non-classifiees=\"DIFFUSION_RESTREINTE\"", "FR", "DIFFUSION RESTREINTE"},
    {"fr-classif:classifiees=\"SECRET\"", "FR", "SECRET"},
    {"fr-classif:classifiees=\"TRES_SECRET\"", "FR", "TRES SECRET"},
    {"de-vs:Einstufung=\"VS-NfD\"", "DE", "VS-NfD"},
    {"de-vs:Einstufung=\"VS-VERTRAULICH\"", "DE", "VS-VERTRAULICH"},
    {"de-vs:Einstufung=\"GEHEIM\"", "DE", "GEHEIM"},
    {"de-vs:Einstufung=\"STRENG GEHEIM\"", "DE", "STRENG GEHEIM"},
    {"dni-ism:classification:us=\"U\"", "US", "U"},
    {"dni-ism:classification:us=\"R\"", "US", "R"},
    {"dni-ism:classification:us=\"C\"", "US", "C"},
    {"dni-ism:classification:us=\"S\"", "US", "S"},
    {"dni-ism:classification:us=\"TS\"", "US", "TS"},
};

static bool same_any_case(struct bytes text, const char *other) {
    if (text.size != strlen(other)) return false;
    for (size_t i = 0; i < text.size; i++) {
        int a = text.data[i], b = (unsigned char)other[i];
        if ((a >= 'A' && a <= 'Z' ? a | 0x20 : a) != (b >= 'A' && b <= 'Z' ? b | 0x20 : b)) return false;
    }
    return true;
}

enum leveltag leveltag_read(struct bytes tag, struct marks *marks) {
    static const char *const spaces[] = {"nato:", "fr-classif:", "de-vs:", "dni-ism:", "iep:", "iep2-policy:", "iep2-reference:"};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (!same_any_case(tag, levels[i].tag)) continue;
        if (marks->level_count == MARKS_LEVELS_MAX) return LEVELTAG_UNKNOWN;
        marks->levels[marks->level_count++] =
            (struct marks_level){.authority = bytes_of_text(levels[i].authority), .level = bytes_of_text(levels[i].level)};
        return LEVELTAG_GOOD;
    }
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        size_t size = strlen(spaces[i]);
        if (tag.size >= size && same_any_case(bytes_of(tag.data, size), spaces[i])) return LEVELTAG_UNKNOWN;
    }
    return LEVELTAG_OTHER;
}
