/* comity agreement: what agencies signed about sharing: proposed from a file, signed, shown, ended. PROTOCOL.md 5.8 */
#include "crypto/random.h"
#include "gossip/pack.h"
#include "node/sharing/agreement_file.h"
#include "node/cmd/client.h"
#include "node/process/clock.h"
#include "node/cmd/cmd.h"
#include "node/process/dir.h"
#include "node/cmd/setup.h"

#include <string.h>

struct names {
    const struct invocation *invocation;
    uint8_t own[AGENCY_ID_BYTES];
};

/* Petnames, ids, and "self". */
static bool name_resolve(void *context, const char *name, uint8_t agency_id[static AGENCY_ID_BYTES]) {
    const struct names *names = context;
    struct card_file file = {0};
    if (strcmp(name, "self") == 0) {
        memcpy(agency_id, names->own, AGENCY_ID_BYTES);
        return true;
    }
    if (hex_decode(agency_id, AGENCY_ID_BYTES, bytes_of_text(name))) return true;
    bool found = trust_name_valid(name) && trust_file_read(&file, names->invocation->dir, name) == OK;
    if (found) memcpy(agency_id, file.card.agency.id, AGENCY_ID_BYTES);
    card_file_free(&file);
    return found;
}

static enum outcome propose_pack(const struct invocation *invocation, const char *path, struct buf *body) {
    char message[AGREEMENT_FILE_TEXT_MAX] = "";
    uint8_t salt[AGREEMENT_SALT_BYTES];
    struct names names = {.invocation = invocation};
    struct random random;
    struct card_file own;
    struct buf yaml = {0}, text = {0};
    enum outcome outcome = setup_own_card(invocation, &own);
    if (outcome == OUTCOME_SUCCESS) {
        memcpy(names.own, own.card.agency.id, AGENCY_ID_BYTES);
        enum err err = dir_read_given(&yaml, path, LIMIT_AGREEMENT_BYTES * 4);
        random_init_kernel(&random);
        random_bytes(&random, salt, sizeof salt);
        random_wipe(&random);
        if (err != OK)
            outcome = setup_unreadable(invocation, path, err);
        else
            err = agreement_file_read(&text, bytes_of_buf(&yaml), path, salt, clock_wall_ms(), name_resolve, &names, message);
        if (outcome == OUTCOME_SUCCESS && err != OK)
            outcome = command_fail(invocation, err == ERR_MEMORY ? OUTCOME_INTERNAL : OUTCOME_REFUSED, "%s",
                                   message[0] ? message : err_text(err));
    }
    pack_write_array(body, 2);
    pack_write_str(body, bytes_of_text("propose"));
    pack_write_bin(body, bytes_of_buf(&text));
    card_file_free(&own);
    buf_free(&yaml), buf_free(&text);
    return outcome;
}

static enum outcome run(const struct invocation *invocation) {
    static const char *const verbs[] = {"propose", "sign", "show", "terminate", "list"};
    struct buf body = {0};
    enum outcome outcome = OUTCOME_SUCCESS;
    const char *verb = invocation->arguments[0];
    bool known = false, list = strcmp(verb, "list") == 0, propose = strcmp(verb, "propose") == 0;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) known = known || strcmp(verb, verbs[i]) == 0;
    if (!known) return command_usage(invocation, "unexpected '%s': it is propose, sign, show, list or terminate", verb);
    if (!list && invocation->argument_count < 2)
        return command_usage(invocation, "%s is missing: comity agreement %s %s", propose ? "FILE" : "ID", verb,
                             propose ? "FILE" : "ID");
    if (list && invocation->argument_count > 1) return command_usage(invocation, "unexpected '%s'", invocation->arguments[1]);
    if (propose) {
        outcome = propose_pack(invocation, invocation->arguments[1], &body);
    } else {
        pack_write_array(&body, (uint32_t)invocation->argument_count);
        for (size_t i = 0; i < invocation->argument_count; i++) pack_write_str(&body, bytes_of_text(invocation->arguments[i]));
    }
    if (outcome == OUTCOME_SUCCESS && body.failed) outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    if (outcome == OUTCOME_SUCCESS) outcome = client_print_document(invocation, FRAME_ASK_AGREEMENT, bytes_of_buf(&body));
    buf_free(&body);
    return outcome;
}

const struct command cmd_agreement = {
    .name = "agreement",
    .synopsis = "propose FILE | sign ID | show ID | list | terminate ID",
    .summary = "agreements between agencies: what may pass, in which direction, for how long",
    .details =
        "FILE is YAML, - is standard input; deploy/policies/AGREEMENTS.md describes it. Who proposes signs. An agreement holds "
        "once all parties have "
        "signed\n"
        "it, until one of them ends it; then publishing beyond it is refused with the clause named. ID: the first digits do.",
    .arguments_min = 1,
    .arguments_max = 2,
    .prints_json = true,
    .run = run,
};
