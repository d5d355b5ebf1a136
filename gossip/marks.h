/* marks: what an object carries beside its TLP label: permissible actions, exchange policy, levels, handling codes, gradings, purpose
   and retention. Optional in an item; canonical MessagePack. Sources: MISP's PAP taxonomy, FIRST IEP 2.0, the Europol Regulation's
   handling codes. PROTOCOL.md 5.3 */
#ifndef GOSSIP_MARKS_H
#define GOSSIP_MARKS_H

#include "gossip/label.h"

struct pack_reader;

#define MARKS_BYTES_MAX      8192 /* of the encoded map */
#define MARKS_NAME_BYTES_MAX 64
#define MARKS_TEXT_BYTES_MAX 512
#define MARKS_NAMES_MAX      16
#define MARKS_LEVELS_MAX     4
#define MARKS_GRADES_MAX     4
#define MARKS_GROUP_BYTES    32

/* Permissible Actions Protocol; a larger number is more restrictive. */
enum pap { PAP_NONE = 0, PAP_CLEAR = 1, PAP_GREEN = 2, PAP_AMBER = 3, PAP_RED = 4 };

/* "PAP:AMBER"; "none" for PAP_NONE. */
const char *pap_name(enum pap pap);
/* Reads "PAP:AMBER", "amber", "PAP:WHITE" (as CLEAR), in any case. */
bool pap_parse(enum pap *out, struct bytes text);

/* FIRST IEP 2.0. 0 stands for "not said" in each. */
enum iep_actions { IEP_NONE = 1, IEP_CONTACT = 2, IEP_INTERNAL = 3, IEP_INDIRECT = 4, IEP_DIRECT = 5 };
enum iep_word { IEP_MAY = 1, IEP_MUST = 2, IEP_MUST_NOT = 3 };
enum iep_tlp { IEP_TLP_WHITE = 1, IEP_TLP_GREEN = 2, IEP_TLP_AMBER = 3, IEP_TLP_RED = 4 };

struct marks_iep {
    struct bytes id; /* the policy's UUID; empty: no IEP policy at all */
    enum iep_tlp tlp;
    enum iep_actions actions;
    enum iep_word encrypt;     /* may, must */
    enum iep_word attribution; /* may, must, must-not */
    enum iep_word resale;      /* of the unmodified object: may, must-not */
    enum iep_word notify;      /* affected parties: may, must-not */
    uint64_t start_ms, end_ms; /* 0: open */
};

/* Names in rising order, each once. */
struct marks_names {
    struct bytes names[MARKS_NAMES_MAX];
    size_t count;
};

/* A national or organisation level: its meaning is its authority's, and of those who accept that authority. */
struct marks_level {
    struct bytes authority, level;    /* "EU", "R-UE/EU-R" */
    struct marks_names caveats;       /* "NOFORN", "ORCON" */
    struct marks_names releasable_to; /* nations or organisations; empty: no such limit */
};

/* A grading is kept with its scheme and never compared across schemes. */
struct marks_grade {
    struct bytes scheme, source, information; /* one of the two may be empty */
};

/* To whom readers' sightings and opinions go: to the author alone, or through the author to all whom it addressed. 0: not said, which means
   the author. */
enum sightings_to { SIGHTINGS_TO_AUTHOR = 1, SIGHTINGS_TO_AUDIENCE = 2 };

/* "author", "audience"; what is not said is the author's. */
const char *sightings_to_name(enum sightings_to to);
bool sightings_to_parse(enum sightings_to *out, struct bytes text);

#define MARKS_H0 1u
#define MARKS_H1 2u
#define MARKS_H2 4u
#define MARKS_H3 8u

/* Views are borrowed: from the encoded map when read, from the caller when to be written. All texts are UTF-8 without control
   characters. Zero-initialised it says nothing. */
struct marks {
    enum pap pap;
    struct marks_iep iep;
    struct marks_level levels[MARKS_LEVELS_MAX];
    size_t level_count;
    unsigned handling;          /* MARKS_H0 ... MARKS_H3 */
    struct bytes handling_text; /* of H3 */
    struct marks_grade grades[MARKS_GRADES_MAX];
    size_t grade_count;
    struct marks_names purposes;
    struct bytes legal_basis, case_ref;
    uint64_t retain_until_ms; /* 0: not said */
    bool personal, police;    /* personal data; police data */
    struct bytes group;       /* id of the group it was published to, 32 bytes, or empty */
    struct bytes unknown;     /* a marking that its author's node did not understand: such an object goes nowhere */
    struct bytes selector;    /* granular markings: the part that is the most restrictive, and rules for all of it */
    enum sightings_to sightings;
};

/* Puts a name where it belongs; what is there already stays. ERR_LIMIT, ERR_RANGE (empty, too long, control characters). */
enum err marks_names_add(struct marks_names *names, struct bytes name) MUST_USE;
bool marks_names_has(const struct marks_names *names, struct bytes name);

/* Is anything said? */
bool marks_empty(const struct marks *marks);

/* The map: keys 1 to 15 in order, none for what is not said.
   1 PAP (uint), 2 IEP [id str, tlp, actions, encrypt, attribution, resale, notify, start ms, end ms (uint each)],
   3 levels [[authority str, level str, [caveat str...], [releasable-to str...]]...], 4 handling codes (uint, bit n is Hn),
   5 text of H3 (str), 6 gradings [[scheme, source, information (str)]...], 7 purposes [str...], 8 legal basis (str),
   9 case reference (str), 10 retain until ms (uint), 11 data: 1 personal, 2 police, 3 both (uint), 12 group (bin 32),
   13 marking that was not understood (str), 14 selector of the strictest part (str), 15 sightings: 1 author, 2 audience (uint). */
/* Appends the map. ERR_RANGE on a field beyond its limit; ERR_TOO_BIG. */
enum err marks_write(struct buf *out, const struct marks *marks) MUST_USE;

/* The version of an item that carries these marks: 2, or 3 where a key above 14 is said. */
unsigned marks_item_version(const struct marks *marks);

/* Reads the next map of foreign bytes: canonical, not empty, every field in range. ERR_FORMAT, ERR_RANGE, ERR_TOO_BIG. */
enum err marks_read(struct marks *out, struct pack_reader *reader) MUST_USE;

/* The same for the bytes of one map: what item_decode took. An empty view says nothing. */
enum err marks_decode(struct marks *out, struct bytes encoded) MUST_USE;

#endif
