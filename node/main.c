/* comity: one binary; a table of commands. The processes of a node are this program too: `comity --role NAME`. */
#include "crypto/selftest.h"
#include "gossip/policy.h"
#include "node/cmd/cmd.h"
#include "node/process/proc.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct command *const table[] = {
    &cmd_init,         &cmd_card,       &cmd_trust,        &cmd_run,      &cmd_publish, &cmd_search, &cmd_get,     &cmd_feed,
    &cmd_status,       &cmd_peers,      &cmd_check_config, &cmd_version,  &cmd_rebuild, &cmd_backup, &cmd_restore, &cmd_verify,
    &cmd_node,         &cmd_root,       &cmd_export,       &cmd_recall,   &cmd_policy,  &cmd_why,    &cmd_lint,    &cmd_group,
    &cmd_agreement,    &cmd_permission, &cmd_share,        &cmd_sighting, &cmd_request, &cmd_alert,  &cmd_ledger,  &cmd_token,
    &cmd_subscription, &cmd_client,     &cmd_hook,         &cmd_top,      NULL,
};

int main(int argc, char **argv) {
    const char *failed = "libsodium";
    signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && strcmp(argv[1], "--role") == 0) {
        int status = proc_role_main(argv[2]);
        if (status >= 0) return status;
        fprintf(stderr, "comity: there is no role '%s'; `comity run` starts the roles by itself\n", argv[2]);
        return OUTCOME_USAGE;
    }
    if (selftest_run(&failed) != OK) {
        fprintf(stderr, "comity: the cryptographic self-test '%s' failed: this machine or its libsodium is not to be used\n",
                failed);
        return OUTCOME_INTERNAL;
    }
    if (policy_selftest(&failed) != OK) {
        fprintf(stderr, "comity: the self-test of the policy failed at '%s': this build is not to be used\n", failed);
        return OUTCOME_INTERNAL;
    }
    return command_main(table, argc, argv);
}
