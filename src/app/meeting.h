/* How all ranks come to open the board, or agree that there is none.
 *
 * Rank 0 decides, by messages, so that a rank that is lost before costs a wait and nothing else:
 * the others say that they are ready, rank 0 tells all of them to come or not, and only then they
 * meet in the collective calls. Where comm.window is "off" nobody says anything.
 *
 * "auto" opens the board only where it gains something and risks nothing: where several slots are
 * to be fed, where windows work without rank 0's help, and not under mpiexec --enable-recovery,
 * since a rank that dies within a one-sided access can hold a lock that all others then wait for.
 */
#ifndef DH_MPI_APP_MEETING_H
#define DH_MPI_APP_MEETING_H

#include "dh_mpi/app.h"
#include "dh_mpi/board.h"

/* Rank 0's part, after the setup was sent. `slots`: of each worker. DH_OK with a board, or with
 * none (NULL) and a line on the log that says why; an error if comm.window is "on" and there can be
 * none. */
dh_status dh_meeting_hold(const struct dh_app_setup *setup, struct dh_comm *comm, int32_t slots,
                          const struct dh_log *log, struct dh_board **board, struct dh_error *err);
/* Every other rank's part, after it was given the setup. */
dh_status dh_meeting_attend(const struct dh_app_setup *setup, struct dh_comm *comm,
                            struct dh_board **board, struct dh_error *err);

#endif
