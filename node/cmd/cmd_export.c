/* comity export: what this node holds, as a file that another tool loads. The file is whole at any time. */
#include "gossip/pack.h"
#include "gossip/policy_facts.h"
#include "node/cmd/answer_pipe.h"
#include "node/cmd/client.h"
#include "node/process/clock.h"
#include "node/cmd/cmd.h"
#include "node/cmd/cmd_feed.h"
#include "node/process/dir.h"
#include "node/cmd/misp_sweep.h"
#include "node/cmd/write_behind.h"
#include "node/export/export.h"
#include "node/formats/json_out.h"
#include "node/process/log.h"
#include "node/process/outfile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct work {
    const struct invocation *invocation;
    const char *path; /* of the file or folder; null: standard output */
    const struct export_format *format;
    struct outfile file;
    struct write_behind *behind; /* of the file */
    struct export *export;
    uint64_t withheld;           /* by the policy */
    struct misp_manifest before; /* of misp-feed: what the folder listed */
};

static bool carries_values(const struct export_format *format) { return format->row || format->values; }

/* --- where the text goes --- */

static enum err file_place(struct work *work) {
    enum err err = write_behind_drain(work->behind);
    return err == OK ? outfile_place(&work->file) : err;
}

static enum err sink_open(void *context, const char *name) {
    struct work *work = context;
    if (!work->path) return OK;
    enum err err = file_place(work);
    if (err != OK) return err;
    return name ? outfile_open(&work->file, work->path, name) : outfile_open_path(&work->file, work->path);
}

static enum err sink_write(void *context, struct bytes text) {
    struct work *work = context;
    if (work->path) return write_behind_put(work->behind, &work->file, text);
    command_print(text);
    return OK;
}

/* --- the command line --- */

static enum outcome kinds_read(const struct invocation *invocation, unsigned *out) {
    const char *names = command_value(invocation, "kind");
    while (names && *names) {
        size_t size = strcspn(names, ",");
        int kind = 1;
        while (kind < OBSERVABLE_KIND_COUNT) {
            const char *name = observable_kind_name((enum observable_kind)kind);
            if (strlen(name) == size && memcmp(names, name, size) == 0) break;
            kind++;
        }
        if (kind == OBSERVABLE_KIND_COUNT)
            return command_usage(
                invocation, "--kind %.*s: unknown; valid are ipv4, ipv6, domain, url, email, md5, sha1, sha256, sha512 and text",
                (int)size, names);
        *out |= EXPORT_KIND(kind);
        names += size + (names[size] == ',');
    }
    return OUTCOME_SUCCESS;
}

static enum outcome zone_read(const struct work *work, const char **out) {
    *out = command_value(work->invocation, "zone");
    if (!*out) return OUTCOME_SUCCESS;
    if (strcmp(work->format->name, "rpz") != 0)
        return command_usage(work->invocation, "--zone: only rpz has a zone, %s has none", work->format->name);
    if (export_zone_valid(*out)) return OUTCOME_SUCCESS;
    return command_usage(
        work->invocation,
        "--zone %s: no name of a zone: write labels of letters, digits, '-' and '_' with a dot between them and none at "
        "the end, such as rpz.example, at most %d bytes",
        *out, EXPORT_ZONE_BYTES_MAX);
}

static enum outcome distribution_read(const struct work *work, unsigned *out) {
    const char *text = command_value(work->invocation, "distribution");
    if (!text) return OUTCOME_SUCCESS;
    if (strncmp(work->format->name, "misp", 4) != 0)
        return command_usage(work->invocation, "--distribution: only MISP events have one, %s has none", work->format->name);
    if (text[0] < '0' || text[0] > '3' || text[1])
        return command_usage(
            work->invocation,
            "--distribution %s: valid are 0 (your organisation), 1 (this community), 2 (connected communities) and 3 "
            "(all); an event never gets a wider one than its label allows",
            text);
    *out = (unsigned)(text[0] - '0');
    return OUTCOME_SUCCESS;
}

static enum outcome format_read(struct work *work) {
    const char *name = work->invocation->arguments[0];
    struct buf known = {0};
    work->format = export_format_find(name);
    if (work->format) return OUTCOME_SUCCESS;
    for (size_t i = 0; export_formats[i]; i++) buf_put_format(&known, "%s%s", i ? ", " : "", export_formats[i]->name);
    buf_put_u8(&known, 0);
    enum outcome outcome = command_usage(work->invocation, "%s: unknown format; valid are %s", name,
                                         known.failed ? "those of the manual" : (char *)known.data);
    buf_free(&known);
    return outcome;
}

