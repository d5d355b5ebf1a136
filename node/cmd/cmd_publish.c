/* comity publish: a file of indicators, through intake, to the engine. Foreign JSON is parsed here and nowhere near keys or store.
   comity lint: the same, but the engine only says what it would decide. */
#include "node/cmd/cmd_publish.h"

#include "gossip/pack.h"
#include "node/process/clock.h"
#include "node/cmd/cmd.h"
#include "node/process/dir.h"
#include "node/process/log.h"
#include "node/cmd/marking_options.h"
#include "node/cmd/misp_folder.h"
#include "node/cmd/misp_side.h"
#include "node/process/progress.h"
#include "node/cmd/publication.h"
#include "node/cmd/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES        (256 * 1024)
#define LISTED_MAX         20                 /* refusals on text output without --verbose */
#define REFUSALS_BYTES_MAX (64 * 1024 * 1024) /* of JSON that waits for the end; further ones are counted only */

/* One publication from its file to its report. */
struct work {
    const struct invocation *invocation;
    const char *path; /* "standard input" for - */
    struct publication *publication;
    struct publication_counts counts;
    bool lint;
    struct buf refusals; /* JSON: one object after the other, commas between; text: the line under construction */
    uint64_t refused_here, listed, left_out;
    uint64_t bytes_read, bytes_all; /* all: 0 when unknown */
    struct progress progress;
    bool complete; /* the input was read to a good end */
    struct misp_side misp;
    struct misp_folder *folder; /* a feed's; null: one file */
    struct intake_options options;
    enum intake_format format; /* what the input was */
    const struct publish_task *task;
    struct publish_ids *ids; /* null: nobody asked for them */
};

/* --- the ids of what goes out --- */

static void id_add(struct publish_ids *ids, struct bytes id) {
    if (ids->count == PUBLISH_IDS_MAX) {
        ids->left_out++;
        return;
    }
    pack_write_str(&ids->packed, id);
    ids->count++;
}

/* It was refused after all. */
static void id_remove(struct publish_ids *ids, struct bytes id) {
    struct pack_reader reader = pack_reader_of(bytes_of_buf(&ids->packed));
    for (uint32_t i = 0; i < ids->count; i++) {
        size_t start = ids->packed.size - reader.cursor.left;
        if (!bytes_equal(pack_read_str(&reader), id)) continue;
        size_t end = ids->packed.size - reader.cursor.left;
        memmove(ids->packed.data + start, ids->packed.data + end, reader.cursor.left);
        ids->packed.size -= end - start;
        ids->count--;
        return;
    }
}

/* --- what was refused --- */

/* The file in which a place is: answers come later than their objects were read. */
static const char *path_of(const struct work *work, const struct intake_place *place) {
    return work->folder ? misp_folder_path(work->folder, place->source) : work->path;
}

static struct intake_place place_here(const struct work *work, const struct intake_place *place) {
    struct intake_place here = *place;
    if (work->folder) here.source = misp_folder_index(work->folder);
    return here;
}

static void refusal_json(struct work *work, const struct intake_place *place, struct bytes id, struct bytes rule,
                         struct bytes reason, bool allow) {
    struct json_out json = json_out_of(&work->refusals);
    if (work->refusals.size > REFUSALS_BYTES_MAX) {
        work->left_out++;
        return;
    }
    json.comma = work->refusals.size > 0;
    json_out_object(&json);
    if (work->lint) {
        json_out_key(&json, "allow");
        json_out_bool(&json, allow);
    }
    json_out_key(&json, "file");
    json_out_text(&json, path_of(work, place));
    json_out_key(&json, "line");
    json_out_uint(&json, place->line);
    if (place->column > 0) {
        json_out_key(&json, "column");
        json_out_uint(&json, place->column);
    }
    json_out_key(&json, "byte");
    json_out_uint(&json, place->byte_offset);
    json_out_key(&json, "index");
    json_out_uint(&json, place->index);
    json_out_key(&json, "id");
    id.size > 0 ? json_out_string(&json, id) : json_out_null(&json);
    json_out_key(&json, "rule");
    rule.size > 0 ? json_out_string(&json, rule) : json_out_null(&json);
    json_out_key(&json, "reason");
    json_out_string(&json, reason);
    json_out_object_end(&json);
}

