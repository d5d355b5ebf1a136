/* cmd_ledger: what the parts of `comity ledger` share. */
#ifndef NODE_CMD_LEDGER_H
#define NODE_CMD_LEDGER_H

#include "node/formats/json_out.h"
#include "node/cmd/ledger_source.h"

/* Which rows are wanted. */
struct ledger_filter {
    uint64_t since_ms, until_ms; /* UINT64_MAX: no end */
    bool kind_set;
    enum disclosure_kind kind;
};
/* From --since, --until and --kind; says what is wrong with them. */
enum outcome ledger_filter_read(struct ledger_filter *out, const struct invocation *invocation) MUST_USE;
bool ledger_filter_takes(const struct ledger_filter *filter, const struct disclosure_row *row);

/* The operator's names for agencies. */
struct ledger_names {
    struct ledger_named {
        uint8_t agency_id[AGENCY_ID_BYTES];
        char name[TRUST_NAME_BYTES_MAX + 1];
    } * list;
    size_t count, capacity;
};
void ledger_names_read(struct ledger_names *out, const struct ledger_source *source);
void ledger_names_free(struct ledger_names *names);
const char *ledger_names_find(void *names, const uint8_t agency_id[static AGENCY_ID_BYTES]);

/* "details": an object, or null when they are gone or damaged. */
void ledger_put_details(struct json_out *json, const struct disclosure_record *record);

enum outcome ledger_export(const struct invocation *invocation, const char *path);   /* cmd_ledger_export.c */
enum outcome ledger_subject(const struct invocation *invocation, const char *value); /* cmd_ledger_subject.c */
enum outcome ledger_erase(const struct invocation *invocation, const char *value);   /* cmd_ledger_subject.c */

#endif
