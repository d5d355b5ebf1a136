/* comity feed --subscription NAME: what a subscription has not been given yet, once; and --withdrawn: a feed that tells what is gone, too. */
#include "gossip/pack.h"
#include "node/cmd/cmd_feed.h"
#include "node/cmd/taking.h"
#include "node/formats/json_out.h"
#include "node/formats/moment.h"
#include "node/process/clock.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_LINES   1000
#define ACK_EVERY_MS 10000 /* while nothing is for this subscription */
#define LOOK_MS      500   /* how long a signal may wait */

/* The first signal lets the page under way be handed on and acknowledged; the second one ends the program at once. */
static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

static void signals_take(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

struct feeding {
    const struct invocation *invocation;
    struct client client, watch;
    struct taking taking;
    struct buf out, filter;
    uint64_t left; /* lines that may still be printed */
    uint64_t acknowledged_ms;
    uint64_t cursor, gone; /* as acknowledged */
    uint64_t newest, newest_gone;
};

/* --- lines --- */

static void on_object(void *context, const struct answer *answer) {
    struct feeding *feeding = context;
    (feeding->invocation->json ? answer_json : answer_line)(&feeding->out, answer);
}

static void gone_json(struct buf *out, const struct taking_gone *gone) {
    struct json_out json = json_out_of(out);
    char time[MOMENT_TEXT_BYTES];
    moment_text(time, gone->time_ms);
    json_out_object(&json);
    json_out_key(&json, "withdrawn");
    json_out_string(&json, gone->id);
    json_out_key(&json, "type");
    json_out_string(&json, gone->type);
    json_out_key(&json, "author");
    json_out_string(&json, gone->author);
    json_out_key(&json, "tlp");
    json_out_text(&json, tlp_name(gone->tlp));
    json_out_key(&json, "cause");
    json_out_string(&json, gone->cause);
    json_out_key(&json, "time");
    json_out_text(&json, time);
    json_out_key(&json, "cursor");
    json_out_uint(&json, gone->cursor);
    if (gone->number > 0) {
        json_out_key(&json, "gone");
        json_out_uint(&json, gone->number);
    }
    json_out_object_end(&json);
    json_out_line(&json);
}

static void on_gone(void *context, const struct taking_gone *gone) {
    struct feeding *feeding = context;
    if (feeding->invocation->json) {
        gone_json(&feeding->out, gone);
        return;
    }
    buf_put_format(&feeding->out, "%llu\t", (unsigned long long)gone->cursor);
    buf_put(&feeding->out, gone->author);
    buf_put_format(&feeding->out, "\t%s\twithdrawn ", tlp_name(gone->tlp));
    buf_put(&feeding->out, gone->id);
    buf_put_text(&feeding->out, " (");
    buf_put(&feeding->out, gone->cause);
    buf_put_text(&feeding->out, ")\n");
}

/* --- what is asked for --- */

static void filter_and(struct buf *out, const char *name, const char *sign, const char *value) {
    if (!value) return;
    buf_put_format(out, "%s%s %s \"", out->size > 0 ? " and " : "", name, sign);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\') buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)*value);
    }
    buf_put_text(out, "\"");
}

/* The options of a plain feed, as a filter. */
static enum outcome filter_make(struct feeding *feeding) {
    const struct invocation *invocation = feeding->invocation;
    const char *asked = command_value(invocation, "filter"), *tlp_max = command_value(invocation, "tlp-max");
    enum outcome outcome = feed_filter(invocation, asked);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (asked && *asked) buf_put_format(&feeding->filter, "(%s\n)", asked);
    filter_and(&feeding->filter, "type", "=", command_value(invocation, "type"));
    filter_and(&feeding->filter, "tlp", "<=", tlp_max);
    filter_and(&feeding->filter, "author", "=", command_value(invocation, "from"));
    buf_put_u8(&feeding->filter, 0);
    if (feeding->filter.failed) return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    feeding->taking.filter = (const char *)feeding->filter.data;
    return feed_filter(invocation, feeding->taking.filter);
}

/* "CURSOR" or "CURSOR.GONE". */
static bool position_read(struct taking *taking, const char *text) {
    char cursor[32] = "";
    const char *dot = strchr(text, '.');
    size_t size = dot ? (size_t)(dot - text) : strlen(text);
    if (size >= sizeof cursor) return false;
    memcpy(cursor, text, size);
    return feed_number(cursor, &taking->end.at.cursor) && (!dot || feed_number(dot + 1, &taking->end.at.gone));
}

static enum outcome options_read(struct feeding *feeding) {
    static const char *const others[] = {"after", "type", "tlp-max", "from", "filter"};
    const struct invocation *invocation = feeding->invocation;
    const char *name = command_value(invocation, "subscription"), *limit = command_value(invocation, "limit");
    const char *after = command_value(invocation, "after");
    feeding->left = UINT64_MAX;
    if (limit && (!feed_number(limit, &feeding->left) || feeding->left == 0))
        return command_usage(invocation, "--limit %s: give a number from 1", limit);
    feeding->taking.subscription = name ? name : "";
    feeding->taking.filter = "";
    feeding->taking.who = name ? name : "feed";
    feeding->taking.exit = name ? (enum policy_exit)0 : POLICY_LOCAL;
    feeding->taking.stored = name != NULL;
    if (name && !pack_utf8_valid(bytes_of_text(name))) return command_usage(invocation, "--subscription: this is no name");
    for (size_t i = 0; name && i < sizeof others / sizeof *others; i++)
        if (command_has(invocation, others[i]))
            return command_usage(invocation,
                                 "--%s: the subscription says what is printed, and from where on; `comity subscription` changes it",
                                 others[i]);
    if (after && !position_read(&feeding->taking, after))
        return command_usage(invocation, "--after %s: this is no position; give a cursor, or CURSOR.GONE", after);
    return name ? OUTCOME_SUCCESS : filter_make(feeding);
}

