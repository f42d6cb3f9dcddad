/* How programs name the columns of a CSV file of trials: DeepHyper's results.csv (and ours), and
 * the data frame of an Optuna study, which has columns "params_X", and neither "p:X" nor
 * "objective". */
#ifndef DH_STORE_DIALECT_H
#define DH_STORE_DIALECT_H

#include <stdbool.h>

#include "csv.h"

struct dh_dialect;

/* That of a file with this header line; never NULL. */
const struct dh_dialect *dh_dialect_of(const struct dh_csv *header);
/* The parameter that a column is of ("p:lr", "params_lr"; DeepHyper's prefix may be missing), a
 * part of `column`; NULL: of none. Whether the prefix is there. */
const char *dh_dialect_parameter(const struct dh_dialect *dialect, const char *column);
bool dh_dialect_prefixed(const struct dh_dialect *dialect, const char *column);
/* The name of the objective that a column may be of ("acc", Optuna's "value_acc" and "values_acc"),
 * a part of `column`; NULL: of none. */
const char *dh_dialect_objective_name(const struct dh_dialect *dialect, const char *column);
/* The number of the objective: "objective" and "value" are 0, "objective_N" and "values_N" N; -1:
 * it is none. */
int dh_dialect_objective(const struct dh_dialect *dialect, const char *column);
bool dh_dialect_is_status(const struct dh_dialect *dialect, const char *column);
/* A column that says nothing about points and results, and is not worth a word. */
bool dh_dialect_passed(const struct dh_dialect *dialect, const char *column);
/* The status that a cell of the status column names, -1: none. What Optuna was still running or had
 * not begun is cancelled: it has no result. */
int dh_dialect_status(const struct dh_dialect *dialect, const char *cell);

#endif
