#include "node/cmd/marking_options.h"

#include "node/formats/moment.h"

#include <string.h>

static enum outcome names_read(const struct invocation *invocation, const char *option, struct marks_names *out) {
    const char *list = command_value(invocation, option);
    for (const char *at = list, *end; at; at = *end ? end + 1 : NULL) {
        end = at + strcspn(at, ",");
        enum err err = marks_names_add(out, bytes_of(at, (size_t)(end - at)));
        if (err != OK)
            return command_usage(invocation, "--%s %s: %s", option, list,
                                 err == ERR_LIMIT ? "more than 16 names" : "a name has 1 to 64 bytes and no control characters");
    }
    return OUTCOME_SUCCESS;
}

static enum outcome codes_read(const struct invocation *invocation, struct marks *out) {
    const char *list = command_value(invocation, "handling"), *text = command_value(invocation, "handling-text");
    for (const char *at = list, *end; at; at = *end ? end + 1 : NULL) {
        end = at + strcspn(at, ",");
        if (end - at != 2 || (at[0] | 0x20) != 'h' || at[1] < '0' || at[1] > '3')
            return command_usage(invocation, "--handling %s: unknown code; valid are H0, H1, H2 and H3", list);
        out->handling |= 1u << (at[1] - '0');
    }
    if (text) out->handling_text = bytes_of_text(text);
    if (text && !(out->handling & MARKS_H3))
        return command_usage(invocation, "--handling-text is the text of H3: give --handling H3 too");
    return OUTCOME_SUCCESS;
}

static enum outcome level_read(const struct invocation *invocation, struct marks *out) {
    const char *level = command_value(invocation, "level"), *colon = level ? strchr(level, ':') : NULL;
    if (!level) {
        if (!command_has(invocation, "caveat") && !command_has(invocation, "releasable-to")) return OUTCOME_SUCCESS;
        return command_usage(invocation, "--caveat and --releasable-to belong to a level: give --level too");
    }
    if (!colon || colon == level || !colon[1])
        return command_usage(invocation, "--level %s: write AUTHORITY:LEVEL, such as EU:R-UE/EU-R", level);
    struct marks_level *into = &out->levels[out->level_count++];
    into->authority = bytes_of(level, (size_t)(colon - level));
    into->level = bytes_of_text(colon + 1);
    enum outcome outcome = names_read(invocation, "caveat", &into->caveats);
    return outcome == OUTCOME_SUCCESS ? names_read(invocation, "releasable-to", &into->releasable_to) : outcome;
}

static enum outcome rest_read(const struct invocation *invocation, struct marks *out) {
    const char *pap = command_value(invocation, "pap"), *basis = command_value(invocation, "legal-basis");
    const char *reference = command_value(invocation, "case"), *until = command_value(invocation, "retain-until");
    const char *sightings = command_value(invocation, "sightings");
    if (pap && !pap_parse(&out->pap, bytes_of_text(pap)))
        return command_usage(invocation, "--pap %s: unknown label; valid are PAP:CLEAR, PAP:GREEN, PAP:AMBER and PAP:RED", pap);
    if (until && !moment_parse(&out->retain_until_ms, bytes_of_text(until)))
        return command_usage(invocation, "--retain-until %s: write a moment in UTC, such as 2027-01-31T00:00:00Z", until);
    if (sightings && !sightings_to_parse(&out->sightings, bytes_of_text(sightings)))
        return command_usage(invocation, "--sightings %s: unknown; valid are author and audience", sightings);
    if (basis) out->legal_basis = bytes_of_text(basis);
    if (reference) out->case_ref = bytes_of_text(reference);
    out->personal = command_has(invocation, "personal");
    out->police = command_has(invocation, "police-data");
    return OUTCOME_SUCCESS;
}

enum outcome marking_options(const struct invocation *invocation, struct marks *out) {
    struct buf scratch = {0};
    *out = (struct marks){0};
    enum outcome outcome = rest_read(invocation, out);
    if (outcome == OUTCOME_SUCCESS) outcome = codes_read(invocation, out);
    if (outcome == OUTCOME_SUCCESS) outcome = level_read(invocation, out);
    if (outcome == OUTCOME_SUCCESS) outcome = names_read(invocation, "purpose", &out->purposes);
    if (outcome == OUTCOME_SUCCESS && !marks_empty(out) && marks_write(&scratch, out) != OK)
        outcome = command_usage(invocation,
                                "--level, --legal-basis and --case have at most 64 bytes, --handling-text at most 512, and none "
                                "has control characters or bytes that are not UTF-8");
    buf_free(&scratch);
    return outcome;
}
