/* marking_options: marks (gossip/marks.h) as the command line says them. */
#ifndef NODE_MARKING_OPTIONS_H
#define NODE_MARKING_OPTIONS_H

#include "gossip/marks.h"
#include "node/cmd/command.h"

/* What belongs into the table of options of a command that publishes. */
#define MARKING_OPTIONS                                                                                                            \
    {"pap", "LABEL", "PAP:CLEAR, GREEN, AMBER or RED: which actions are permitted"},                                               \
        {"handling", "CODES", "handling codes of police data: H0,H1,H2,H3"},                                                       \
        {"handling-text", "TEXT", "the other restrictions that H3 stands for"},                                                    \
        {"level", "AUTHORITY:LEVEL", "a national or organisation level, such as EU:R-UE/EU-R"},                                    \
        {"caveat", "NAMES", "caveats of that level, such as NOFORN,ORCON"},                                                        \
        {"releasable-to", "NATIONS", "which it may be released to: FR,DE"}, {"purpose", "NAMES", "purposes, comma-separated"},     \
        {"legal-basis", "TEXT", "on which ground"}, {"case", "TEXT", "the case it belongs to"},                                    \
        {"retain-until", "TIME", "nobody keeps it longer: 2027-01-31T00:00:00Z"},                                                  \
        {"sightings", "WHOM", "who hears of readers' sightings and opinions: author (as if not said) or audience"},                \
        {"personal", NULL, "it holds personal data: purpose, legal basis and retention are needed"}, {                             \
        "police-data", NULL, "it holds police data: the same, and only police may have it"                                         \
    }

/* Reads the options; says what is wrong with them and returns the exit code. Views point into argv. */
enum outcome marking_options(const struct invocation *invocation, struct marks *out) MUST_USE;

#endif
