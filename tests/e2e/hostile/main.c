/* hostile: a scripted member against a real node over real CURVE.
   Usage: hostile BEHAVIOUR DIR VICTIM.card tcp://HOST:PORT SALT [OTHER.card] [WORD...]
   DIR is what `comity init --no-passphrase` made; the victim pinned its card. Prints "ready", then "cut", "refused" and "open" as they
   happen, each with a count, and ends with its standard input. Without arguments it lists the behaviours. */
#include "tests/e2e/hostile/stage.h"

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MS 50
#define LIFE_S   120
#define SAID_MAX 2000 /* lines; then it acts on in silence */

static const struct behaviour *const tables[] = {behaviours_log, behaviours_chain, behaviours_message, behaviours_transport};

void say(const char *format, ...) {
    static unsigned said;
    va_list arguments;
    if (said++ >= SAID_MAX) return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

bool stage_send(struct stage *stage) { return member_send(&stage->link, &stage->out) && member_drain(&stage->link); }

void stage_log_tag(const struct stage *stage, size_t card, uint8_t out[static WIRE_TAG_BYTES]) {
    must(card < stage->member.card_count, "another card is needed");
    member_tag(&stage->link, out, stage->member.cards[card].agency.nodes[0].id, NODE_ID_BYTES);
}

void stage_own_tag(const struct stage *stage, uint8_t out[static WIRE_TAG_BYTES]) {
    member_tag(&stage->link, out, stage->member.key.node_id, NODE_ID_BYTES);
}

bool stage_push(struct stage *stage, struct bytes entry, enum push_payload state, struct bytes payload) {
    wire_push(&stage->out, entry, state, payload);
    return stage_send(stage);
}

bool stage_push_all(struct stage *stage) {
    const struct member *member = &stage->member;
    for (uint64_t seq = 1; seq <= member->seq; seq++) {
        size_t stop = seq < member->seq ? member->starts[seq + 1] : member->log.size;
        struct bytes entry = bytes_of(member->log.data + member->starts[seq], stop - member->starts[seq]);
        if (!stage_push(stage, entry, PUSH_AWAITED, bytes_of(NULL, 0))) return false;
    }
    return true;
}

static const struct behaviour *behaviour_find(const char *name) {
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct behaviour *row = tables[i]; row->name; row++)
            if (strcmp(row->name, name) == 0) return row;
    return NULL;
}

/* Waits so long, or until whoever started us has had enough. */
static bool goes_on(unsigned wait_ms) {
    struct pollfd poll_fd = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&poll_fd, 1, (int)wait_ms) == 0;
}

static void perform(struct stage *stage, const struct behaviour *behaviour) {
    uint64_t cuts = 0, refusals = 0, opens = 0;
    bool started = false;
    while (goes_on(started ? behaviour->pause_ms : 0)) {
        if (!started) {
            if (!behaviour->alone && !member_open(&stage->link, &stage->member, &stage->member.key)) {
                say("refused %llu", (unsigned long long)++refusals);
                if (!goes_on(RETRY_MS)) return;
                continue;
            }
            started = !behaviour->start || behaviour->start(stage);
            opens++;
            say(opens > 1 ? "open %llu" : "ready %llu", (unsigned long long)opens);
        } else {
            started = behaviour->step ? behaviour->step(stage) : member_drain(&stage->link);
        }
        stage->steps++;
        if (started) continue;
        say("cut %llu after %llu messages", (unsigned long long)++cuts, (unsigned long long)stage->link.sent);
        member_close(&stage->link);
        if (!goes_on(RETRY_MS)) return;
    }
}

int main(int argc, char **argv) {
    static struct stage stage;
    if (argc < 6) {
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
            for (const struct behaviour *row = tables[i]; row->name; row++) printf("%-18s %s\n", row->name, row->what);
        return argc == 1 ? 0 : 2;
    }
    const struct behaviour *behaviour = behaviour_find(argv[1]);
    must(behaviour != NULL, "no such behaviour");
    must(sodium_init() >= 0, "libsodium does not start");
    signal(SIGPIPE, SIG_IGN);
    alarm(LIFE_S);
    member_load(&stage.member, argv[2], argv[3], argv[4]);
    stage.salt = strtoull(argv[5], NULL, 10);
    if (argc > 6) member_card_add(&stage.member, argv[6]);
    stage.words = (const char *const *)argv + 7;
    stage.word_count = argc > 7 ? (size_t)(argc - 7) : 0;
    perform(&stage, behaviour);
    return 0;
}
