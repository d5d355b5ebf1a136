/* policy: may this object go to this reader or exit, and if not, which rule says so: a pure function. Default deny. PROTOCOL.md 5.5 */
#ifndef GOSSIP_POLICY_H
#define GOSSIP_POLICY_H

#include "gossip/entry.h"
#include "gossip/policy_facts.h"

/* What is decided about. */
struct policy_object {
    enum tlp tlp;              /* the most restrictive of the object's own label and the publisher's */
    uint64_t valid_until_ms;   /* 0: no end */
    struct bytes id, type;     /* STIX id and type */
    const struct marks *marks; /* null: none */
    bool foreign;              /* another agency is its author */
    bool author_removed;       /* from its group, before the object came */
};

/* Where it would go. To several agencies: one decision each. Pointers are borrowed; a fact that is not given is not known. */
struct policy_reader {
    enum policy_exit exit;
    const char *name; /* of the agency, user or exit, for reasons; null: the exit's */
    /* To agencies: */
    uint8_t agency_id[AGENCY_ID_BYTES];
    size_t recipients; /* agencies named or resolved, own one not counted */
    bool named;        /* each was named; false: "all that are pinned now" */
    /* What is declared about the agency. At exits that do not lead to another agency: about this node's own, or the local user. */
    const struct policy_agency *agency;
    const struct policy_group *groups;
    size_t group_count;
    const struct policy_agreement *agreements; /* between this node's agency and the reader */
    size_t agreement_count;
};

struct policy_context {
    const struct policy_settings *settings;
    uint64_t now_ms;
    const struct policy_permission *permissions; /* all that were given to this node; those that fit are looked for */
    size_t permission_count;
    const struct policy_agreement *author_agreements; /* between this node's agency and a foreign object's author */
    size_t author_agreement_count;
};

#define POLICY_REASON_BYTES 320
struct verdict {
    bool allow;
    const char *rule;                 /* stable name: "label.missing" */
    char reason[POLICY_REASON_BYTES]; /* a sentence for people, UTF-8 */
    enum carriage carriage;           /* when allowed to go to an agency */
    uint32_t looked;                  /* which inputs were looked at: for policy_inputs */
    char agreement[9]; /* when allowed: the one whose clause covers it, as its first digits; empty: none is in force */
    unsigned clause;
};

/* Decides. Nothing of `out` need be set before. */
void policy_decide(struct verdict *out, const struct policy_object *object, const struct policy_reader *reader,
                   const struct policy_context *context);

/* The inputs that a decision looked at, by name. */
#define POLICY_INPUTS_MAX 24
struct policy_input {
    const char *name;
    char value[POLICY_REASON_BYTES];
};
/* Returns how many. The arguments are those of the decision. */
size_t policy_inputs(struct policy_input out[static POLICY_INPUTS_MAX], const struct verdict *verdict,
                     const struct policy_object *object, const struct policy_reader *reader, const struct policy_context *context);

/* A small table of decisions that must come out as they are written, tried at every start. ERR_SELFTEST with the failing row's name
   in *what. */
enum err policy_selftest(const char **what) MUST_USE;

#endif
