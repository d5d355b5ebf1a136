/* comity ledger: what left, what came in, who looked, who acted; and whether that account is whole. */
#include "node/cmd/cmd_ledger.h"

#include "node/cmd/cmd.h"
#include "node/ledger/ledger_check.h"
#include "node/formats/moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what the parts share --- */

static bool moment_of(uint64_t *out, const char *text) {
    char whole[64];
    if (moment_parse(out, bytes_of_text(text))) return true;
    snprintf(whole, sizeof whole, "%sT00:00:00Z", text);
    return moment_parse(out, bytes_of_text(whole));
}

enum outcome ledger_filter_read(struct ledger_filter *out, const struct invocation *invocation) {
    const char *since = command_value(invocation, "since"), *until = command_value(invocation, "until");
    const char *kind = command_value(invocation, "kind");
    *out = (struct ledger_filter){.until_ms = UINT64_MAX};
    if (since && !moment_of(&out->since_ms, since))
        return command_usage(invocation, "--since %s: write a day or a moment: 2026-01-31 or 2026-01-31T12:00:00Z", since);
    if (until && !moment_of(&out->until_ms, until))
        return command_usage(invocation, "--until %s: write a day or a moment: 2026-01-31 or 2026-01-31T12:00:00Z", until);
    out->kind_set = kind != NULL;
    if (kind && !disclosure_kind_of(&out->kind, kind))
        return command_usage(invocation, "--kind %s: it is begin, out, in, look, act or erase", kind);
    return OUTCOME_SUCCESS;
}

bool ledger_filter_takes(const struct ledger_filter *filter, const struct disclosure_row *row) {
    return row->time_ms >= filter->since_ms && row->time_ms < filter->until_ms && (!filter->kind_set || row->kind == filter->kind);
}

/* --- show --- */

struct showing {
    const struct invocation *invocation;
    struct ledger_filter filter;
    struct ledger_names names;
    struct buf out;
    uint64_t shown;
};

static void show_json(struct buf *out, const struct disclosure_row *row, const struct disclosure_record *record) {
    struct json_out json = json_out_of(out);
    ledger_put_row(&json, row);
    json_out_key(&json, "commitment");
    json_out_hex(&json, bytes_of(row->commitment, HASH_BYTES));
    json_out_key(&json, "details");
    ledger_put_details(&json, record);
    json_out_object_end(&json);
    json_out_line(&json);
}

static bool show_row(void *context, uint64_t number, const struct disclosure_record *record) {
    struct showing *showing = context;
    struct disclosure_row row;
    if (record->row_state != DISCLOSURE_GOOD || disclosure_row_read(&row, bytes_of(record->row, sizeof record->row)) != OK) {
        command_fail(showing->invocation, OUTCOME_REFUSED, "row %" PRIu64 " cannot be read: `comity ledger verify`", number);
        return true;
    }
    if (!ledger_filter_takes(&showing->filter, &row)) return true;
    showing->shown++;
    if (showing->invocation->json) {
        show_json(&showing->out, &row, record);
    } else {
        ledger_row_line(&showing->out, &row, record, &showing->names);
        buf_put_text(&showing->out, "\n");
    }
    command_print_buf(&showing->out);
    return true;
}

static enum outcome show(const struct invocation *invocation) {
    struct showing showing = {.invocation = invocation};
    struct ledger_source source;
    enum outcome outcome = ledger_filter_read(&showing.filter, invocation);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    outcome = ledger_source_open(&source, invocation, false);
    if (outcome == OUTCOME_SUCCESS) {
        ledger_names_read(&showing.names, &source);
        outcome = ledger_source_rows(&source, 1, 0, show_row, &showing);
    }
    ledger_source_close(&source);
    ledger_names_free(&showing.names);
    buf_free(&showing.out);
    return outcome == OUTCOME_SUCCESS && showing.shown == 0 ? OUTCOME_NOT_FOUND : outcome;
}

/* --- verify --- */

static bool verify_block(void *context, uint64_t seq, const uint8_t node_id[static NODE_ID_BYTES],
                         const uint8_t root[static HASH_BYTES]) {
    ledger_check_block(context, seq, node_id, root);
    return true;
}

static bool verify_head(void *context, const struct disclosure_head *head) {
    ledger_check_head(context, head);
    return true;
}

static bool verify_row(void *context, uint64_t number, const struct disclosure_record *record) {
    ledger_check_row(context, number, record);
    return true;
}

static void verdict_json(struct buf *out, const struct ledger_check *check) {
    struct json_out json = json_out_of(out);
    json_out_object(&json);
    json_out_key(&json, "whole");
    json_out_bool(&json, check->fault_count == 0);
    json_out_key(&json, "rows");
    json_out_uint(&json, check->rows);
    json_out_key(&json, "erased");
    json_out_uint(&json, check->erased_count);
    json_out_key(&json, "blocks");
    json_out_uint(&json, check->block_count);
    json_out_key(&json, "signatures");
    json_out_uint(&json, check->head_count);
    json_out_key(&json, "signed_to");
    json_out_uint(&json, ledger_check_signed(check));
    json_out_key(&json, "fault_count");
    json_out_uint(&json, check->fault_count);
    json_out_key(&json, "faults");
    json_out_array(&json);
    for (size_t i = 0; i < check->fault_count && i < LEDGER_FAULTS_MAX; i++) {
        json_out_object(&json);
        json_out_key(&json, "row");
        json_out_uint(&json, check->faults[i].number);
        json_out_key(&json, "check");
        json_out_text(&json, check->faults[i].check);
        json_out_key(&json, "text");
        json_out_text(&json, check->faults[i].text);
        json_out_object_end(&json);
    }
    json_out_array_end(&json);
    json_out_object_end(&json);
    json_out_line(&json);
}

