/* web_figures: the engine's figures, asked over a connection of their own, so that a long page of TAXII never delays them. */
#include "gossip/pack.h"
#include "node/engine/control.h"
#include "node/process/clock.h"
#include "node/web/web_state.h"

/* Without the engine's answer a monitoring system is told so before it gives up by itself. */
#define FIGURES_MS 5000
/* Who asks more often than that gets what was answered before: the listener has no tokens and no rates. */
#define FIGURES_AGE_MS 200

enum err web_figures_open(struct web *web) { return control_connect(&web->figures_link, web->settings.dir); }

void web_figures_close(struct web *web) {
    if (web->figures_link.fd > 0) channel_close(&web->figures_link);
    buf_free(&web->figures);
}

/* The answer to this question; late ones to earlier questions are passed over. */
static enum err answer_read(struct web *web, struct buf *out) {
    uint64_t until_ms = clock_monotonic_ms() + FIGURES_MS;
    for (;;) {
        struct frame frame;
        uint64_t now_ms = clock_monotonic_ms();
        if (now_ms >= until_ms) return ERR_TIMEOUT;
        enum err err = channel_wait(&web->figures_link, &frame, (int)(until_ms - now_ms));
        if (err != OK) return err;
        if (frame.tag != web->figures_tag) continue;
        if (frame.type == FRAME_ANSWER_ERROR) return ERR_BUSY;
        if (frame.type == FRAME_ANSWER_DONE) return buf_result(out);
        if (frame.type != FRAME_ANSWER_FIGURES) return ERR_FORMAT;
        buf_put(out, frame.body);
    }
}

enum err web_figures_ask(struct web *web) {
    static const uint8_t nothing = 0x90; /* an empty array */
    struct buf fresh = {0};
    uint64_t now_ms = clock_monotonic_ms();
    if (web->figures.size > 0 && now_ms - web->figures_ms < FIGURES_AGE_MS) return OK;
    enum err err = channel_send(&web->figures_link, FRAME_ASK_FIGURES, ++web->figures_tag, bytes_of(&nothing, 1));
    if (err == OK) err = answer_read(web, &fresh);
    buf_free(&web->figures);
    if (err == OK)
        web->figures = fresh, web->figures_ms = now_ms;
    else
        buf_free(&fresh);
    if (err != OK && err != ERR_TIMEOUT && err != ERR_BUSY) web_break(web, err_text(err));
    return err;
}
