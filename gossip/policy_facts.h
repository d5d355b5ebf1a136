/* policy_facts: what a decision may look at, as plain structs that the caller fills: the node's settings, and what is known of a
   reader, of groups, agreements and permissions. Nothing here is fetched, and nothing here is secret. PROTOCOL.md 5.5 */
#ifndef GOSSIP_POLICY_FACTS_H
#define GOSSIP_POLICY_FACTS_H

#include "crypto/agency.h"
#include "gossip/marks.h"

#define POLICY_NAME_BYTES      (MARKS_NAME_BYTES_MAX + 1)
#define POLICY_NAMES_MAX       32
#define POLICY_LEVELS_MAX      16
#define POLICY_AUTHORITIES_MAX 16
#define POLICY_CLAUSES_MAX     16

/* Every way by which an object can leave the store. */
enum policy_exit {
    POLICY_PUBLISH = 1,  /* sealed to another agency: an own object */
    POLICY_RESHARE = 2,  /* sealed to another agency: somebody else's object */
    POLICY_LOCAL = 3,    /* the node's own user at the control socket: search, get, feed */
    POLICY_SEARCH = 4,   /* answers to other local users, by uid or token */
    POLICY_FEED = 5,     /* the same, as a feed */
    POLICY_STIX = 6,     /* a file of STIX */
    POLICY_LIST = 7,     /* a plain list of values */
    POLICY_BLOCKING = 8, /* rules that block: firewall, DNS, IDS */
    POLICY_TAXII = 9,
    POLICY_LIVE = 10,    /* live streams: of the web process, and over ZeroMQ */
    POLICY_HOOK = 11,    /* a program that is called with the object */
    POLICY_CONSOLE = 12, /* the operator's web page */
    POLICY_METRICS = 13, /* figures for monitoring: never an object */
    POLICY_EXIT_END = 14
};

/* "publish", "export-blocking", ...; null for an unknown number. */
const char *policy_exit_name(enum policy_exit exit);
bool policy_exit_parse(enum policy_exit *out, struct bytes text);

struct policy_names {
    char names[POLICY_NAMES_MAX][POLICY_NAME_BYTES];
    size_t count;
};
bool policy_names_has(const struct policy_names *names, struct bytes name);

/* What one exit takes at most. */
struct policy_exit_limits {
    bool closed;
    bool world;         /* whoever comes can read it: TLP:CLEAR only */
    enum tlp label_max; /* the most restrictive label that passes */
    enum pap pap_max;   /* likewise; of POLICY_BLOCKING never above PAP:GREEN */
};

/* An authority whose levels this node understands, from the lowest to the highest. */
struct policy_authority {
    char name[POLICY_NAME_BYTES];
    char levels[POLICY_LEVELS_MAX][POLICY_NAME_BYTES];
    size_t level_count;
    struct policy_names caveats; /* those that are understood beside NOFORN and ORCON: a reader must hold them */
};

struct policy_accreditation {
    char authority[POLICY_NAME_BYTES];
    char level[POLICY_NAME_BYTES]; /* the highest */
};

/* What the operator declared about an agency (its own one included), by its local name. Zero-initialised: nothing. */
struct policy_agency {
    char name[POLICY_NAME_BYTES];
    enum tlp label_max; /* TLP_NONE: no bound of its own */
    bool community;     /* in a community that TLP:GREEN may reach */
    bool client;        /* a client of this node's agency: TLP:AMBER may be re-shared to it */
    bool police;        /* prevents and combats crime by law: H0 and police data */
    char nation[POLICY_NAME_BYTES];
    struct policy_accreditation accreditations[POLICY_AUTHORITIES_MAX];
    size_t accreditation_count;
    struct policy_names caveats;  /* that it holds */
    struct policy_names purposes; /* that it may work for; none: no bound */
};

/* What holds for one label. */
struct policy_label {
    uint64_t retention_max_ms; /* 0: no bound */
    bool named;                /* recipients are named one by one, never "all" */
    bool agreement;            /* goes only to agencies with an agreement in force */
};

/* The node's policy as its file says it. */
struct policy_settings {
    struct policy_exit_limits exits[POLICY_EXIT_END];
    struct policy_label labels[TLP_RED + 1];
    bool green_to_communities; /* TLP:GREEN goes to agencies of a community only; else to every pinned one */
    struct policy_authority authorities[POLICY_AUTHORITIES_MAX];
    size_t authority_count;
    struct policy_names purposes;    /* known ones; none: any */
    struct policy_names legal_bases; /* likewise */
    struct policy_agency own;
    struct policy_agency *agencies; /* owned by who made the settings */
    size_t agency_count;
};

/* What holds without a policy file. */
void policy_settings_default(struct policy_settings *out);
/* Null when nothing is declared about it. */
const struct policy_agency *policy_settings_agency(const struct policy_settings *settings, const char *name);

/* A group as this node knows it, with one reader's place in it. */
struct policy_group {
    uint8_t id[MARKS_GROUP_BYTES];
    char name[POLICY_NAME_BYTES];
    enum tlp label_max;          /* ceiling; TLP_NONE: none */
    uint64_t starts_ms, ends_ms; /* 0: open */
    bool closed;
    bool member;         /* is, or was, the reader on the roster? */
    uint64_t removed_ms; /* 0: it still is */
};

enum policy_direction { POLICY_OUT = 1, POLICY_IN = 2, POLICY_BOTH = 3 }; /* as seen from this node */
enum policy_reshare { POLICY_RESHARE_NO = 0, POLICY_RESHARE_PERMITTED = 1, POLICY_RESHARE_YES = 2 };

struct policy_clause {
    unsigned number; /* as the agreement counts it */
    enum policy_direction direction;
    enum tlp label_max;
    struct policy_names kinds;    /* object types; none: all */
    struct policy_names purposes; /* none: all */
    uint64_t retention_ms;        /* the longest; 0: no bound */
    enum policy_reshare reshare;  /* PERMITTED: with the author's permission */
};

/* `theirs` of their authority counts as much as `ours` of ours: from a signed table, never from anywhere else. */
struct policy_equivalence {
    char authority[POLICY_NAME_BYTES], level[POLICY_NAME_BYTES];               /* what the object says */
    char holder_authority[POLICY_NAME_BYTES], holder_level[POLICY_NAME_BYTES]; /* what the reader must be accredited for */
};

struct policy_agreement {
    char id[9]; /* the first digits, for people */
    bool signed_by_all, terminated;
    uint64_t from_ms, until_ms; /* 0: open */
    struct policy_clause clauses[POLICY_CLAUSES_MAX];
    size_t clause_count;
    struct policy_equivalence equivalences[POLICY_LEVELS_MAX];
    size_t equivalence_count;
};

/* An author's signed permission to pass one object on. */
struct policy_permission {
    struct bytes object_id;
    uint8_t to[AGENCY_ID_BYTES];
    unsigned handling; /* codes that it lifts: MARKS_H1, MARKS_H2 */
    uint64_t until_ms; /* 0: open */
    bool verified;     /* its proof was checked against the author's chain */
};

#endif