static void refusal_text(struct work *work, const struct intake_place *place, struct bytes id, struct bytes rule,
                         struct bytes reason, bool allow) {
    char safe[2048];
    struct buf *out = &work->refusals;
    if (work->listed == LISTED_MAX && !work->lint && !command_has(work->invocation, "verbose")) {
        work->left_out++;
        return;
    }
    progress_end(&work->progress);
    work->listed++;
    log_escape(safe, sizeof safe, bytes_of_text(path_of(work, place)));
    buf_put_format(out, "%s: line %" PRIu64, allow ? "may go" : "refused", place->line);
    if (place->column > 0) buf_put_format(out, ", column %" PRIu64, place->column);
    buf_put_format(out, " (byte %" PRIu64 ") of %s", place->byte_offset, safe);
    if (id.size > 0) {
        log_escape(safe, sizeof safe, id);
        buf_put_format(out, ", %s", safe);
    }
    log_escape(safe, sizeof safe, reason);
    buf_put_format(out, ": %s", safe);
    if (rule.size > 0) {
        log_escape(safe, sizeof safe, rule);
        buf_put_format(out, " [%s]", safe);
    }
    buf_put_text(out, "\n");
    command_print_buf(out);
}

static void on_engine_refused(void *context, const struct intake_place *place, struct bytes id, struct bytes rule,
                              struct bytes reason) {
    struct work *work = context;
    if (work->ids) id_remove(work->ids, id);
    (work->invocation->json ? refusal_json : refusal_text)(work, place, id, rule, reason, false);
}

static void on_engine_allowed(void *context, const struct intake_place *place, struct bytes id, struct bytes rule,
                              struct bytes reason) {
    struct work *work = context;
    (work->invocation->json ? refusal_json : refusal_text)(work, place, id, rule, reason, true);
}

static void on_refuse(void *context, const struct intake_place *place, const char *id, const char *reason) {
    struct work *work = context;
    struct intake_place here = place_here(work, place);
    work->refused_here++;
    on_engine_refused(context, &here, id ? bytes_of_text(id) : bytes_of(NULL, 0), bytes_of(NULL, 0), bytes_of_text(reason));
}

static void on_note(void *context, const struct intake_place *place, const char *text) {
    struct work *work = context;
    if (command_has(work->invocation, "quiet")) return;
    progress_end(&work->progress);
    command_fail(work->invocation, OUTCOME_SUCCESS, "note: line %" PRIu64 ": %s", place->line, text);
}

static void on_leave_out(void *context, const struct intake_place *place, const char *reason, uint64_t count) {
    struct work *work = context;
    (void)place;
    misp_side_leave_out(&work->misp, reason, count);
}

static void on_withdraw(void *context, const struct intake_place *place, const char *id) {
    struct work *work = context;
    (void)place;
    if (!work->lint) misp_side_withdraw(&work->misp, id);
}

static bool on_misp_judge(void *context, const struct misp_event *event, char reason[static INTAKE_REASON_BYTES]) {
    struct work *work = context;
    return !work->folder || misp_folder_judge(work->folder, event, reason);
}

static enum err on_accept(void *context, const struct item *item, const struct intake_place *place) {
    struct work *work = context;
    struct intake_place here = place_here(work, place);
    if (work->ids) id_add(work->ids, item->id);
    enum err err = publication_add(work->publication, item, &here);
    if (err == OK || err == ERR_CLOSED || err == ERR_MEMORY) return err;
    work->refused_here++;
    on_engine_refused(context, &here, item->id, bytes_of(NULL, 0), bytes_of_text(err_text(err)));
    return OK;
}

/* --- reading the file --- */

static void progress_tell(struct work *work) {
    uint64_t answered = publication_answered(work->publication);
    if (!progress_due(&work->progress)) return;
    if (work->bytes_all > 0)
        progress_say(&work->progress, "%s: %" PRIu64 " MB of %" PRIu64 " MB read, %" PRIu64 " objects at the node", work->path,
                     work->bytes_read / 1000000, work->bytes_all / 1000000, answered);
    else
        progress_say(&work->progress, "%s: %" PRIu64 " MB read, %" PRIu64 " objects at the node", work->path,
                     work->bytes_read / 1000000, answered);
}