/* --- pages --- */

static enum outcome acknowledge(struct feeding *feeding, uint64_t delivered, bool now) {
    struct taking *taking = &feeding->taking;
    bool moved = taking->end.at.cursor != feeding->cursor || taking->end.at.gone != feeding->gone;
    if (!*taking->subscription || (!moved && delivered == 0)) return OUTCOME_SUCCESS;
    if (!now && delivered == 0 && clock_monotonic_ms() - feeding->acknowledged_ms < ACK_EVERY_MS) return OUTCOME_SUCCESS;
    feeding->acknowledged_ms = clock_monotonic_ms();
    feeding->cursor = taking->end.at.cursor, feeding->gone = taking->end.at.gone;
    return taking_taken(taking, delivered);
}

/* What a consumer has must go: its position is older than what the node remembers. */
static void reset_tell(struct feeding *feeding) {
    if (feeding->invocation->json)
        buf_put_text(&feeding->out, "{\"reset\":true}\n");
    else
        command_fail(
            feeding->invocation, OUTCOME_SUCCESS,
            "the position is older than the withdrawals that this node remembers, or of another store: drop what you have; "
            "all that there is follows");
}

static enum outcome page(struct feeding *feeding, bool follow) {
    const struct taking_events events = {feeding, on_object, on_gone};
    struct taking *taking = &feeding->taking;
    taking->limit = feeding->left < PAGE_LINES ? feeding->left : PAGE_LINES;
    enum outcome outcome = taking_page(taking, &events);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    if (taking->end.reset) reset_tell(feeding);
    command_print_buf(&feeding->out);
    command_flush();
    if (feeding->left != UINT64_MAX) feeding->left -= taking->end.count;
    bool last = stopped || feeding->left == 0 || (!taking->end.more && !follow);
    return acknowledge(feeding, taking->end.count, last || taking->end.reset);
}

/* Until something is new, or a signal comes. */
static enum outcome wait_news(struct feeding *feeding) {
    struct taking *taking = &feeding->taking;
    while (!stopped && feeding->newest <= taking->end.at.cursor && feeding->newest_gone <= taking->end.at.gone) {
        struct frame frame;
        enum err err = client_answer(&feeding->watch, &frame, LOOK_MS);
        if (err == ERR_TIMEOUT) {
            enum outcome outcome = acknowledge(feeding, 0, false);
            if (outcome != OUTCOME_SUCCESS) return outcome;
            continue;
        }
        if (err != OK) return client_lost(&feeding->watch, err);
        if (frame.type == FRAME_ANSWER_ERROR) return client_refused(&feeding->watch, frame.body);
        if (frame.type != FRAME_ANSWER_WATCH) continue;
        struct pack_reader in = pack_reader_of(frame.body);
        pack_read_array(&in);
        feeding->newest = pack_read_uint(&in);
        pack_read_uint(&in);
        feeding->newest_gone = pack_read_uint(&in);
        if (pack_done(&in) != OK) return client_lost(&feeding->watch, ERR_FORMAT);
    }
    return OUTCOME_SUCCESS;
}

static enum outcome watch_open(struct feeding *feeding) {
    static const uint8_t nothing = 0x90; /* an empty array */
    enum outcome outcome = client_open(&feeding->watch, feeding->invocation);
    if (outcome != OUTCOME_SUCCESS) return outcome;
    enum err err = client_ask(&feeding->watch, FRAME_ASK_WATCH, bytes_of(&nothing, 1));
    return err == OK ? OUTCOME_SUCCESS : client_lost(&feeding->watch, err);
}

static enum outcome feed(struct feeding *feeding) {
    bool follow = command_has(feeding->invocation, "follow");
    enum outcome outcome = client_open(&feeding->client, feeding->invocation);
    if (outcome == OUTCOME_SUCCESS && follow) outcome = watch_open(feeding);
    if (outcome == OUTCOME_SUCCESS) signals_take();
    bool going = true;
    while (outcome == OUTCOME_SUCCESS && going) {
        outcome = page(feeding, follow);
        going = !stopped && feeding->left > 0 && (feeding->taking.end.more || follow);
        if (outcome == OUTCOME_SUCCESS && going && !feeding->taking.end.more) outcome = wait_news(feeding);
        if (stopped) going = false;
    }
    if (outcome == OUTCOME_SUCCESS) outcome = acknowledge(feeding, 0, true);
    return outcome;
}

enum outcome feed_take(const struct invocation *invocation) {
    struct feeding *feeding = calloc(1, sizeof *feeding);
    struct answer_reader *reader = calloc(1, sizeof *reader);
    if (!feeding || !reader || answer_reader_init(reader) != OK) {
        free(feeding);
        free(reader);
        return command_fail(invocation, OUTCOME_INTERNAL, "%s", err_text(ERR_MEMORY));
    }
    feeding->invocation = invocation;
    feeding->client.channel.fd = feeding->watch.channel.fd = -1;
    feeding->taking.client = &feeding->client;
    feeding->taking.reader = reader;
    enum outcome outcome = options_read(feeding);
    if (outcome == OUTCOME_SUCCESS) outcome = feed(feeding);
    client_close(&feeding->client);
    client_close(&feeding->watch);
    buf_free(&feeding->out);
    buf_free(&feeding->filter);
    answer_reader_free(reader);
    free(reader);
    free(feeding);
    return outcome;
}
