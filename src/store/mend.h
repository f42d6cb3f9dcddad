/* The journal of the last owner, made ready to be followed by another. */
#ifndef DH_STORE_MEND_H
#define DH_STORE_MEND_H

#include <stdbool.h>

#include "dh_mpi/log.h"
#include "dh_mpi/status.h"
#include "files.h"
#include "lock.h"
#include "recover.h"

/* NAME-journal, of which `found` was seen: its torn tail is cut; with damage it is kept as
 * NAME-journal.damaged, whole or as a copy, and that is said. `*there`: is NAME-journal there?
 * DH_IO, and nothing is changed, also where `lock` was lost. */
dh_status dh_mend_journal(const struct dh_family *family, const struct dh_recovery *found,
                          const struct dh_lock *lock, const struct dh_log *log, bool *there,
                          struct dh_error *err);

#endif
