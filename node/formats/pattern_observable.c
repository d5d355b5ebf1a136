/* What a comparison of a pattern asks for, as an observable; the second half of pattern.h. */
#include "node/formats/address.h"
#include "node/formats/observable.h"
#include "node/formats/pattern.h"

/* What a path's last ".value" holds, by the object or the reference before it. OBSERVABLE_KIND_COUNT: an address or a name. */
static enum observable_kind value_kind(struct bytes owner) {
    static const struct {
        const char *name;
        enum observable_kind kind;
    } owners[] = {
        {"domain-name", OBSERVABLE_DOMAIN},
        {"ipv4-addr", OBSERVABLE_IPV4},
        {"url", OBSERVABLE_URL},
        {"ipv6-addr", OBSERVABLE_IPV6},
        {"email-addr", OBSERVABLE_EMAIL},
        {"dst_ref", OBSERVABLE_KIND_COUNT},
        {"src_ref", OBSERVABLE_KIND_COUNT},
        {"resolves_to_refs", OBSERVABLE_KIND_COUNT},
        {"from_ref", OBSERVABLE_EMAIL},
        {"sender_ref", OBSERVABLE_EMAIL},
        {"to_refs", OBSERVABLE_EMAIL},
        {"cc_refs", OBSERVABLE_EMAIL},
        {"bcc_refs", OBSERVABLE_EMAIL},
        {"belongs_to_ref", OBSERVABLE_EMAIL},
    };
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
        if (bytes_equal_text(owner, owners[i].name)) return owners[i].kind;
    return OBSERVABLE_TEXT;
}

static enum observable_kind hash_kind_by_size(struct bytes value) {
    return value.size == 32   ? OBSERVABLE_MD5
           : value.size == 40 ? OBSERVABLE_SHA1
           : value.size == 64 ? OBSERVABLE_SHA256
                              : OBSERVABLE_SHA512;
}

static bool named(const struct pattern_path *path, size_t step, const char *name) {
    return !path->steps[step].index && bytes_equal_text(path->steps[step].name, name);
}

/* The kind that the path promises. */
static enum observable_kind path_kind(const struct pattern_path *path, struct bytes value) {
    size_t last = path->step_count - 1;
    if (last >= 1 && named(path, last - 1, "hashes"))
        return path->steps[last].index ? hash_kind_by_size(value) : observable_kind_of_hash(path->steps[last].name);
    if (!named(path, last, "value")) return OBSERVABLE_TEXT;
    while (last > 0 && path->steps[last - 1].index) last--;
    enum observable_kind kind = value_kind(last == 0 ? path->object : path->steps[last - 1].name);
    if (kind != OBSERVABLE_KIND_COUNT) return kind;
    uint8_t address[ADDRESS_IPV6_BYTES];
    if (address_ipv4(address, value)) return OBSERVABLE_IPV4;
    return address_ipv6(address, value) ? OBSERVABLE_IPV6 : OBSERVABLE_DOMAIN;
}

bool pattern_observable(struct observable *out, const struct pattern_comparison *comparison, struct arena *arena) {
    if (comparison->negated || comparison->literal != PATTERN_STRING || comparison->path.step_count == 0) return false;
    enum pattern_operator relation = comparison->relation;
    if (relation != PATTERN_EQUAL && relation != PATTERN_IN && relation != PATTERN_ISSUBSET) return false;
    /* dst_ref.type = 'ipv4-addr' says what the value is, and is none itself. */
    if (named(&comparison->path, comparison->path.step_count - 1, "type")) return false;
    enum observable_kind kind = path_kind(&comparison->path, comparison->value);
    if (relation == PATTERN_ISSUBSET) {
        const char *reason;
        if (kind != OBSERVABLE_IPV4 && kind != OBSERVABLE_IPV6) return false;
        return observable_normalise(out, kind, comparison->value, arena, &reason) == OK;
    }
    return observable_or_text(out, kind, comparison->value, arena) == OK;
}
