/* policy_rule: inside policy: one question, and the rules that it is put to in their order. Only policy*.c and their tests look here. */
#ifndef GOSSIP_POLICY_RULE_H
#define GOSSIP_POLICY_RULE_H

#include "gossip/policy.h"

/* Inputs, as bits of verdict.looked; in the order in which they are shown. */
enum policy_look {
    LOOK_LABEL = 1u << 0,
    LOOK_EXIT = 1u << 1,
    LOOK_RECIPIENTS = 1u << 2,
    LOOK_AUTHOR = 1u << 3,
    LOOK_TYPE = 1u << 4,
    LOOK_VALID_UNTIL = 1u << 5,
    LOOK_RETAIN = 1u << 6,
    LOOK_UNKNOWN = 1u << 7,
    LOOK_PAP = 1u << 8,
    LOOK_IEP = 1u << 9,
    LOOK_LEVELS = 1u << 10,
    LOOK_CAVEATS = 1u << 11,
    LOOK_HANDLING = 1u << 12,
    LOOK_DATA = 1u << 13,
    LOOK_PURPOSES = 1u << 14,
    LOOK_LEGAL_BASIS = 1u << 15,
    LOOK_GROUP = 1u << 16,
    LOOK_READER = 1u << 17,
    LOOK_ACCREDITATIONS = 1u << 18,
    LOOK_AGREEMENTS = 1u << 19,
    LOOK_PERMISSIONS = 1u << 20,
    LOOK_NOW = 1u << 21
};

/* What an agreement's clause must cover; rules about agreements add one after the other. */
enum policy_aspect { ASPECT_DIRECTION = 1, ASPECT_KIND = 2, ASPECT_LABEL = 4, ASPECT_PURPOSE = 8, ASPECT_RETENTION = 16 };

struct policy_question {
    const struct policy_object *object;
    const struct marks *marks; /* never null */
    const struct policy_reader *reader;
    const struct policy_agency *agency; /* never null */
    const struct policy_context *context;
    const struct policy_settings *settings;
    const struct policy_exit_limits *limits; /* of the exit; never null once the exit is known */
    struct verdict *verdict;
    unsigned aspects; /* asked of agreements so far */
};

/* True: the object may not go; the reason is told by policy_deny. */
struct policy_rule {
    const char *name;
    bool (*denies)(struct policy_question *question);
    uint32_t looks;
    bool marked; /* never denies an object without marks */
};

extern const struct policy_rule policy_rules[];
extern const size_t policy_rule_count;

/* As policy_decide with one rule (by its place) switched off: how the tests see that each is needed. */
void policy_decide_without(struct verdict *out, const struct policy_object *object, const struct policy_reader *reader,
                           const struct policy_context *context, size_t rule);

/* Writes the reason and returns true. */
bool policy_deny(struct policy_question *question, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Cuts what is no whole UTF-8 off the end. */
void policy_text_trim(char *text);
/* For "%.*s". */
#define POLICY_TEXT(view) (int)(view).size, (view).data ? (const char *)(view).data : ""
/* The reader's name, or its exit's. */
const char *policy_reader_name(const struct policy_question *question);
/* Does the exit lead to another agency? */
bool policy_to_agency(const struct policy_question *question);
/* Is there a permission of the author's for this object and reader, which lifts these handling codes (0: none)? */
bool policy_permitted(const struct policy_question *question, unsigned handling);
bool policy_in_force(const struct policy_question *question, const struct policy_agreement *agreement);
/* Does an agreement in force with the reader let one level count as another? */
bool policy_equivalent(const struct policy_question *question, const struct marks_level *level,
                       const struct policy_authority *authority);
/* The place of a level in its authority's order, from 1; 0: unknown. */
size_t policy_level_place(const struct policy_authority *authority, struct bytes level);
const struct policy_authority *policy_authority(const struct policy_settings *settings, struct bytes name);

/* --- the rules --- */
/* policy_exit.c */
bool rule_exit_unknown(struct policy_question *question);
bool rule_exit_metrics(struct policy_question *question);
bool rule_exit_closed(struct policy_question *question);
bool rule_exit_world(struct policy_question *question);
bool rule_exit_label(struct policy_question *question);
/* policy_tlp.c */
bool rule_label_missing(struct policy_question *question);
bool rule_marking_unknown(struct policy_question *question);
bool rule_recipients_none(struct policy_question *question);
bool rule_red_named(struct policy_question *question);
bool rule_label_named(struct policy_question *question);
bool rule_green_community(struct policy_question *question);
bool rule_reader_label(struct policy_question *question);
bool rule_author_own(struct policy_question *question);
bool rule_author_foreign(struct policy_question *question);
bool rule_reshare_red(struct policy_question *question);
bool rule_reshare_strict(struct policy_question *question);
bool rule_reshare_amber(struct policy_question *question);
/* policy_time.c */
bool rule_expired(struct policy_question *question);
bool rule_retain_passed(struct policy_question *question);
bool rule_retain_max(struct policy_question *question);
/* policy_level.c */
bool rule_level_authority(struct policy_question *question);
bool rule_level_unknown(struct policy_question *question);
bool rule_level_accreditation(struct policy_question *question);
bool rule_caveat_unknown(struct policy_question *question);
bool rule_caveat_noforn(struct policy_question *question);
bool rule_caveat_held(struct policy_question *question);
bool rule_caveat_orcon(struct policy_question *question);
bool rule_releasable(struct policy_question *question);
/* policy_codes.c */
bool rule_pap_blocking(struct policy_question *question);
bool rule_pap_exit(struct policy_question *question);
bool rule_h0(struct policy_question *question);
bool rule_h1(struct policy_question *question);
bool rule_h2_named(struct policy_question *question);
bool rule_h2_permission(struct policy_question *question);
bool rule_h3_text(struct policy_question *question);
bool rule_h3_exit(struct policy_question *question);
/* policy_iep.c */
bool rule_iep_label(struct policy_question *question);
bool rule_iep_start(struct policy_question *question);
bool rule_iep_end(struct policy_question *question);
bool rule_iep_actions(struct policy_question *question);
bool rule_iep_encrypt(struct policy_question *question);
bool rule_iep_attribution_must(struct policy_question *question);
bool rule_iep_attribution_must_not(struct policy_question *question);
bool rule_iep_resale(struct policy_question *question);
bool rule_iep_notify(struct policy_question *question);
/* policy_purpose.c */
bool rule_purpose_missing(struct policy_question *question);
bool rule_purpose_unknown(struct policy_question *question);
bool rule_purpose_reader(struct policy_question *question);
bool rule_legal_basis_missing(struct policy_question *question);
bool rule_legal_basis_unknown(struct policy_question *question);
bool rule_retain_missing(struct policy_question *question);
bool rule_police_reader(struct policy_question *question);
/* policy_group.c */
bool rule_group_unknown(struct policy_question *question);
bool rule_group_member(struct policy_question *question);
bool rule_group_removed(struct policy_question *question);
bool rule_group_author(struct policy_question *question);
bool rule_group_label(struct policy_question *question);
bool rule_group_start(struct policy_question *question);
bool rule_group_end(struct policy_question *question);
/* policy_agreement.c */
bool rule_agreement_missing(struct policy_question *question);
bool rule_agreement_direction(struct policy_question *question);
bool rule_agreement_kind(struct policy_question *question);
bool rule_agreement_label(struct policy_question *question);
bool rule_agreement_purpose(struct policy_question *question);
bool rule_agreement_retention(struct policy_question *question);
bool rule_agreement_reshare(struct policy_question *question);

#endif
