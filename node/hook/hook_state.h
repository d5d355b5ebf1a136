/* hook_state: the hook process's state, shared by the files that act on it: hook.c (start, loop), hook_links.c (questions to the engine),
   hook_command.c and hook_view.c with hook_rows.c (a thread for each hook), hook_call.c (programs), hook_report.c (what is told of them). */
#ifndef NODE_HOOK_STATE_H
#define NODE_HOOK_STATE_H

#include "node/engine/page_record.h"
#include "node/hook/hook.h"
#include "node/process/answer.h"
#include "node/process/proc.h"
#include "node/subscribe/subscriptions.h"
#include "node/subscribe/take_wire.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define HOOK_PLACE_PREFIX   "hook." /* then its name: the subscription of a command that names none */
#define HOOK_PLACE_BYTES    (SUBSCRIPTION_NAME_BYTES_MAX + 1)
#define HOOK_LINKS          3 /* connections to the engine, taken in turns */
#define HOOK_ENGINE_MS      60000
#define HOOK_WHY_BYTES      320
#define HOOK_PAUSE_FIRST_MS 1000 /* after a failure; it doubles */
#define HOOK_PAUSE_LAST_MS  300000

struct hook_link {
    struct channel channel;
    uint64_t tag;
    bool busy;
};

/* A hook at work. What stands behind `lock` is for whoever holds it. */
struct hook_work {
    struct hooks *hooks;
    const struct hook *hook;
    size_t index;
    pthread_t thread;
    struct answer_reader *reader; /* the thread's own */
    char place[HOOK_PLACE_BYTES]; /* the subscription in which a command keeps its place; "" of a file, which keeps none */

    /* behind hooks->lock: */
    bool news;                                                    /* since it last looked */
    uint64_t asked;                                               /* by `comity hook run`: the newest number */
    uint64_t answered;                                            /* and the newest that is done */
    unsigned failed_calls;                                        /* since the last good one */
    uint64_t calls, calls_failed, objects, withdrawals, writings; /* objects: given, or held in the file now */
    uint64_t last_ms;                                             /* wall time of the last success; 0: none yet */
    uint64_t next_ms;                                             /* monotonic: when it is tried again; 0: not waiting */
    bool running;
    char problem[HOOK_WHY_BYTES]; /* of the last failure; "" when what came after it went well */
};

/* Which folder stood at a path. */
struct hook_folder {
    dev_t device;
    ino_t number; /* 0: none */
};

struct hooks {
    struct proc_child child;
    struct hook_file file;
    char dir[DIR_PATH_MAX];
    struct channel watch; /* the main thread's */
    int launcher_fd;
    int wake_fd;         /* to the main thread: something is to be told */
    int stop_fd;         /* readable once all is to end */
    _Atomic bool broken; /* the engine cannot be asked any more: the process ends, and is started again */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* news, questions, the end; and a link that is free */
    bool stopping;
    bool leaving; /* nothing is begun any more; what is under way goes on to its end */
    size_t ended; /* threads that are at theirs */
    struct hook_link links[HOOK_LINKS];
    struct hook_work work[HOOKS_MAX];
    struct hook_folder folders[HOOKS_MAX]; /* when the sandbox closed; of files' hooks */
    size_t started;                        /* threads */
    bool told;                             /* what the engine was told is what is */
    uint64_t leave_ms;                     /* the main thread's: monotonic, when it goes at the latest; 0: it stays */
};

/* --- hook.c --- */
/* From any thread: the process cannot go on. */
void hooks_break(struct hooks *hooks, const char *why);

/* --- hook_work.c: what both kinds of threads do --- */
/* Waits until there is news, or a question; `until_ms` (monotonic; 0: for ever) at most. False: it is over. *asked: the number of the question that
   what follows will answer. */
bool hook_await(struct hook_work *work, uint64_t until_ms, uint64_t *asked);
/* Waits so long, whatever comes; a question ends it when `hasty`. False: it is over. */
bool hook_pause(struct hook_work *work, uint64_t until_ms, bool hasty);
/* `held`: objects in the file, of a file's hook. */
void hook_succeeded(struct hook_work *work, uint64_t asked, uint64_t held);
/* Says it, once per kind of problem, and returns how long to wait. */
uint64_t hook_failed(struct hook_work *work, uint64_t asked, const char *why);
/* Counts, behind the lock. */
void hook_count(struct hook_work *work, uint64_t *counter, uint64_t more);

/* --- hook_command.c, hook_view.c --- */
void hook_command_main(struct hook_work *work);
void hook_view_main(struct hook_work *work);

/* --- hook_call.c --- */
/* Runs the hook's command with this standard input to its end; its output goes to the log. OK: it ended with 0. ERR_IO: not; `why` says how.
   ERR_CLOSED: the process is to end. */
enum err hook_call(struct hook_work *work, struct bytes input, char why[static HOOK_WHY_BYTES]) MUST_USE;

/* --- hook_links.c --- */
enum err hook_links_open(struct hooks *hooks) MUST_USE;
void hook_links_close(struct hooks *hooks);
void hook_links_shut(struct hooks *hooks); /* whoever waits for an answer waits no longer */

/* One object, or the news that one is gone (then the item holds id and type only). Views live until the return. */
typedef enum err hook_visit(void *context, const struct page_record *record);
/* Asks for the next batch behind the position of a subscription: withdrawals, then objects that may leave by this hook. An error of the visitor
   ends it and is returned. ERR_CLOSED: the process is to end; others with `why`, ERR_NOT_FOUND when there is no such subscription. */
enum err hook_take(struct hook_work *work, const char *subscription, hook_visit *visit, void *context, struct take_end *taken,
                   char why[static HOOK_WHY_BYTES]) MUST_USE;
/* The batch was taken: the position is behind it, on disk. */
enum err hook_taken(struct hook_work *work, const char *subscription, const struct take_end *taken,
                    char why[static HOOK_WHY_BYTES]) MUST_USE;
/* Makes the subscription of a hook that names none. OK when it is there. */
enum err hook_subscribe(struct hook_work *work, const char *name, char why[static HOOK_WHY_BYTES]) MUST_USE;
/* What came and went behind a place of a file's hook, which keeps all of it (`keeps` of node/subscribe/take_wire.h); all zero: everything. At most so
   many at once that others use the connection in between. */
enum err hook_take_kept(struct hook_work *work, const struct take_position *from, hook_visit *visit, void *context,
                        struct take_end *taken, char why[static HOOK_WHY_BYTES]) MUST_USE;
/* The whole view of a file's hook: the newest version of each object. */
enum err hook_take_all(struct hook_work *work, hook_visit *visit, void *context, char why[static HOOK_WHY_BYTES]) MUST_USE;

/* --- hook_report.c --- */
/* What `comity hook list` shows, for the engine to keep. Returns how many hooks failed last. */
uint64_t hook_report(struct hooks *hooks, struct buf *out);

#endif
