#include "node/cmd/write_behind.h"

#include <pthread.h>
#include <stdlib.h>

#define TEXTS 4

/* Texts go round: the caller fills [filled % TEXTS], the thread empties [emptied % TEXTS]. */
struct write_behind {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct buf texts[TEXTS];
    struct outfile *file;
    size_t filled, emptied;
    bool stop;
    enum err err; /* the first one; it stays */
};

static void *thread_main(void *context) {
    struct write_behind *behind = context;
    pthread_mutex_lock(&behind->lock);
    for (;;) {
        while (!behind->stop && behind->filled == behind->emptied) pthread_cond_wait(&behind->moved, &behind->lock);
        if (behind->stop) break;
        struct bytes text = bytes_of_buf(&behind->texts[behind->emptied % TEXTS]);
        struct outfile *file = behind->err == OK ? behind->file : NULL;
        pthread_mutex_unlock(&behind->lock);
        enum err err = file ? outfile_write(file, text) : OK;
        pthread_mutex_lock(&behind->lock);
        if (err != OK) behind->err = err;
        behind->emptied++;
        pthread_cond_broadcast(&behind->moved);
    }
    pthread_mutex_unlock(&behind->lock);
    return NULL;
}

struct write_behind *write_behind_new(void) {
    struct write_behind *behind = calloc(1, sizeof *behind);
    if (!behind) return NULL;
    pthread_mutex_init(&behind->lock, NULL);
    pthread_cond_init(&behind->moved, NULL);
    if (pthread_create(&behind->thread, NULL, thread_main, behind) == 0) return behind;
    free(behind);
    return NULL;
}

enum err write_behind_put(struct write_behind *behind, struct outfile *file, struct bytes text) {
    pthread_mutex_lock(&behind->lock);
    while (behind->filled - behind->emptied == TEXTS) pthread_cond_wait(&behind->moved, &behind->lock);
    enum err err = behind->err;
    pthread_mutex_unlock(&behind->lock);
    if (err != OK) return err;
    struct buf *copy = &behind->texts[behind->filled % TEXTS];
    buf_clear(copy);
    buf_put(copy, text);
    if (copy->failed) return buf_result(copy);
    pthread_mutex_lock(&behind->lock);
    behind->file = file;
    behind->filled++;
    pthread_cond_broadcast(&behind->moved);
    pthread_mutex_unlock(&behind->lock);
    return OK;
}

enum err write_behind_drain(struct write_behind *behind) {
    pthread_mutex_lock(&behind->lock);
    while (behind->filled != behind->emptied) pthread_cond_wait(&behind->moved, &behind->lock);
    enum err err = behind->err;
    pthread_mutex_unlock(&behind->lock);
    return err;
}

void write_behind_free(struct write_behind *behind) {
    if (!behind) return;
    pthread_mutex_lock(&behind->lock);
    behind->stop = true;
    pthread_cond_broadcast(&behind->moved);
    pthread_mutex_unlock(&behind->lock);
    pthread_join(behind->thread, NULL);
    for (size_t i = 0; i < TEXTS; i++) buf_free(&behind->texts[i]);
    pthread_mutex_destroy(&behind->lock);
    pthread_cond_destroy(&behind->moved);
    free(behind);
}