static enum outcome input_read(struct work *work, int fd) {
    uint8_t *chunk = malloc(CHUNK_BYTES);
    struct intake *intake = intake_new(&work->options);
    enum outcome outcome = OUTCOME_SUCCESS;
    enum err err = chunk && intake ? OK : ERR_MEMORY;
    if (err == OK && fd < 0) err = intake_feed(intake, work->task->data);
    while (err == OK && fd >= 0) {
        ssize_t got = read(fd, chunk, CHUNK_BYTES);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) outcome = command_fail(work->invocation, OUTCOME_INTERNAL, "reading %s: %s", work->path, strerror(errno));
        if (got <= 0) break;
        work->bytes_read += (uint64_t)got;
        err = intake_feed(intake, bytes_of(chunk, (size_t)got));
        if (work->misp.id_count >= MISP_SIDE_IDS_MAX) outcome = misp_side_settle(&work->misp, work->invocation);
        if (outcome != OUTCOME_SUCCESS) break;
        progress_tell(work);
    }
    free(chunk);
    if (err == OK && outcome == OUTCOME_SUCCESS) err = intake_finish(intake);
    if (intake) work->format = intake_format(intake);
    intake_free(intake);
    if (err == ERR_MEMORY) return command_fail(work->invocation, OUTCOME_INTERNAL, "%s", err_text(err));
    work->complete = err == OK && outcome == OUTCOME_SUCCESS;
    return outcome;
}

/* The events of a feed that changed, each a file of its own; a bad one costs itself only. */
static enum outcome folder_read(struct work *work) {
    enum outcome outcome = OUTCOME_SUCCESS;
    bool complete = true;
    const char *path;
    while (outcome == OUTCOME_SUCCESS && (path = misp_folder_next(work->folder))) {
        struct intake_place start = {.line = 1, .column = 1};
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        uint64_t before = work->refused_here;
        if (fd < 0) {
            on_refuse(work, &start, NULL, errno == ENOENT ? "manifest.json lists it, and it is not there" : strerror(errno));
        } else {
            outcome = input_read(work, fd);
            complete = complete && work->complete;
            close(fd);
        }
        misp_folder_done(work->folder, work->refused_here == before);
    }
    work->complete = complete && outcome == OUTCOME_SUCCESS;
    return outcome;
}

/* --- the report --- */

static void report_json(const struct work *work, struct bytes audience, bool committed) {
    struct buf out = {0};
    struct json_out json = json_out_of(&out);
    json_out_object(&json);
    json_out_key(&json, work->lint ? "allowed" : "accepted");
    json_out_uint(&json, work->counts.accepted);
    if (!work->lint) {
        json_out_key(&json, "known");
        json_out_uint(&json, work->counts.known);
    }
    json_out_key(&json, "refused");
    json_out_uint(&json, work->counts.refused + work->refused_here);
    if (!work->lint) {
        json_out_key(&json, "cursor");
        json_out_uint(&json, work->counts.cursor);
        json_out_key(&json, "committed");
        json_out_bool(&json, committed);
    }
    json_out_key(&json, "complete");
    json_out_bool(&json, work->complete);
    json_out_key(&json, "format");
    json_out_text(&json, intake_format_name(work->format));
    if (work->format == INTAKE_MISP) misp_side_json(&work->misp, &json);
    if (work->folder) {
        json_out_key(&json, "unchanged_events");
        json_out_uint(&json, misp_folder_unchanged(work->folder));
    }
    json_out_key(&json, "audience");
    audience_json(&json, audience);
    json_out_key(&json, work->lint ? "objects" : "refusals");
    json_out_array(&json);
    if (work->refusals.size > 0) json_out_raw(&json, bytes_of_buf(&work->refusals));
    json_out_array_end(&json);
    json_out_key(&json, work->lint ? "objects_left_out" : "refusals_left_out");
    json_out_uint(&json, work->left_out);
    json_out_object_end(&json);
    json_out_line(&json);
    command_print_buf(&out);
    buf_free(&out);
}

static void report_text(const struct work *work, struct bytes audience, const struct audience_request *request, bool committed) {
    struct buf out = {0};
    if (work->left_out > 0) buf_put_format(&out, "... and %" PRIu64 " more refusals; --verbose lists all\n", work->left_out);
    misp_side_text(&work->misp, &out);
    if (work->folder && misp_folder_unchanged(work->folder) > 0)
        buf_put_format(&out, "%" PRIu64 " events of the feed did not change since they were published last.\n",
                       misp_folder_unchanged(work->folder));
    audience_text(&out, audience, request);
    if (work->lint) {
        buf_put_format(&out, "%" PRIu64 " may go, %" PRIu64 " refused (%s). Nothing was published.\n", work->counts.accepted,
                       work->counts.refused + work->refused_here, intake_format_name(work->format));
        command_print_buf(&out);
        buf_free(&out);
        return;
    }
    buf_put_format(&out, "%" PRIu64 " accepted, %" PRIu64 " known already, %" PRIu64 " refused (%s).", work->counts.accepted,
                   work->counts.known, work->counts.refused + work->refused_here, intake_format_name(work->format));
    if (committed)
        buf_put_format(&out, " On disk; cursor %" PRIu64 ".\n", work->counts.cursor);
    else
        buf_put_text(&out, " NOT confirmed to be on disk: publish again, which doubles nothing.\n");
    if (!work->complete)
        buf_put_format(&out, "%s was not read to its end: correct it and publish again, which doubles nothing.\n", work->path);
    command_print_buf(&out);
    buf_free(&out);
}

