#include "gossip/policy.h"

static struct verdict deny(const char *rule, const char *reason) {
    return (struct verdict){.allow = false, .rule = rule, .reason = reason};
}

static struct verdict allow(const char *rule, const char *reason, enum carriage carriage) {
    return (struct verdict){.allow = true, .rule = rule, .reason = reason, .carriage = carriage};
}

static struct verdict publish(const struct policy_object *object, const struct policy_reader *reader) {
    if (reader->recipients == 0) return deny("recipients.none", "no recipient is left: nothing is sealed to nobody");
    switch (object->tlp) {
    case TLP_RED:
        if (!reader->named) return deny("tlp.red.named", "TLP:RED goes to named recipients only: use --to, not --to-all");
        return allow("tlp.red", "TLP:RED to the named recipients, over their own links only", CARRIAGE_DIRECT);
    case TLP_AMBER_STRICT:
        /* The label of a few: sent like RED, so that the way it travels says little. */
        return allow("tlp.amber-strict", "TLP:AMBER+STRICT to the recipients' organisations", CARRIAGE_DIRECT);
    case TLP_AMBER: return allow("tlp.amber", "TLP:AMBER to the recipients and their clients", CARRIAGE_RELAY);
    case TLP_GREEN: return allow("tlp.green", "TLP:GREEN to the community of the recipients", CARRIAGE_RELAY);
    case TLP_CLEAR: return allow("tlp.clear", "TLP:CLEAR has no limit on disclosure", CARRIAGE_RELAY);
    case TLP_NONE: break;
    }
    return deny("label.missing", "no TLP label: give --tlp or mark the object");
}

struct verdict policy_decide(const struct policy_object *object, const struct policy_reader *reader, uint64_t now_ms) {
    if (object->tlp < TLP_CLEAR || object->tlp > TLP_RED)
        return deny("label.missing", "no TLP label: give --tlp or mark the object");
    if (reader->exit == POLICY_PUBLISH) {
        if (object->valid_until_ms != 0 && object->valid_until_ms <= now_ms)
            return deny("expired", "valid_until has passed: an expired object is not published");
        return publish(object, reader);
    }
    if (reader->exit == POLICY_LOCAL) return allow("local", "a local user of a node that may read it", CARRIAGE_RELAY);
    return deny("exit.unknown", "this exit is not known to the policy");
}
