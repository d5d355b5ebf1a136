#include "gossip/label.h"

#include <string.h>

#define MARKING_PREFIX       "marking-definition--"
#define MARKING_PREFIX_BYTES (sizeof MARKING_PREFIX - 1)
#define UUID_CHARS           36

static const char *const tlp_names[] = {"none", "TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"};

/* TLP 2.0 ids, then those of TLP 1.0, from the publishers' own STIX files. */
static const struct marking {
    char uuid[UUID_CHARS + 1];
    enum tlp tlp;
} markings[] = {
    {"94868c89-83c2-464b-929b-a1a8aa3c8487", TLP_CLEAR}, {"bab4a63c-aed9-4cf5-a766-dfca5abac2bb", TLP_GREEN},
    {"55d920b0-5e8b-4f79-9ee9-91f868d9b421", TLP_AMBER}, {"939a9414-2ddd-4d32-a0cd-375ea402b003", TLP_AMBER_STRICT},
    {"e828b379-4e03-4974-9ac4-e53a884c97c1", TLP_RED},   {"613f2e26-407d-48c7-9eca-b8e91df99dc9", TLP_CLEAR},
    {"34098fce-860f-48ae-8e50-ebd3cc5e41da", TLP_GREEN}, {"f88d31f6-486f-44da-b317-01333bde0b82", TLP_AMBER},
    {"5e57c739-391a-4eb3-b6be-7d15ca92d5ed", TLP_RED},
};

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c; }

static bool equal_any_case(const uint8_t *a, const char *b, size_t size) {
    if (memcmp(a, b, size) == 0) return true;
    for (size_t i = 0; i < size; i++)
        if (lower(a[i]) != lower((uint8_t)b[i])) return false;
    return true;
}

const char *tlp_marking_id(enum tlp tlp) {
    static const char *const ids[] = {
        NULL,
        MARKING_PREFIX "94868c89-83c2-464b-929b-a1a8aa3c8487",
        MARKING_PREFIX "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
        MARKING_PREFIX "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
        MARKING_PREFIX "939a9414-2ddd-4d32-a0cd-375ea402b003",
        MARKING_PREFIX "e828b379-4e03-4974-9ac4-e53a884c97c1",
    };
    return (unsigned)tlp <= TLP_RED ? ids[tlp] : NULL;
}

const char *tlp_name(enum tlp tlp) { return (unsigned)tlp <= TLP_RED ? tlp_names[tlp] : "unknown"; }

bool tlp_parse(enum tlp *out, struct bytes text) {
    static const struct word {
        const char *text;
        size_t size;
        enum tlp tlp;
    } words[] = {
        {"CLEAR", 5, TLP_CLEAR}, {"WHITE", 5, TLP_CLEAR}, {"GREEN", 5, TLP_GREEN},
        {"AMBER", 5, TLP_AMBER}, {"RED", 3, TLP_RED},     {"AMBER+STRICT", 12, TLP_AMBER_STRICT},
    };
    if (text.size > 4 && equal_any_case(text.data, "TLP:", 4)) text = bytes_of(text.data + 4, text.size - 4);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text.size == words[i].size && equal_any_case(text.data, words[i].text, text.size)) {
            *out = words[i].tlp;
            return true;
        }
    return false;
}

enum tlp tlp_of_marking(struct bytes marking_id) {
    if (marking_id.size != MARKING_PREFIX_BYTES + UUID_CHARS) return TLP_NONE;
    if (!equal_any_case(marking_id.data, MARKING_PREFIX, MARKING_PREFIX_BYTES)) return TLP_NONE;
    const uint8_t *uuid = marking_id.data + MARKING_PREFIX_BYTES;
    for (size_t i = 0; i < sizeof markings / sizeof *markings; i++)
        if (lower(uuid[0]) == (uint8_t)markings[i].uuid[0] && equal_any_case(uuid, markings[i].uuid, UUID_CHARS))
            return markings[i].tlp;
    return TLP_NONE;
}
