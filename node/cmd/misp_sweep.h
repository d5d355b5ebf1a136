/* misp_sweep: a MISP feed's folder that is written again: an event that is not in it any more (all of it was recalled, or is withheld now)
   loses its file. Only files that the folder's own manifest listed are touched. */
#ifndef NODE_CMD_MISP_SWEEP_H
#define NODE_CMD_MISP_SWEEP_H

#include "node/cmd/command.h"
#include "node/formats/misp_manifest.h"

/* What the folder lists now; without a manifest, or with a broken one: nothing. ERR_MEMORY. Release with misp_manifest_free. */
enum err misp_sweep_begin(struct misp_manifest *before, const char *dir) MUST_USE;

/* The new manifest stands there. Says which file cannot be removed, and returns the exit code. */
enum outcome misp_sweep_end(const struct misp_manifest *before, const struct invocation *invocation, const char *dir) MUST_USE;

#endif
