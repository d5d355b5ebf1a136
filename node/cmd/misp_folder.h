/* misp_folder: a MISP feed's folder, event by event, and what of it was published before. The memory is a file of the node's directory,
   DIR/misp-feed-HASH: one for each folder, agency, audience as it was resolved, label and marks. */
#ifndef NODE_CMD_MISP_FOLDER_H
#define NODE_CMD_MISP_FOLDER_H

#include "gossip/entry.h"
#include "gossip/marks.h"
#include "node/cmd/audience.h"
#include "node/formats/misp_manifest.h"

struct misp_folder;

/* Reads manifest.json and hashes.csv; says what is wrong with them and returns the exit code. Release with misp_folder_close. */
enum outcome misp_folder_open(struct misp_folder **out, const struct invocation *invocation, const char *dir) MUST_USE;
void misp_folder_close(struct misp_folder *folder); /* null: nothing */

/* Reads what was published before to these readers (audience_open's answer) under this label. ERR_MEMORY, ERR_RANGE. */
enum err misp_folder_begin(struct misp_folder *folder, const uint8_t agency_id[static AGENCY_ID_BYTES], struct bytes audience,
                           enum tlp tlp, const struct marks *marks) MUST_USE;

/* The path of the next event that changed; null: there is none. */
const char *misp_folder_next(struct misp_folder *folder);
/* The number of the event under way, and any event's path; valid until the next call. */
uint32_t misp_folder_index(const struct misp_folder *folder);
const char *misp_folder_path(struct misp_folder *folder, uint32_t index);

/* Of the event under way: is it what the feed says? */
bool misp_folder_judge(const struct misp_folder *folder, const struct misp_event *event,
                       char reason[static INTAKE_REASON_BYTES]) MUST_USE;
/* It was read: without a refusal or not. One that was not read whole is read again next time. */
void misp_folder_done(struct misp_folder *folder, bool whole);

/* Events that did not change. */
uint64_t misp_folder_unchanged(const struct misp_folder *folder);

/* Everything is on disk: notes what is done. A node's directory that cannot be written costs time at the next run, and is said. */
void misp_folder_remember(const struct misp_folder *folder);

#endif
