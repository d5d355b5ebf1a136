/* comity ledger export: the ledger, or a part of it, as a file that stands by itself: JSON lines, with the agency's chain and a signed end. */
#include "node/cmd/cmd_ledger.h"

#include "gossip/pack.h"
#include "node/process/clock.h"
#include "node/process/dir.h"
#include "node/formats/moment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct exporting {
    const struct invocation *invocation;
    struct ledger_filter filter;
    struct ledger_source source;
    struct disclosure_head head; /* the signed end; number 0: not seen */
    uint64_t end;                /* its number */
    FILE *file;
    char temporary[DIR_PATH_MAX];
    struct buf line;
    uint64_t rows, told; /* written, and with details */
    bool failed;
};

static void line_write(struct exporting *exporting) {
    struct buf *line = &exporting->line;
    if (buf_result(line) != OK || fwrite(line->data, 1, line->size, exporting->file) != line->size) exporting->failed = true;
    buf_clear(line);
}

static void time_put(struct json_out *json, const char *key, uint64_t time_ms, bool set) {
    json_out_key(json, key);
    set ? json_out_time(json, time_ms) : json_out_null(json);
}

static void first_line(struct exporting *exporting) {
    struct json_out json = json_out_of(&exporting->line);
    const struct card *card = &exporting->source.own.card;
    json_out_object(&json);
    json_out_key(&json, "comity_ledger");
    json_out_uint(&json, 1);
    json_out_key(&json, "agency");
    json_out_hex(&json, bytes_of(card->agency.id, AGENCY_ID_BYTES));
    json_out_key(&json, "name");
    json_out_text(&json, card->agency.name);
    time_put(&json, "exported", clock_wall_ms(), true);
    time_put(&json, "since", exporting->filter.since_ms, exporting->filter.since_ms > 0);
    time_put(&json, "until", exporting->filter.until_ms, exporting->filter.until_ms != UINT64_MAX);
    json_out_key(&json, "chain");
    json_out_hex(&json, card->chain);
    json_out_object_end(&json);
    json_out_line(&json);
    line_write(exporting);
}

/* Behind the wanted time rows go without details, up to the signed end: so the signature reaches every row. */
static bool row_line(void *context, uint64_t number, const struct disclosure_record *record) {
    struct exporting *exporting = context;
    struct disclosure_row row;
    struct json_out json = json_out_of(&exporting->line);
    bool good = record->row_state == DISCLOSURE_GOOD && disclosure_row_read(&row, bytes_of(record->row, sizeof record->row)) == OK;
    if (good && exporting->rows == 0 && row.time_ms < exporting->filter.since_ms) return true;
    bool told = good && ledger_filter_takes(&exporting->filter, &row) && record->details_state == DISCLOSURE_GOOD;
    json_out_object(&json);
    json_out_key(&json, "number");
    json_out_uint(&json, number);
    json_out_key(&json, "row");
    record->row_state == DISCLOSURE_GOOD ? json_out_hex(&json, bytes_of(record->row, sizeof record->row)) : json_out_null(&json);
    if (good) {
        json_out_key(&json, "kind");
        json_out_text(&json, disclosure_kind_name(row.kind));
        time_put(&json, "time", row.time_ms, true);
    }
    json_out_key(&json, "salt");
    told ? json_out_hex(&json, bytes_of(record->salt, sizeof record->salt)) : json_out_null(&json);
    json_out_key(&json, "packed");
    told ? json_out_hex(&json, bytes_of_buf(&record->details)) : json_out_null(&json);
    json_out_key(&json, "details");
    if (told)
        ledger_put_details(&json, record);
    else
        json_out_null(&json);
    json_out_object_end(&json);
    json_out_line(&json);
    line_write(exporting);
    exporting->rows++;
    exporting->told += told;
    return !exporting->failed;
}

static bool head_take(void *context, const struct disclosure_head *head) {
    struct exporting *exporting = context;
    if (head->number == exporting->end) exporting->head = *head;
    return true;
}

static void last_line(struct exporting *exporting) {
    const struct disclosure_head *head = &exporting->head;
    struct json_out json = json_out_of(&exporting->line);
    json_out_object(&json);
    json_out_key(&json, "signed");
    json_out_uint(&json, head->number);
    json_out_key(&json, "time_ms");
    json_out_uint(&json, head->time_ms);
    json_out_key(&json, "row_hash");
    json_out_hex(&json, bytes_of(head->row_hash, HASH_BYTES));
    json_out_key(&json, "node");
    json_out_hex(&json, bytes_of(head->node_id, NODE_ID_BYTES));
    json_out_key(&json, "signature");
    json_out_hex(&json, bytes_of(head->signature, SIGN_BYTES));
    json_out_object_end(&json);
    json_out_line(&json);
    line_write(exporting);
}

