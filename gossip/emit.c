#include "gossip/core.h"

#include <stdlib.h>
#include <string.h>

void actions_free(struct actions *actions) {
    free(actions->list);
    *actions = (struct actions){0};
}

struct action *emit(struct gossip *gossip, enum action_kind kind) {
    struct actions *actions = gossip->actions;
    if (actions->count == actions->capacity) {
        size_t capacity = actions->capacity ? 2 * actions->capacity : 64;
        struct action *grown = realloc(actions->list, capacity * sizeof *grown);
        if (!grown) {
            actions->failed = true;
            return &gossip->sink; /* the caller writes there; `failed` stops the node */
        }
        actions->list = grown, actions->capacity = capacity;
    }
    struct action *action = &actions->list[actions->count++];
    memset(action, 0, sizeof *action);
    action->kind = kind;
    return action;
}

struct buf *emit_buf(struct gossip *gossip) {
    if (gossip->arena_used == gossip->arena_count) {
        struct buf **grown = realloc(gossip->arena, (gossip->arena_count + 1) * sizeof *grown);
        struct buf *buf = calloc(1, sizeof *buf);
        if (grown) gossip->arena = grown;
        if (!grown || !buf) {
            free(buf);
            gossip->actions->failed = true;
            return NULL;
        }
        gossip->arena[gossip->arena_count++] = buf;
    }
    struct buf *buf = gossip->arena[gossip->arena_used++];
    buf_clear(buf);
    return buf;
}

void emit_send(struct gossip *gossip, struct link *link, struct buf *message) {
    if (!message) return;
    if (message->failed) {
        gossip->actions->failed = true;
        return;
    }
    struct action *action = emit(gossip, ACTION_SEND);
    action->send.link = link->number;
    action->send.bytes = bytes_of_buf(message);
    link->messages_out++;
    link->bytes_out += message->size;
    link->queued_bytes += message->size;
}

void emit_close(struct gossip *gossip, struct link *link, const char *reason) {
    struct action *action = emit(gossip, ACTION_CLOSE);
    action->close.link = link->number;
    action->close.reason = reason;
}

void emit_notice(struct gossip *gossip, enum notice_kind kind, const struct link *link, const uint8_t *node_id, uint64_t seq,
                 enum err why) {
    struct action *action = emit(gossip, ACTION_NOTICE);
    action->notice.kind = kind;
    action->notice.link = link ? link->number : 0;
    action->notice.node_id = node_id;
    action->notice.seq = seq;
    action->notice.why = why;
}

#define QUESTION_PLACES 16
_Static_assert((LIMIT_TICKETS & (LIMIT_TICKETS - 1)) == 0 && LIMIT_TICKETS % QUESTION_PLACES == 0, "doubled, places end there");

/* Twice as many places for questions; up to LIMIT_TICKETS, as there are never more under way. */
static bool places_make(struct gossip *gossip) {
    size_t before = gossip->question_places, count = before ? 2 * before : QUESTION_PLACES;
    struct question *grown = realloc(gossip->questions, count * sizeof *grown);
    if (!grown) return false;
    memset(grown + before, 0, (count - before) * sizeof *grown);
    for (size_t i = count; i-- > before;) grown[i].free_next = gossip->question_free, gossip->question_free = (uint32_t)i + 1;
    gossip->questions = grown, gossip->question_places = count;
    return true;
}

struct question *question_new(struct gossip *gossip, enum question_kind kind) {
    if (gossip->question_count >= LIMIT_TICKETS) return NULL;
    if (gossip->question_free == 0 && !places_make(gossip)) {
        gossip->actions->failed = true;
        return NULL;
    }
    uint32_t place = gossip->question_free - 1;
    struct question *question = &gossip->questions[place];
    gossip->question_free = question->free_next;
    *question = (struct question){.ticket = ++gossip->tickets * LIMIT_TICKETS + place, .kind = kind};
    gossip->question_count++;
    return question;
}

bool question_take(struct gossip *gossip, uint64_t ticket, struct question *out) {
    uint32_t place = ticket % LIMIT_TICKETS;
    struct question *question = place < gossip->question_places ? &gossip->questions[place] : NULL;
    if (ticket == 0 || !question || question->ticket != ticket) return false;
    *out = *question;
    question->ticket = 0;
    question->free_next = gossip->question_free;
    gossip->question_free = place + 1;
    gossip->question_count--;
    return true;
}
