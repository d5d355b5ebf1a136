/* hook_work: waiting, retrying and counting, the same for both kinds of hooks. */
#include "node/hook/hook_state.h"

#include "node/process/clock.h"
#include "node/process/log_event.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Behind the lock: the main thread tells the engine. */
static void tell(struct hooks *hooks) {
    uint64_t one = 1;
    hooks->told = false;
    ssize_t ignored = write(hooks->wake_fd, &one, sizeof one);
    (void)ignored;
}

/* Behind the lock: until something changes, or until then. */
static void wait_once(struct hooks *hooks, uint64_t until_ms) {
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    if (until_ms == 0)
        pthread_cond_wait(&hooks->changed, &hooks->lock);
    else
        pthread_cond_timedwait(&hooks->changed, &hooks->lock, &until);
}

bool hook_await(struct hook_work *work, uint64_t until_ms, uint64_t *asked) {
    struct hooks *hooks = work->hooks;
    pthread_mutex_lock(&hooks->lock);
    while (!hooks->stopping && !hooks->leaving && !work->news && work->asked == work->answered &&
           (until_ms == 0 || clock_monotonic_ms() < until_ms))
        wait_once(hooks, until_ms);
    work->news = false;
    *asked = work->asked;
    bool going = !hooks->stopping && !hooks->leaving;
    pthread_mutex_unlock(&hooks->lock);
    return going;
}

bool hook_pause(struct hook_work *work, uint64_t until_ms, bool hasty) {
    struct hooks *hooks = work->hooks;
    pthread_mutex_lock(&hooks->lock);
    while (!hooks->stopping && !hooks->leaving && clock_monotonic_ms() < until_ms && !(hasty && work->asked != work->answered))
        wait_once(hooks, until_ms);
    bool going = !hooks->stopping && !hooks->leaving;
    pthread_mutex_unlock(&hooks->lock);
    return going;
}

void hook_succeeded(struct hook_work *work, uint64_t asked, uint64_t held) {
    struct hooks *hooks = work->hooks;
    pthread_mutex_lock(&hooks->lock);
    if (work->failed_calls > 0)
        log_event(LOG_HOOK_WORKS, LOG_FIELDS(LOG_TEXT("hook", work->hook->name)), "hook %s: it works again", work->hook->name);
    work->failed_calls = 0;
    work->problem[0] = 0;
    work->next_ms = 0;
    work->last_ms = clock_wall_ms();
    if (work->hook->file) work->objects = held;
    if (asked > work->answered) work->answered = asked;
    tell(hooks);
    pthread_mutex_unlock(&hooks->lock);
}

uint64_t hook_failed(struct hook_work *work, uint64_t asked, const char *why) {
    struct hooks *hooks = work->hooks;
    uint64_t pause_ms = HOOK_PAUSE_FIRST_MS;
    pthread_mutex_lock(&hooks->lock);
    for (unsigned i = 0; i < work->failed_calls && pause_ms < HOOK_PAUSE_LAST_MS; i++) pause_ms *= 2;
    if (pause_ms > HOOK_PAUSE_LAST_MS) pause_ms = HOOK_PAUSE_LAST_MS;
    work->failed_calls++;
    if (strcmp(work->problem, why) != 0)
        log_event(LOG_HOOK_FAILED, LOG_FIELDS(LOG_TEXT("hook", work->hook->name), LOG_TEXT("why", why)),
                  "hook %s: %s; it is tried again", work->hook->name, why);
    snprintf(work->problem, sizeof work->problem, "%s", why);
    work->next_ms = clock_monotonic_ms() + pause_ms;
    uint64_t until_ms = work->next_ms;
    work->news = true; /* what was to be done still is */
    if (asked > work->answered) work->answered = asked;
    tell(hooks);
    pthread_mutex_unlock(&hooks->lock);
    return until_ms;
}

void hook_count(struct hook_work *work, uint64_t *counter, uint64_t more) {
    pthread_mutex_lock(&work->hooks->lock);
    *counter += more;
    tell(work->hooks);
    pthread_mutex_unlock(&work->hooks->lock);
}
