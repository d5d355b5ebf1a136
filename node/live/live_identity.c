#include "node/live/live_identity.h"

#include "crypto/secret.h"
#include "node/process/dir.h"
#include "node/process/log.h"

#include <stdio.h>

/* Another process may make them at the same time: the first file stays, and is read. */
static enum err identity_make(const char *dir, uint8_t keys[static 2 * CURVE_KEY_BYTES]) {
    struct buf file = {0};
    curve_keys_make(keys);
    curve_certificate_write(&file, keys,
                            "Comity, the live feed's own keys. Whoever reads this file can pretend to be this node's feed.");
    enum err err = buf_result(&file);
    if (err == OK) err = dir_create(dir, DIR_LIVE_KEY, bytes_of_buf(&file), 0600);
    if (file.data) secret_wipe(file.data, file.capacity);
    buf_free(&file);
    return err;
}

static enum err identity_read(const char *dir, uint8_t keys[static 2 * CURVE_KEY_BYTES]) {
    struct buf file = {0};
    enum err err = buf_reserve(&file, CURVE_CERTIFICATE_BYTES_MAX) ? OK : ERR_MEMORY; /* it does not move: nothing is left behind */
    if (err == OK) err = dir_read(&file, dir, DIR_LIVE_KEY, CURVE_CERTIFICATE_BYTES_MAX);
    if (err == OK) err = curve_certificate_parse(keys, bytes_of_buf(&file));
    if (file.data) secret_wipe(file.data, file.capacity);
    buf_free(&file);
    return err;
}

enum err live_identity_get(const char *dir, uint8_t keys[static 2 * CURVE_KEY_BYTES],
                           char problem[static LIVE_IDENTITY_PROBLEM_MAX]) {
    enum err err = identity_read(dir, keys);
    if (err == ERR_NOT_FOUND) {
        err = identity_make(dir, keys);
        if (err == ERR_EXISTS)
            err = identity_read(dir, keys);
        else if (err == OK)
            log_info("made the keys of the live feed: %s/" DIR_LIVE_KEY, dir);
    }
    if (err != OK)
        snprintf(problem, LIVE_IDENTITY_PROBLEM_MAX,
                 "%.300s/" DIR_LIVE_KEY
                 ": %s; it holds the live feed's keys: restore it, or remove it to have new ones made, which "
                 "every client must then be told",
                 dir, err_text(err));
    return err;
}