/* What comes after the sync: the events' withdrawals, and the feed's memory of what is done. */
static enum outcome settle(struct work *work) {
    enum outcome outcome = work->lint ? OUTCOME_SUCCESS : misp_side_settle(&work->misp, work->invocation);
    if (outcome == OUTCOME_SUCCESS && work->folder && !work->lint && work->counts.refused == 0) misp_folder_remember(work->folder);
    return outcome;
}

static enum outcome publish(struct work *work, struct client *client, const struct audience_request *request, int fd) {
    struct buf audience = {0};
    enum outcome outcome = audience_open(client, request, &audience), commit;
    if (outcome == OUTCOME_SUCCESS && work->folder &&
        misp_folder_begin(work->folder, work->options.agency_id, bytes_of_buf(&audience), request->tlp, work->options.marks) != OK)
        outcome = command_fail(work->invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    if (outcome == OUTCOME_SUCCESS) {
        progress_start(&work->progress, command_has(work->invocation, "quiet"));
        outcome = work->folder ? folder_read(work) : input_read(work, fd);
        commit = publication_commit(work->publication, &work->counts);
        progress_end(&work->progress);
        if (outcome == OUTCOME_SUCCESS) outcome = commit;
        if (outcome == OUTCOME_SUCCESS) outcome = settle(work);
        if (work->invocation->json)
            report_json(work, bytes_of_buf(&audience), commit == OUTCOME_SUCCESS);
        else
            report_text(work, bytes_of_buf(&audience), request, commit == OUTCOME_SUCCESS);
        if (outcome == OUTCOME_SUCCESS && (!work->complete || work->counts.refused + work->refused_here > 0))
            outcome = OUTCOME_REFUSED;
    }
    buf_free(&audience);
    return outcome;
}

/* --- the command --- */

static enum outcome format_option(const struct invocation *invocation, enum intake_format *out) {
    const char *name = command_value(invocation, "format");
    *out = INTAKE_AUTO;
    if (!name || strcmp(name, "auto") == 0) return OUTCOME_SUCCESS;
    for (int format = INTAKE_STIX; format <= INTAKE_FORMAT_LAST; format++) {
        *out = (enum intake_format)format;
        if (strcmp(name, intake_format_name(*out)) == 0) return OUTCOME_SUCCESS;
    }
    return command_usage(invocation, "--format %s: unknown; valid are stix, misp, list, csv and auto", name);
}

static enum outcome input_open(struct work *work, const char *path, int *fd) {
    bool standard = strcmp(path, "-") == 0;
    work->path = standard ? "standard input" : path;
    *fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) {
        enum err err = dir_err_of(errno);
        if (err == ERR_DENIED) return setup_unreadable(work->invocation, path, err);
        return command_fail(work->invocation, command_outcome(err), "%s: %s", path, strerror(errno));
    }
    off_t end = standard ? -1 : lseek(*fd, 0, SEEK_END);
    if (end > 0 && lseek(*fd, 0, SEEK_SET) == 0) work->bytes_all = (uint64_t)end;
    return OUTCOME_SUCCESS;
}

/* The feed at the task's path, which says itself what it is. */
static enum outcome folder_open(struct work *work) {
    const struct invocation *invocation = work->invocation;
    work->path = work->task->path;
    if (command_has(invocation, "format") && strcmp(command_value(invocation, "format"), "misp") != 0)
        return command_usage(invocation, "--misp-feed is a folder of MISP events: leave --format away");
    work->options.format = work->format = INTAKE_MISP;
    return misp_folder_open(&work->folder, invocation, work->task->path);
}

static enum outcome work_open(struct work *work, int *fd) {
    if (command_has(work->invocation, "misp-feed")) return folder_open(work);
    if (work->task->data.size > 0) {
        work->options.format = INTAKE_STIX, work->path = work->task->path;
        return OUTCOME_SUCCESS;
    }
    enum outcome outcome = format_option(work->invocation, &work->options.format);
    return outcome == OUTCOME_SUCCESS ? input_open(work, work->task->path, fd) : outcome;
}

