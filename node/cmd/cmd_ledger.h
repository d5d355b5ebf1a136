/* cmd_ledger: what the parts of `comity ledger` share. */
#ifndef NODE_CMD_LEDGER_H
#define NODE_CMD_LEDGER_H

#include "node/cmd/ledger_row.h"

/* Which rows are wanted. */
struct ledger_filter {
    uint64_t since_ms, until_ms; /* UINT64_MAX: no end */
    bool kind_set;
    enum disclosure_kind kind;
};
/* From --since, --until and --kind; says what is wrong with them. */
enum outcome ledger_filter_read(struct ledger_filter *out, const struct invocation *invocation) MUST_USE;
bool ledger_filter_takes(const struct ledger_filter *filter, const struct disclosure_row *row);

enum outcome ledger_export(const struct invocation *invocation, const char *path);   /* cmd_ledger_export.c */
enum outcome ledger_subject(const struct invocation *invocation, const char *value); /* cmd_ledger_subject.c */
enum outcome ledger_erase(const struct invocation *invocation, const char *value);   /* cmd_ledger_subject.c */

#endif
