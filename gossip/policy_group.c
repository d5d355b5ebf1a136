#include "gossip/policy_rule.h"

#include <string.h>

/* Groups: what was published to one is its members' alone, by its latest roster, whoever asks. */

static const struct policy_group *group_of(const struct policy_question *question) {
    const struct policy_reader *reader = question->reader;
    struct bytes id = question->marks->group;
    for (size_t i = 0; i < reader->group_count && id.size == MARKS_GROUP_BYTES; i++)
        if (memcmp(reader->groups[i].id, id.data, MARKS_GROUP_BYTES) == 0) return &reader->groups[i];
    return NULL;
}

bool rule_group_unknown(struct policy_question *question) {
    return question->marks->group.size > 0 && !group_of(question) &&
           policy_deny(question, "it belongs to a group whose roster is not known here");
}

bool rule_group_member(struct policy_question *question) {
    const struct policy_group *group = group_of(question);
    return group && !group->member &&
           policy_deny(question, "%s is no member of the group %s", policy_reader_name(question), group->name);
}

bool rule_group_removed(struct policy_question *question) {
    const struct policy_group *group = group_of(question);
    return group && group->removed_ms != 0 && group->removed_ms <= question->context->now_ms &&
           policy_deny(question, "%s was removed from the group %s", policy_reader_name(question), group->name);
}

bool rule_group_author(struct policy_question *question) {
    return question->marks->group.size > 0 && question->object->author_removed &&
           policy_deny(question, "its author had been removed from the group when it came");
}

bool rule_group_label(struct policy_question *question) {
    const struct policy_group *group = group_of(question);
    return group && group->label_max != TLP_NONE && question->object->tlp > group->label_max &&
           policy_deny(question, "the group %s carries labels up to %s, and this object is %s", group->name,
                       tlp_name(group->label_max), tlp_name(question->object->tlp));
}

bool rule_group_start(struct policy_question *question) {
    const struct policy_group *group = group_of(question);
    return group && group->starts_ms > question->context->now_ms &&
           policy_deny(question, "the group %s has not begun yet", group->name);
}

bool rule_group_end(struct policy_question *question) {
    const struct policy_group *group = group_of(question);
    return group && (group->closed || (group->ends_ms != 0 && group->ends_ms <= question->context->now_ms)) &&
           policy_deny(question, "the group %s has ended", group->name);
}
