#include "node/store/eraser.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct eraser {
    struct rocks *rocks;
    int event_fd;
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work;
    struct erasure erasure;
    bool busy, stop;
    enum err error;
    char why[ROCKS_WHY_BYTES];
};

static void *run(void *argument) {
    struct eraser *eraser = argument;
    pthread_mutex_lock(&eraser->lock);
    for (;;) {
        while (!eraser->busy && !eraser->stop) pthread_cond_wait(&eraser->work, &eraser->lock);
        if (!eraser->busy) break;
        struct erasure erasure = eraser->erasure;
        pthread_mutex_unlock(&eraser->lock);
        char why[ROCKS_WHY_BYTES] = "";
        enum err result = erasure_run(eraser->rocks, &erasure, why);
        pthread_mutex_lock(&eraser->lock);
        if (result != OK && eraser->error == OK) {
            eraser->error = result;
            snprintf(eraser->why, sizeof eraser->why, "%s", why);
        }
        eraser->busy = false;
        uint64_t one = 1;
        if (write(eraser->event_fd, &one, sizeof one) < 0) { /* only when 2^64 signals wait: it is readable then */
        }
    }
    pthread_mutex_unlock(&eraser->lock);
    return NULL;
}

struct eraser *eraser_new(struct rocks *rocks, int event_fd) {
    struct eraser *eraser = calloc(1, sizeof *eraser);
    if (eraser == NULL) return NULL;
    eraser->rocks = rocks;
    eraser->event_fd = event_fd;
    pthread_mutex_init(&eraser->lock, NULL);
    pthread_cond_init(&eraser->work, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&eraser->thread, NULL, run, eraser);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        free(eraser);
        return NULL;
    }
    return eraser;
}

void eraser_free(struct eraser *eraser) {
    if (eraser == NULL) return;
    pthread_mutex_lock(&eraser->lock);
    eraser->stop = true;
    pthread_cond_signal(&eraser->work);
    pthread_mutex_unlock(&eraser->lock);
    pthread_join(eraser->thread, NULL);
    pthread_cond_destroy(&eraser->work);
    pthread_mutex_destroy(&eraser->lock);
    free(eraser);
}

void eraser_start(struct eraser *eraser, struct erasure *erasure) {
    pthread_mutex_lock(&eraser->lock);
    eraser->erasure = *erasure;
    eraser->busy = true;
    pthread_cond_signal(&eraser->work);
    pthread_mutex_unlock(&eraser->lock);
    *erasure = (struct erasure){0};
}

bool eraser_busy(struct eraser *eraser) {
    pthread_mutex_lock(&eraser->lock);
    bool busy = eraser->busy;
    pthread_mutex_unlock(&eraser->lock);
    return busy;
}

enum err eraser_error(struct eraser *eraser, char *why) {
    pthread_mutex_lock(&eraser->lock);
    enum err error = eraser->error;
    if (error != OK && why != NULL) snprintf(why, ROCKS_WHY_BYTES, "%s", eraser->why);
    pthread_mutex_unlock(&eraser->lock);
    return error;
}