/* The node tells of the export in the ledger and signs its end. */
static enum outcome end_sign(struct exporting *exporting) {
    struct client *client = &exporting->source.client;
    struct buf body = {0};
    struct frame frame;
    char about[80] = "", moment[MOMENT_TEXT_BYTES];
    if (exporting->filter.since_ms > 0) {
        moment_text(moment, exporting->filter.since_ms);
        snprintf(about, sizeof about, "since %s", moment);
    }
    if (exporting->filter.until_ms != UINT64_MAX) {
        moment_text(moment, exporting->filter.until_ms);
        snprintf(about + strlen(about), sizeof about - strlen(about), "%suntil %s", *about ? " " : "", moment);
    }
    pack_write_array(&body, 1);
    pack_write_str(&body, bytes_of_text(about));
    enum err err = buf_result(&body);
    if (err == OK) err = client_ask(client, FRAME_ASK_LEDGER_SIGN, bytes_of_buf(&body));
    buf_free(&body);
    if (err == OK) err = client_answer(client, &frame, -1);
    if (err != OK) return client_lost(client, err);
    if (frame.type == FRAME_ANSWER_ERROR) return client_refused(client, frame.body);
    struct pack_reader reader = pack_reader_of(frame.body);
    uint32_t fields = pack_read_array(&reader);
    exporting->end = pack_read_uint(&reader);
    return frame.type == FRAME_ANSWER_DONE && fields == 2 && !pack_failed(&reader) ? OUTCOME_SUCCESS
                                                                                   : client_lost(client, ERR_FORMAT);
}

/* --- the file --- */

static enum outcome unwritten(const struct exporting *exporting, const char *path) {
    int number = errno ? errno : ENOMEM;
    return command_fail(exporting->invocation, command_outcome(dir_err_of(number)),
                        "%s cannot be written: %s; nothing was exported", path, strerror(number));
}

static enum outcome file_open(struct exporting *exporting, const char *path) {
    if (strcmp(path, "-") == 0) {
        exporting->file = stdout;
        return OUTCOME_SUCCESS;
    }
    int size = snprintf(exporting->temporary, sizeof exporting->temporary, "%s.part", path);
    if (size < 0 || (size_t)size >= sizeof exporting->temporary)
        return command_usage(exporting->invocation, "the name of the file is too long");
    int fd = open(exporting->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    exporting->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (exporting->file) return OUTCOME_SUCCESS;
    if (fd >= 0) close(fd);
    return unwritten(exporting, path);
}

/* The file takes its name when all of it is on disk. */
static enum outcome file_finish(struct exporting *exporting, const char *path, enum outcome outcome) {
    bool named = exporting->file && exporting->file != stdout;
    if (outcome == OUTCOME_SUCCESS && exporting->failed) outcome = unwritten(exporting, path);
    if (!named) return outcome;
    errno = 0;
    bool good = fflush(exporting->file) == 0 && fsync(fileno(exporting->file)) == 0;
    good = fclose(exporting->file) == 0 && good;
    if (outcome == OUTCOME_SUCCESS && !(good && rename(exporting->temporary, path) == 0)) outcome = unwritten(exporting, path);
    if (outcome != OUTCOME_SUCCESS) unlink(exporting->temporary);
    return outcome;
}

static enum outcome lines_write(struct exporting *exporting) {
    first_line(exporting);
    enum outcome outcome = ledger_source_rows(&exporting->source, 1, exporting->end, row_line, exporting);
    if (outcome == OUTCOME_SUCCESS) outcome = ledger_source_heads(&exporting->source, head_take, exporting);
    if (outcome == OUTCOME_SUCCESS && exporting->head.number == 0)
        return command_fail(exporting->invocation, OUTCOME_INTERNAL, "the node's signature cannot be read: `comity ledger verify`");
    if (outcome == OUTCOME_SUCCESS) last_line(exporting);
    return outcome;
}

enum outcome ledger_export(const struct invocation *invocation, const char *path) {
    struct exporting exporting = {.invocation = invocation};
    struct buf out = {0};
    enum outcome outcome = ledger_filter_read(&exporting.filter, invocation);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (exporting.filter.kind_set) return command_usage(invocation, "--kind is for show: an export leaves no row out");
    outcome = ledger_source_open(&exporting.source, invocation, true);
    if (outcome == OUTCOME_SUCCESS) outcome = end_sign(&exporting);
    if (outcome == OUTCOME_SUCCESS) outcome = file_open(&exporting, path);
    if (outcome == OUTCOME_SUCCESS) outcome = lines_write(&exporting);
    outcome = file_finish(&exporting, path, outcome);
    if (outcome == OUTCOME_SUCCESS && exporting.file != stdout) {
        if (invocation->json)
            buf_put_format(&out, "{\"rows\":%" PRIu64 ",\"details\":%" PRIu64 ",\"signed\":%" PRIu64 "}\n", exporting.rows,
                           exporting.told, exporting.end);
        else
            buf_put_format(&out, "%" PRIu64 " rows, %" PRIu64 " of them with details, signed up to row %" PRIu64 ", in %s\n",
                           exporting.rows, exporting.told, exporting.end, path);
        command_print_buf(&out);
    }
    ledger_source_close(&exporting.source);
    buf_free(&exporting.line);
    buf_free(&out);
    return outcome;
}
