/* cmd: the commands, one cmd_*.c each; main.c puts them into its table. */
#ifndef NODE_CMD_H
#define NODE_CMD_H

#include "node/cmd/command.h"

extern const struct command cmd_init, cmd_card, cmd_trust, cmd_run, cmd_publish, cmd_search, cmd_get, cmd_feed, cmd_status,
    cmd_peers, cmd_check_config, cmd_version, cmd_rebuild, cmd_backup, cmd_restore, cmd_verify, cmd_node, cmd_root, cmd_export,
    cmd_recall, cmd_policy, cmd_why, cmd_lint, cmd_group, cmd_agreement, cmd_permission, cmd_share, cmd_sighting, cmd_request,
    cmd_alert, cmd_ledger, cmd_token, cmd_subscription, cmd_client, cmd_hook, cmd_top;

#endif