static enum outcome options_read(struct work *work, struct export_options *options, struct buf *question) {
    const struct invocation *invocation = work->invocation;
    const char *label = command_value(invocation, "tlp-max"), *type = command_value(invocation, "type");
    const char *from = command_value(invocation, "from"), *filter = command_value(invocation, "filter");
    const char *subscription = command_value(invocation, "subscription");
    enum tlp tlp = TLP_NONE;
    enum outcome outcome = format_read(work);
    if (outcome == OUTCOME_SUCCESS) outcome = kinds_read(invocation, &options->kinds_wanted);
    if (outcome == OUTCOME_SUCCESS) outcome = zone_read(work, &options->zone);
    if (outcome == OUTCOME_SUCCESS) outcome = distribution_read(work, &options->distribution);
    if (outcome == OUTCOME_SUCCESS) outcome = feed_filter(invocation, filter);
    if (outcome == OUTCOME_SUCCESS && subscription && !pack_utf8_valid(bytes_of_text(subscription)))
        outcome = command_usage(invocation, "--subscription: this is no name");
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (label && !tlp_parse(&tlp, bytes_of_text(label)))
        return command_usage(invocation,
                             "--tlp-max %s: unknown label; valid are TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT and TLP:RED",
                             label);
    work->path = command_value(invocation, "out");
    if (work->format->folder && !work->path)
        return command_usage(invocation, "%s makes several files: give --out FOLDER", work->format->name);
    if (options->kinds_wanted && !carries_values(work->format))
        return command_usage(invocation, "--kind: %s carries objects, not values", work->format->name);
    options->format = work->format;
    options->now_ms = clock_wall_ms();
    options->sink = (struct export_sink){.context = work, .open = sink_open, .write = sink_write};
    pack_write_array(question, 9);
    pack_write_uint(question, 0);
    pack_write_bool(question, false);
    type ? pack_write_str(question, bytes_of_text(pack_utf8_valid(bytes_of_text(type)) ? type : "")) : pack_write_nil(question);
    pack_write_uint(question, tlp);
    from ? pack_write_str(question, bytes_of_text(pack_utf8_valid(bytes_of_text(from)) ? from : "")) : pack_write_nil(question);
    pack_write_uint(question, 0);
    pack_write_uint(question, export_exit(work->format));
    pack_write_str(question, bytes_of_text(filter ? filter : ""));
    pack_write_str(question, bytes_of_text(subscription ? subscription : ""));
    return OUTCOME_SUCCESS;
}

/* --- the report: on standard error, because standard output may be the file --- */

static void report_text(const struct work *work) {
    const struct export_counts *counts = export_counted(work->export);
    const struct invocation *invocation = work->invocation;
    char safe[512];
    command_fail(invocation, OUTCOME_SUCCESS, "%" PRIu64 " objects read, %" PRIu64 " %s written, %" PRIu64 " doubles dropped",
                 counts->objects, counts->values, carries_values(work->format) ? "values" : "objects", counts->doubles);
    if (work->withheld > 0)
        command_fail(invocation, OUTCOME_SUCCESS, "kept back by the policy: %" PRIu64 " objects; `comity why ID %s` tells why",
                     work->withheld, policy_exit_name(export_exit(work->format)));
    for (int reason = EXPORT_FITS + 1; reason < EXPORT_REASON_COUNT; reason++) {
        if (counts->left_out[reason] == 0) continue;
        log_escape(safe, sizeof safe, counts->example[reason]);
        command_fail(invocation, OUTCOME_SUCCESS, "left out %" PRIu64 ": %s [%s], such as of %s", counts->left_out[reason],
                     export_reason_text((enum export_reason)reason), export_reason_name((enum export_reason)reason), safe);
    }
}

static void report_json(const struct work *work) {
    const struct export_counts *counts = export_counted(work->export);
    struct buf out = {0};
    struct json_out json = json_out_of(&out);
    json_out_object(&json);
    json_out_key(&json, "format");
    json_out_text(&json, work->format->name);
    json_out_key(&json, "objects");
    json_out_uint(&json, counts->objects);
    json_out_key(&json, "written");
    json_out_uint(&json, counts->values);
    json_out_key(&json, "doubles");
    json_out_uint(&json, counts->doubles);
    json_out_key(&json, "kept_back");
    json_out_uint(&json, work->withheld);
    json_out_key(&json, "left_out");
    json_out_object(&json);
    for (int reason = EXPORT_FITS + 1; reason < EXPORT_REASON_COUNT; reason++) {
        if (counts->left_out[reason] == 0) continue;
        json_out_key(&json, export_reason_name((enum export_reason)reason));
        json_out_uint(&json, counts->left_out[reason]);
    }
    json_out_object_end(&json);
    json_out_object_end(&json);
    json_out_line(&json);
    command_print_buf(&out);
    buf_free(&out);
}

/* --- the work --- */

static enum outcome end_take(struct work *work, const struct client *client, const struct frame *frame) {
    struct pack_reader in = pack_reader_of(frame->body);
    if (frame->type == FRAME_ANSWER_ERROR) return client_refused(client, frame->body);
    if (frame->type != FRAME_ANSWER_DONE) return client_lost(client, ERR_FORMAT);
    uint32_t fields = pack_read_array(&in);
    for (uint32_t i = 0; i < fields && i < 3; i++) work->withheld = pack_read_uint(&in);
    return fields == 3 && pack_done(&in) == OK ? OUTCOME_SUCCESS : client_lost(client, ERR_FORMAT);
}

