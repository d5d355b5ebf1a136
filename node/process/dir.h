/* dir: the node's directory: its layout, atomic writes, and the lock that makes it one node's. */
#ifndef NODE_DIR_H
#define NODE_DIR_H

#include "crypto/bytes.h"

#include <sys/types.h>

/* DIR (0700) holds: */
#define DIR_CONFIG    "comity.yaml"
#define DIR_NODE_KEY  "node.key"      /* sealed, 0600 */
#define DIR_NODE_NEXT "node.key.next" /* sealed, 0600; new keys of the node, in force at its next start */
#define DIR_ROOT_KEY  "root.key"      /* sealed, 0600; may be kept off line */
#define DIR_OPS_KEY   "ops.key"       /* sealed, 0600; signs certificates and revocations of the agency's nodes */
#define DIR_CARD      "card"          /* this agency's card, text form; rewritten when prekeys rotate */
#define DIR_TRUST     "trust"         /* pinned cards, NAME.card */
#define DIR_STORE     "store"         /* RocksDB */
#define DIR_TOKENS    "web.tokens"    /* 0600; who may use the web process, with hashes of their tokens */
#define DIR_WEB_CERT  "web.crt"       /* PEM; made at the first start, unless the configuration names another */
#define DIR_WEB_KEY   "web.key"       /* PEM, 0600; its key */
#define DIR_CLIENTS   "live.clients" /* 0600; who may follow the live feed: names, public keys, labels (node/live/live_clients.h) */
#define DIR_LIVE_KEY  "live.key"     /* 0600; the live feed's own CURVE keys, made at its first start */
#define DIR_HOOKS     "hooks.yaml"   /* what is called and written as objects come and go (node/hook/hook_file.h) */
#define DIR_RESTORED  "restored"     /* came from a backup, and has not heard yet what was recalled since (node/engine/replay.h) */
#define DIR_BACKUP    "backup"       /* a folder, while a backup is made; flock */
#define DIR_LOCK      "lock"         /* flock, held while the node runs; holds its pid as text */
/* misp-feed-HASH: what of a MISP feed was published already (node/cmd/misp_folder.h); */
/* and control.sock, while it runs (node/engine/control.h). */

#define DIR_PATH_MAX 1024

#define DIR_SYSTEM "/var/lib/comity" /* where the package's service has its node */

/* $COMITY_DIR, else /var/lib/comity when we are root or may write there, else ~/.local/share/comity. False: none, or too long. */
bool dir_default(char *out, size_t out_bytes);

/* "DIR/NAME". ERR_TOO_BIG. */
enum err dir_path(char out[static DIR_PATH_MAX], const char *dir, const char *name) MUST_USE;

/* Makes DIR with its parents, mode 0700; an existing one is left as it is. ERR_EXISTS: it is not a directory. ERR_DENIED, ERR_IO. */
enum err dir_make(const char *dir) MUST_USE;

enum dir_state { DIR_MISSING, DIR_EMPTY, DIR_NODE, DIR_UNFINISHED, DIR_OTHER, DIR_UNREADABLE };
/* NODE: has a configuration; UNFINISHED: has keys and none (an init that was cut short); OTHER: holds something else. */
enum dir_state dir_state(const char *dir);

/* Reads a whole file of at most `bytes_max`, appending. ERR_NOT_FOUND, ERR_DENIED, ERR_TOO_BIG, ERR_IO, ERR_MEMORY. */
enum err dir_read_path(struct buf *out, const char *path, size_t bytes_max) MUST_USE;
/* A file that a person named: "-" is the standard input. Else as dir_read_path. */
enum err dir_read_given(struct buf *out, const char *path, size_t bytes_max) MUST_USE;
enum err dir_read(struct buf *out, const char *dir, const char *name, size_t bytes_max) MUST_USE;

/* Replaces DIR/NAME in one step that survives a power cut: temporary file, fsync, rename, fsync of the directory. An existing file
   is whole at any time. ERR_FULL, ERR_DENIED, ERR_NOT_FOUND (no such directory), ERR_IO. */
enum err dir_write(const char *dir, const char *name, struct bytes content, mode_t mode) MUST_USE;
/* As dir_write, but ERR_EXISTS when NAME is there. */
enum err dir_create(const char *dir, const char *name, struct bytes content, mode_t mode) MUST_USE;
/* Unlinks and syncs the directory. ERR_NOT_FOUND, ERR_DENIED, ERR_IO. */
enum err dir_remove(const char *dir, const char *name) MUST_USE;

/* Takes the lock; `*fd` (close-on-exec) holds it until it is closed. ERR_BUSY: *holder is the pid that has it (0: unknown). */
enum err dir_lock(int *fd, const char *dir, long *holder) MUST_USE;
/* The error that an errno value means here. */
enum err dir_err_of(int number);

#endif
