/* ledger: the sessions of users of outer processes. Who goes through a million objects asks for a page a hundred times, and a poller every few
   seconds: a row when the session begins, on disk before its first page is shown, tells that this user looks; one when it ends how often and
   how much. A session ends when nothing was asked for LEDGER_SESSION_IDLE_MS, and after LEDGER_SESSION_MS in any case. */
#include "node/process/clock.h"
#include "node/engine/engine_core.h"

#include <stdio.h>
#include <string.h>

static void row_write(struct engine *engine, const struct ledger_session *session, uint32_t questions, bool ended,
                      uint64_t ticket) {
    char command[LEDGER_COMMAND_MAX];
    struct ledger_look look = {.questions = questions, .shown = ended ? session->shown : 0};
    snprintf(command, sizeof command, "%s %s%s", policy_exit_name(session->exit), session->who, ended ? " ended" : "");
    memcpy(look.command, command, sizeof command);
    random_bytes(&engine->random, look.salt, sizeof look.salt);
    ledger_look_put(engine, &look, session->pid, session->uid, ticket ? LEDGER_TICKET | ticket : 0);
}

static void session_end(struct engine *engine, struct ledger_session *session) {
    if (session->used) row_write(engine, session, session->questions, true, 0);
    *session = (struct ledger_session){0};
}

static bool same(const struct ledger_session *session, const struct client *client, enum policy_exit exit, const char *who) {
    return session->used && session->exit == exit && session->pid == client->pid && session->uid == client->uid &&
           strcmp(session->who, who) == 0;
}

static bool over(const struct ledger_session *session, uint64_t now_ms) {
    return session->used &&
           (now_ms - session->asked_ms >= LEDGER_SESSION_IDLE_MS || now_ms - session->began_ms >= LEDGER_SESSION_MS);
}

/* The one that goes on; else a free place, or that of whoever asked longest ago, whose session ends. */
static struct ledger_session *session_place(struct engine *engine, const struct client *client, enum policy_exit exit,
                                            const char *who) {
    struct ledger_session *sessions = engine->ledger.sessions, *place = &sessions[0];
    for (size_t i = 0; i < LEDGER_SESSIONS_MAX; i++) {
        if (same(&sessions[i], client, exit, who)) return &sessions[i];
        if (place->used && (!sessions[i].used || sessions[i].asked_ms < place->asked_ms)) place = &sessions[i];
    }
    session_end(engine, place);
    return place;
}

/* It goes on, or begins; the client's answers wait for the row of its begin. */
static struct ledger_session *session_go_on(struct engine *engine, struct client *client, enum policy_exit exit, const char *who) {
    uint64_t now_ms = clock_monotonic_ms();
    struct ledger_session *session = session_place(engine, client, exit, who);
    if (over(session, now_ms)) session_end(engine, session);
    if (!session->used) {
        *session = (struct ledger_session){.used = true,
                                           .exit = exit,
                                           .pid = client->pid,
                                           .uid = client->uid,
                                           .began_ms = now_ms,
                                           .ticket = ++engine->ledger.tickets};
        snprintf(session->who, sizeof session->who, "%s", who);
        row_write(engine, session, 1, false, session->ticket);
    }
    if (engine->ledger.sessions_due_ms == UINT64_MAX) engine->ledger.sessions_due_ms = now_ms + LEDGER_SESSION_IDLE_MS;
    session->asked_ms = now_ms;
    if (session->ticket > client->look.hold) client->look.hold = session->ticket;
    return session;
}

void ledger_session_look(struct engine *engine, struct client *client, enum policy_exit exit, const char *who) {
    session_go_on(engine, client, exit, who)->questions++;
}

void ledger_session_shown(struct engine *engine, struct client *client, enum policy_exit exit, const char *who, uint64_t count) {
    session_go_on(engine, client, exit, who)->shown += count;
}

uint64_t ledger_sessions_tick(struct engine *engine, uint64_t monotonic_ms) {
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; i < LEDGER_SESSIONS_MAX; i++) {
        struct ledger_session *session = &engine->ledger.sessions[i];
        if (over(session, monotonic_ms)) session_end(engine, session);
        if (session->used) due_ms = monotonic_ms + LEDGER_SESSION_IDLE_MS;
    }
    return due_ms;
}

void ledger_sessions_end(struct engine *engine) {
    for (size_t i = 0; i < LEDGER_SESSIONS_MAX; i++) session_end(engine, &engine->ledger.sessions[i]);
}
