/* How all ranks come together before the first evaluation: where each of them runs, how many
 * threads an evaluation on it is to use, and the board, which they open or agree that there is
 * none.
 *
 * Rank 0 decides, by messages, so that a rank that is lost before costs a wait and nothing else:
 * the others say where they are, rank 0 tells each its threads and whether to come to the board,
 * and only then they meet in the collective calls. It waits for everybody where there may be a
 * board, or where evaluations are told how many threads to use: ranks that share cores share them.
 *
 * comm.window = "auto" opens the board only where it gains something and risks nothing: where
 * several slots are to be fed, where windows work without rank 0's help, and not under mpiexec
 * --enable-recovery, since a rank that dies within a one-sided access can hold a lock that all
 * others then wait for.
 */
#ifndef DH_MPI_APP_MEETING_H
#define DH_MPI_APP_MEETING_H

#include "dh_mpi/app.h"
#include "dh_mpi/board.h"
#include "dh_mpi/eval.h"
#include "place.h"

/* Rank 0's part, after the setup was sent; `places` (by rank, zeroed) of those that came. DH_OK
 * with a board, or with none (NULL) and a line on the log that says why; an error if comm.window is
 * "on" and there can be none. With groups of ranks (muster.h) there is nothing to do. */
dh_status dh_meeting_hold(const struct dh_app_setup *setup, struct dh_comm *comm,
                          const struct dh_eval_plan *eval, struct dh_place *places,
                          const struct dh_log *log, struct dh_board **board, struct dh_error *err);
/* Every other rank's part, after it was given the setup. `*threads`: see dh_eval_create. */
dh_status dh_meeting_attend(const struct dh_app_setup *setup, struct dh_comm *comm,
                            struct dh_board **board, uint32_t *threads, struct dh_error *err);

#endif
