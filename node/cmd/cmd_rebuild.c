/* comity rebuild: every index again, from the entries. */
#include "crypto/secret.h"
#include "node/cmd/cmd.h"
#include "node/formats/json_out.h"
#include "node/engine/rebuild.h"
#include "node/cmd/setup.h"

#include <inttypes.h>
#include <unistd.h>

static void report_print(const struct invocation *invocation, const struct rebuild_report *report) {
    struct buf out = {0};
    if (invocation->json) {
        struct json_out json = json_out_of(&out);
        json_out_object(&json);
        json_out_key(&json, "entries");
        json_out_uint(&json, report->entries);
        json_out_key(&json, "payloads");
        json_out_uint(&json, report->payloads);
        json_out_key(&json, "damaged");
        json_out_uint(&json, report->damaged);
        json_out_key(&json, "items");
        json_out_uint(&json, report->items);
        json_out_object_end(&json);
        json_out_line(&json);
    } else {
        buf_put_format(&out, "%" PRIu64 " entries and %" PRIu64 " payloads checked, %" PRIu64 " objects indexed again.\n",
                       report->entries, report->payloads, report->items);
        if (report->damaged > 0)
            buf_put_format(&out, "%" PRIu64 " damaged ones were set aside; the node fetches them again when it runs.\n",
                           report->damaged);
    }
    command_print_buf(&out);
    buf_free(&out);
}

static enum outcome run(const struct invocation *invocation) {
    struct keyfile *keys = secret_new(sizeof *keys);
    struct passphrase passphrase = {0};
    struct buf sealed = {0};
    struct rebuild_report report = {0};
    char why[256] = "";
    int lock = -1;
    enum outcome outcome =
        keys ? setup_lock(invocation, &lock) : command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    if (outcome == OUTCOME_SUCCESS) outcome = setup_node_key(invocation, &sealed, &passphrase, keys);
    passphrase_free(&passphrase);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = rebuild_run(&report, invocation->dir, keys, !command_has(invocation, "quiet"), why);
        if (err == OK)
            report_print(invocation, &report);
        else
            outcome = command_fail(invocation, OUTCOME_INTERNAL, "rebuilding the store in %s: %s", invocation->dir,
                                   why[0] ? why : err_text(err));
    }
    secret_free(keys);
    buf_free(&sealed);
    if (lock >= 0) close(lock);
    return outcome;
}

static const struct command_option options[] = {
    {"passphrase-file", "FILE", "take the passphrase from FILE instead of the terminal"},
    {"quiet", NULL, "no progress"},
    {0},
};

const struct command cmd_rebuild = {
    .name = "rebuild",
    .synopsis = "[--passphrase-file FILE]",
    .summary = "make every index of the store again, from the entries; the node must not run",
    .prints_json = true,
    .options = options,
    .run = run,
};
