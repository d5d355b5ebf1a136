/* proc_names: questions of the engine for addresses of names, each given to a helper process of its own. */
#ifndef NODE_PROC_NAMES_H
#define NODE_PROC_NAMES_H

#include "node/process/proc_spawn.h"

#include <poll.h>

#define PROC_NAMES_RUNNING_MAX 8
#define PROC_NAMES_WAITING_MAX 64
#define PROC_NAMES_MS          10000 /* a helper's life */

struct proc_names {
    const struct proc_options *options;
    struct {
        pid_t pid; /* 0: free */
        struct channel channel;
        uint64_t tag;
        uint64_t deadline_ms;
    } running[PROC_NAMES_RUNNING_MAX];
    struct {
        uint64_t tag;
        char text[288];
    } waiting[PROC_NAMES_WAITING_MAX]; /* a queue of `waiting_count` */
    size_t waiting_count;
};

void proc_names_init(struct proc_names *names, const struct proc_options *options);
/* Kills the helpers and forgets all questions: the engine is gone. */
void proc_names_end(struct proc_names *names);

/* A question; answers go to `engine`. A bad, or one too many, question is answered at once with nothing; a literal with itself. */
void proc_names_ask(struct proc_names *names, struct channel *engine, uint64_t tag, struct bytes question);

/* For the poll loop: adds at most PROC_NAMES_RUNNING_MAX descriptors, returns how many. */
size_t proc_names_poll(const struct proc_names *names, struct pollfd *out);
/* Answers, time-outs, reaping, next questions. Call it on every turn of the loop. */
void proc_names_step(struct proc_names *names, struct channel *engine);
/* When proc_names_step must be called at the latest; UINT64_MAX: never. */
uint64_t proc_names_deadline(const struct proc_names *names);

#endif
