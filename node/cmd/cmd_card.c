/* comity card: this agency's card, and what any card says. */
#include "node/identity/card_text.h"
#include "node/process/clock.h"
#include "node/cmd/cmd.h"
#include "node/process/dir.h"
#include "node/cmd/setup.h"

#include <string.h>

static enum outcome facts_print(const struct invocation *invocation, const struct card *card) {
    struct buf out = {0};
    uint64_t now_ms = clock_wall_ms();
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        card_json(&json, card, now_ms);
        json_out_object_end(&json);
        buf_put_text(&out, "\n");
    } else {
        card_text(&out, card, now_ms);
        buf_put_format(&out, "\nEverything in this card is signed. %s\n",
                       card_usable(card, now_ms) ? "It is usable today."
                                                 : "It is NOT usable today: nothing can be sealed to this agency.");
    }
    command_print_buf(&out);
    buf_free(&out);
    return OUTCOME_SUCCESS;
}

static enum outcome own_write(const struct invocation *invocation) {
    struct card_file own;
    struct buf text = {0};
    enum outcome outcome = setup_own_card(invocation, &own);
    if (outcome == OUTCOME_SUCCESS) {
        if (invocation->json) {
            outcome = facts_print(invocation, &own.card);
        } else if (card_armour(&text, bytes_of_buf(&own.binary)) == OK) {
            command_print_buf(&text);
        } else {
            outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
        }
    }
    buf_free(&text);
    card_file_free(&own);
    return outcome;
}

static enum outcome show(const struct invocation *invocation, const char *path) {
    struct card_file file;
    enum err err = card_file_read(&file, path);
    enum outcome outcome = OUTCOME_SUCCESS;
    if (err == ERR_NOT_FOUND || err == ERR_DENIED || err == ERR_IO)
        outcome = setup_unreadable(invocation, path, err);
    else if (err != OK)
        outcome = command_fail(invocation, OUTCOME_REFUSED, "%s: this is no good card: %s. Ask your partner to send it again", path,
                               err_text(err));
    else
        outcome = facts_print(invocation, &file.card);
    card_file_free(&file);
    return outcome;
}

static enum outcome run(const struct invocation *invocation) {
    if (invocation->argument_count == 0) return own_write(invocation);
    if (strcmp(invocation->arguments[0], "show") != 0)
        return command_usage(invocation, "unexpected '%s': it is `comity card`, or `comity card show FILE`",
                             invocation->arguments[0]);
    if (invocation->argument_count < 2) return command_usage(invocation, "FILE is missing: comity card show FILE");
    return show(invocation, invocation->arguments[1]);
}

const struct command cmd_card = {
    .name = "card",
    .synopsis = "[show FILE]",
    .summary = "write this agency's card to standard output, or show what a card says",
    .details =
        "A card is what partners pin: the agency's chain, its nodes and their prekeys, all signed. It holds no secret; only its\n"
        "fingerprint must be compared by another way. With --json, facts instead of the card itself. FILE may be - for standard "
        "input.",
    .arguments_max = 2,
    .prints_json = true,
    .run = run,
};