static void verdict_text(struct buf *out, const struct ledger_check *check) {
    for (size_t i = 0; i < check->fault_count && i < LEDGER_FAULTS_MAX; i++)
        buf_put_format(out, "row %" PRIu64 "\t%s\t%s\n", check->faults[i].number, check->faults[i].check, check->faults[i].text);
    if (check->fault_count > LEDGER_FAULTS_MAX)
        buf_put_format(out, "and %" PRIu64 " more\n", check->fault_count - LEDGER_FAULTS_MAX);
    buf_put_format(out,
                   "%s: %" PRIu64 " rows, %zu of them without details; %zu own blocks, %s; signed up to row %" PRIu64
                   " by %zu signatures\n",
                   check->fault_count ? "BROKEN" : "whole", check->rows, check->erased_count, check->block_count,
                   check->fault_count ? "see above" : "each with its row", ledger_check_signed(check), check->head_count);
}

static enum outcome verify(const struct invocation *invocation) {
    struct ledger_check *check = malloc(sizeof *check);
    struct ledger_source source;
    struct buf out = {0};
    if (!check) return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    enum outcome outcome = ledger_source_open(&source, invocation, false);
    ledger_check_init(check, &source.own.card.agency);
    if (outcome == OUTCOME_SUCCESS) outcome = ledger_source_blocks(&source, verify_block, check);
    if (outcome == OUTCOME_SUCCESS) outcome = ledger_source_heads(&source, verify_head, check);
    if (outcome == OUTCOME_SUCCESS) outcome = ledger_source_rows(&source, 1, 0, verify_row, check);
    if (outcome == OUTCOME_SUCCESS && ledger_check_end(check) != OK)
        outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    if (outcome == OUTCOME_SUCCESS) {
        (invocation->json ? verdict_json : verdict_text)(&out, check);
        command_print_buf(&out);
        if (check->fault_count > 0) outcome = OUTCOME_NOT_FOUND;
    }
    ledger_source_close(&source);
    ledger_check_free(check);
    free(check);
    buf_free(&out);
    return outcome;
}

/* --- the command --- */

static enum outcome run(const struct invocation *invocation) {
    const char *what = invocation->arguments[0];
    const char *about = invocation->argument_count > 1 ? invocation->arguments[1] : NULL;
    bool alone = strcmp(what, "show") == 0 || strcmp(what, "verify") == 0;
    if (alone && about) return command_usage(invocation, "unexpected '%s'", about);
    if (strcmp(what, "show") == 0) return show(invocation);
    if (strcmp(what, "verify") == 0) return verify(invocation);
    bool other = strcmp(what, "export") == 0 || strcmp(what, "subject") == 0 || strcmp(what, "erase") == 0;
    if (!other) return command_usage(invocation, "unexpected '%s': it is show, verify, export, subject or erase", what);
    if (!about)
        return command_usage(invocation, "comity ledger %s: %s is missing", what, strcmp(what, "export") == 0 ? "FILE" : "VALUE");
    if (strcmp(what, "export") == 0) return ledger_export(invocation, about);
    return strcmp(what, "subject") == 0 ? ledger_subject(invocation, about) : ledger_erase(invocation, about);
}

static const struct command_option options[] = {
    {"since", "T", "show, export: rows from this moment on (2026-01-31, or 2026-01-31T12:00:00Z)"},
    {"until", "T", "show, export: rows before this moment"},
    {"kind", "K", "show: rows of this kind only: begin, out, in, look, act, erase"},
    {"reason", "TEXT", "erase: why; it stays in the ledger"},
    {"passphrase-file", "FILE", "of a node that does not run: take the passphrase from FILE instead of the terminal"},
    {0},
};

const struct command cmd_ledger = {
    .name = "ledger",
    .synopsis = "show [--since T] [--until T] [--kind K] | verify | export FILE [--since T] [--until T] |\n"
                "              subject VALUE | erase VALUE --reason TEXT",
    .summary = "account for what left, what came in, who looked and who acted",
    .details =
        "Each row names the one before by its hash and its details by a commitment, and the node signs the end. `verify` says\n"
        "whether all of that holds, and else which row is broken and what shows it (exit 1); it and `show` also work while\n"
        "the node does not run. `export` writes a signed file for an audit, which deploy/audit/verify_ledger.py checks by\n"
        "itself. `subject` lists what is held and was disclosed about a value, and who looked for it; `erase` removes what is\n"
        "held of it and leaves a record.",
    .arguments_min = 1,
    .arguments_max = 2,
    .prints_json = true,
    .options = options,
    .run = run,
};
