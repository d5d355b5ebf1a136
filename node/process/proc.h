/* proc: `comity run`. The parent starts each role by fork and exec of itself, before any thread, store or ZeroMQ context exists,
   watches them, restarts what dies, resolves names for the engine, and stops all in order.

   A child is `EXE [ARGS...] --role NAME` with its parent channel on descriptor PROC_PARENT_FD and nothing else open but a null
   standard input, standard output and standard error. It ignores SIGINT, SIGTERM and SIGHUP: it is stopped by FRAME_STOP, by the end
   of its channel, or by SIGKILL, which it also gets when the parent dies.

   First frames: FRAME_SETTINGS, then FRAME_PEER for each of the two other roles, in any order (outer ones: none, and they are
   started only where they have settings, once the others are ready). Later FRAME_PEER frames replace a
   channel whose other end was restarted. The child answers FRAME_READY once. */
#ifndef NODE_PROC_H
#define NODE_PROC_H

#include "node/process/frame.h"
#include "node/process/role.h"

#define PROC_PARENT_FD    3
#define PROC_FAILURES_MAX 5 /* of engine and key within PROC_FAILURES_MS: give up */
#define PROC_FAILURES_MS  60000
#define PROC_STOP_MS      4000 /* then SIGKILL */
#define PROC_EXIT_CRASHES 70   /* exit code when giving up */
#define PROC_WHY_BYTES    1100
#define PROC_LEAVE_MS     15000 /* for programs of hooks to end, before a hook process with older settings is ended */

/* The network process and the outer ones read foreign bytes through libraries that they can abort, so their deaths never end the node once
   they were ready: they come back after a pause that doubles, up to a last one, and is short again after a steady life. */
#define PROC_NET_PAUSE_FIRST_MS 100
#define PROC_NET_PAUSE_LAST_MS  30000
#define PROC_NET_STEADY_MS      60000

struct proc_options {
    struct bytes settings[ROLE_COUNT]; /* per role, sent at each start as FRAME_SETTINGS; borrowed until proc_run returns. May hold
                                          secrets (the passphrase for the key role): the caller keeps them in secret_new memory */
    const char *exec_path;             /* null: /proc/self/exe */
    const char *const *exec_args;      /* null-terminated, put before "--role NAME"; may be null */
    const char *what;                  /* for the log: "node of Agency X in DIR"; may be null */
    /* The hook role's settings, made anew from its files when the engine asks (FRAME_RELOAD): into `out`, empty when it is not to run. An error
       with its text changes nothing. May be null. */
    enum err (*hooks_again)(void *context, struct buf *out, uint32_t *count, char why[static PROC_WHY_BYTES]);
    void *context;
};

/* Runs until a signal or a failure. Returns the exit code: 0 after SIGTERM or SIGINT, what a child's FRAME_FATAL said, or
   PROC_EXIT_CRASHES. Blocks SIGTERM, SIGINT, SIGHUP and SIGCHLD meanwhile and restores the mask. Call it with one thread only. */
int proc_run(const struct proc_options *options);

/* --- the child's side --- */
struct proc_child {
    enum role role;
    struct channel parent;
    struct channel peers[ROLE_COUNT]; /* fd -1: not (or no longer) connected */
    uint8_t *settings;                /* guarded memory: proc_child_settings_free when read */
    size_t settings_bytes;
};

/* First call of a role: names the process, waits for SETTINGS and both PEERs (10 s). ERR_CLOSED: the parent went away. */
enum err proc_child_start(struct proc_child *child, enum role role, int parent_fd) MUST_USE;
void proc_child_settings_free(struct proc_child *child); /* wipes */
enum err proc_child_ready(struct proc_child *child) MUST_USE;
/* Takes a FRAME_PEER: closes the old channel and starts the new one. Returns the role that was replaced, 0 when the frame is bad. */
int proc_child_peer(struct proc_child *child, const struct frame *frame);
/* Logs the text, tells the parent, which stops all and exits with exit_code (1 to 125), and returns exit_code to be returned. */
int proc_child_fatal(struct proc_child *child, int exit_code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void proc_child_end(struct proc_child *child); /* closes all channels */

/* The roles; each returns its exit code. */
int net_main(int parent_fd);     /* node/net/net.c */
int engine_main(int parent_fd);  /* node/engine/engine.c */
int key_main(int parent_fd);     /* node/process/keyd.c */
int web_main(int parent_fd);     /* node/web/web.c */
int live_main(int parent_fd);    /* node/live/live.c */
int hook_main(int parent_fd);    /* node/hook/hook.c */
int resolve_main(int parent_fd); /* node/process/resolve.c */
/* For main.c: runs the role of `--role NAME` on PROC_PARENT_FD; -1 when there is no such role. */
int proc_role_main(const char *name);

#endif
