/* The state that the files under a path hold. */
#ifndef DH_STORE_RECOVER_H
#define DH_STORE_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "dh_mpi/store.h"
#include "files.h"

/* The search that goes on from what is found; NULL members: none, the files speak for
 * themselves. */
struct dh_recover_target {
    const struct dh_settings *settings;
    const struct dh_space *space;
    struct dh_history *history; /* empty */
};

struct dh_recovery {
    bool current_sound;       /* NAME was verified and used */
    bool journal_sound;       /* NAME-journal begins with a sound header */
    uint64_t journal_keep;    /* length of the sound part of NAME-journal */
    uint64_t journal_torn;    /* bytes behind it */
    bool config_is_different; /* from the target's configuration text */
};

/* Read the newest sound generation and every event after it into `image` (and the target's
 * history). Changes no file. DH_MISSING: nothing is there. DH_CONFIG: the target is another space.
 * DH_CORRUPT: neither generation nor journals give a state, or events are missing. On failure
 * `image` holds nothing and the history is empty. */
dh_status dh_recover(const struct dh_family *family, const struct dh_recover_target *target,
                     struct dh_store_image *image, struct dh_recovery *recovery,
                     struct dh_error *err);

#endif