static enum outcome objects_write(struct work *work, const struct client *client, struct answer_pipe *pipe) {
    for (;;) {
        const struct answer *answer;
        struct frame last;
        enum err err = answer_pipe_next(pipe, &answer, &last);
        if (err != OK) return client_lost(client, err);
        if (!answer) return end_take(work, client, &last);
        err = export_add(work->export, answer);
        if (err != OK)
            return command_fail(work->invocation, command_outcome(err), "%s: %s; the old file stands as it was",
                                work->path ? work->path : "standard output", err_text(err));
    }
}

static enum outcome objects_take(struct work *work, struct client *client) {
    struct answer_pipe *pipe = answer_pipe_new(client);
    if (!pipe) return client_lost(client, ERR_MEMORY);
    enum outcome outcome = objects_write(work, client, pipe);
    answer_pipe_free(pipe);
    return outcome;
}

static enum outcome finish(struct work *work) {
    enum err err = export_finish(work->export);
    if (err == OK && work->path) err = file_place(work);
    if (err != OK)
        return command_fail(work->invocation, command_outcome(err), "%s: %s", work->path ? work->path : "standard output",
                            err_text(err));
    enum outcome swept = misp_sweep_end(&work->before, work->invocation, work->path);
    if (swept != OUTCOME_SUCCESS) return swept;
    command_flush();
    if (!command_has(work->invocation, "quiet")) (work->invocation->json ? report_json : report_text)(work);
    return OUTCOME_SUCCESS;
}

static enum outcome run(const struct invocation *invocation) {
    struct work work = {.invocation = invocation, .file.fd = -1};
    struct export_options options = {0};
    struct client client = {.channel.fd = -1};
    struct buf question = {0};
    enum outcome outcome = options_read(&work, &options, &question);
    if (outcome == OUTCOME_SUCCESS && invocation->json && !work.path)
        outcome = command_usage(invocation, "--json prints the report: give --out PATH for the export itself");
    if (outcome == OUTCOME_SUCCESS) {
        work.export = export_new(&options);
        work.behind = work.path ? write_behind_new() : NULL;
        bool short_of_memory = work.format->folder && misp_sweep_begin(&work.before, work.path) != OK;
        if (short_of_memory || !work.export || (work.path && !work.behind))
            outcome = command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    }
    if (outcome == OUTCOME_SUCCESS) outcome = client_open(&client, invocation);
    if (outcome == OUTCOME_SUCCESS) {
        enum err err = client_ask(&client, FRAME_ASK_FEED, bytes_of_buf(&question));
        outcome = err == OK ? objects_take(&work, &client) : client_lost(&client, err);
    }
    if (outcome == OUTCOME_SUCCESS) outcome = finish(&work);
    misp_manifest_free(&work.before);
    write_behind_free(work.behind);
    outfile_drop(&work.file);
    client_close(&client);
    export_free(work.export);
    buf_free(&question);
    return outcome;
}

static const struct command_option options_known[] = {
    {"out", "PATH",
     "the file, or the folder of formats that make several; replaced at once when it is complete (default: standard output)"},
    {"type", "TYPE", "only objects of this STIX type"},
    {"kind", "KIND[,KIND...]", "only values of these kinds: ipv4, ipv6, domain, url, email, md5, sha1, sha256, sha512, text"},
    {"tlp-max", "LABEL", "only objects with this label or a less restrictive one"},
    {"from", "NAME", "only objects of the agency pinned under this name"},
    {"filter", "TEXT", "only objects that fit, such as 'kind = domain and confidence >= 70'; see comity-filter(7)"},
    {"subscription", "NAME", "only objects that this subscription would be given; its place stays where it is"},
    {"zone", "NAME", "of rpz: the zone's name (default rpz.comity)"},
    {"distribution", "N", "of misp: the widest distribution that an event may get in the MISP that loads it (default 0)"},
    {"quiet", NULL, "no report"},
    {0},
};

const struct command cmd_export = {
    .name = "export",
    .synopsis = "FORMAT [--out PATH] [--type T] [--kind K] [--tlp-max LABEL] [--from NAME] [--filter TEXT] [--subscription NAME]",
    .summary = "write what this node holds as a file that another tool loads",
    .details = "Formats: list, csv, hosts, rpz (DNS response policy zone), nftables, zeek, suricata, suricata-datasets, stix, "
               "jsonl, misp,\n"
               "misp-feed. A value that does not fit is left out and counted with its reason; it never spoils the file.",
    .arguments_min = 1,
    .arguments_max = 1,
    .prints_json = true,
    .options = options_known,
    .run = run,
};