enum outcome publish_run(const struct invocation *invocation, const struct publish_task *task) {
    struct work *work = calloc(1, sizeof *work);
    struct client client = {.channel.fd = -1};
    struct card_file own = {0};
    int fd = -1;
    if (!work) return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    work->invocation = invocation, work->task = task, work->ids = task->ids, work->lint = invocation->command == &cmd_lint;
    work->options = (struct intake_options){.now_ms = clock_wall_ms(),
                                            .context = work,
                                            .accept = on_accept,
                                            .refuse = on_refuse,
                                            .note = on_note,
                                            .leave_out = on_leave_out,
                                            .withdraw = on_withdraw,
                                            .misp_judge = on_misp_judge};
    enum outcome outcome = work_open(work, &fd);
    if (outcome == OUTCOME_SUCCESS) outcome = client_open(&client, invocation);
    if (outcome == OUTCOME_SUCCESS) outcome = setup_own_card(invocation, &own);
    if (outcome == OUTCOME_SUCCESS) {
        work->options.tlp = task->request->tlp;
        work->options.marks = task->marks && !marks_empty(task->marks) ? task->marks : NULL;
        memcpy(work->options.agency_id, own.card.agency.id, sizeof work->options.agency_id);
        work->publication = publication_new(&client, on_engine_refused, work);
        if (work->publication && work->lint) publication_tell_allowed(work->publication, on_engine_allowed);
        outcome = work->publication ? publish(work, &client, task->request, fd)
                                    : command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    }
    publication_free(work->publication);
    buf_free(&work->refusals);
    misp_side_free(&work->misp);
    misp_folder_close(work->folder);
    free(work);
    card_file_free(&own);
    client_close(&client);
    if (fd > STDIN_FILENO) close(fd);
    return outcome;
}

static enum outcome run(const struct invocation *invocation) {
    struct audience_request request;
    struct marks marks;
    enum outcome outcome = audience_options(invocation, &request);
    if (outcome == OUTCOME_SUCCESS) outcome = marking_options(invocation, &marks);
    request.lint = invocation->command == &cmd_lint;
    struct publish_task task = {.request = &request, .marks = &marks, .path = invocation->arguments[0]};
    return outcome == OUTCOME_SUCCESS ? publish_run(invocation, &task) : outcome;
}

static const struct command_option options_known[] = {
    {"tlp", "LABEL", "TLP:CLEAR, GREEN, AMBER, AMBER+STRICT or RED; an object's own label holds if it is stricter"},
    {"to", "EXPRESSION", "who may read it: NAME,NAME of pinned agencies, group:NAME, all, + - & and ( )"},
    {"to-all", NULL, "all agencies that are pinned now"},
    {"format", "FORMAT", "stix, misp, list (one value a line), csv (with a header) or auto"},
    {"misp-feed", NULL, "FILE is a MISP feed's folder: manifest.json, hashes.csv, events; those that changed are published"},
    MARKING_OPTIONS,
    {"verbose", NULL, "list all refusals, not just 20"},
    {"quiet", NULL, "no progress, no notes"},
    {0},
};

const struct command cmd_publish = {
    .name = "publish",
    .synopsis = "FILE|- [--tlp LABEL] --to NAME[,NAME...]|EXPRESSION|--to-all [--format stix|misp|list|csv|auto]",
    .summary = "publish the objects of a file; returns when they are on disk",
    .details =
        "FILE is STIX 2.0 or 2.1, a MISP event, a list of values or CSV; - is standard input. Objects without a label of their own "
        "need\n"
        "--tlp. In a broken file the objects before the error are published; repeating is harmless: what is known already is not\n"
        "doubled. Attributes that a MISP event says are deleted are recalled. Exit 3 when anything was refused.",
    .arguments_min = 1,
    .arguments_max = 1,
    .prints_json = true,
    .options = options_known,
    .run = run,
};

const struct command cmd_lint = {
    .name = "lint",
    .synopsis = "FILE|- [--tlp LABEL] --to NAME[,NAME...]|--to-all [--format stix|misp|list|csv|auto]",
    .summary = "say of each object of a file whether it could be published, and by which rule; publishes nothing",
    .details =
        "Takes the options of `comity publish` and the same way through the running node. Exit 3 when anything would be refused.",
    .arguments_min = 1,
    .arguments_max = 1,
    .prints_json = true,
    .options = options_known,
    .run = run,
};
