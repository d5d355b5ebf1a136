#include "node/web_state.h"
enum err web_publisher_start(struct web *web) {
    (void)web;
    return OK;
}
void web_publisher_stop(struct web *web) { (void)web; }
enum err web_publisher_post(struct web *web, const struct web_user *user, unsigned collection, struct buf *body,
                            struct buf *status) {
    (void)web, (void)user, (void)collection, (void)body, (void)status;
    return ERR_FULL;
}
enum err web_publisher_status(struct web *web, const struct web_user *user, const char *id, struct buf *status) {
    (void)web, (void)user, (void)id, (void)status;
    return ERR_NOT_FOUND;
}
