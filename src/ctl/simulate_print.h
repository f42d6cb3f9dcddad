/* What dhctl simulate prints. */
#ifndef DH_MPI_CTL_SIMULATE_PRINT_H
#define DH_MPI_CTL_SIMULATE_PRINT_H

#include "dh_mpi/buffer.h"
#include "dh_mpi/simulate.h"

/* The head of the table, and a row of it. */
void simulate_put_head(struct dh_buffer *out);
void simulate_put_row(const struct dh_simulated *result, struct dh_buffer *out);
/* Everything about one, for people. */
void simulate_put_details(const struct dh_simulated *result, struct dh_buffer *out);
/* One as a JSON object. */
void simulate_put_json(const struct dh_simulated *result, struct dh_buffer *out);

#endif
