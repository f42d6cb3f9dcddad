/* See dialect.h. */
#include "dialect.h"

#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/history.h"

struct dh_dialect {
    const char *parameter;           /* the prefix … */
    bool always;                     /* … without which a column is no parameter's */
    const char *objective, *indexed; /* names: the first, and the beginning of any's */
    const char *status;
    const char *passed[6]; /* beginnings of names */
};

static const struct dh_dialect deephyper = {.parameter = "p:",
                                            .objective = "objective",
                                            .indexed = "objective_",
                                            .status = "m:status",
                                            .passed = {"m:", "job_"}};
static const struct dh_dialect optuna = {
    .parameter = "params_",
    .always = true,
    .objective = "value",
    .indexed = "values_",
    .status = "state",
    .passed = {"number", "datetime_", "duration", "user_attrs_", "system_attrs_"}};

static const struct {
    const char *name;
    enum dh_trial_status status;
} optuna_states[] = {{"COMPLETE", DH_TRIAL_SUCCEEDED},
                     {"FAIL", DH_TRIAL_FAILED},
                     {"PRUNED", DH_TRIAL_PRUNED},
                     {"RUNNING", DH_TRIAL_CANCELLED},
                     {"WAITING", DH_TRIAL_CANCELLED}};

static const char optuna_state[] = "TrialState."; /* some write it before */

static const char *const optuna_values[] = {"value_", "values_"};

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

const struct dh_dialect *dh_dialect_of(const struct dh_csv *header)
{
    bool prefixed = false, other = false;
    for (size_t i = 0; i < header->count; i++) {
        const char *column = dh_csv_field(header, i);
        prefixed |= dh_dialect_prefixed(&optuna, column);
        other |= dh_dialect_prefixed(&deephyper, column) ||
                 dh_dialect_objective(&deephyper, column) >= 0;
    }
    return prefixed && !other ? &optuna : &deephyper;
}

bool dh_dialect_prefixed(const struct dh_dialect *dialect, const char *column)
{
    return begins_with(column, dialect->parameter);
}

const char *dh_dialect_parameter(const struct dh_dialect *dialect, const char *column)
{
    if (dh_dialect_prefixed(dialect, column))
        return column + strlen(dialect->parameter);
    return dialect->always ? NULL : column;
}

const char *dh_dialect_objective_name(const struct dh_dialect *dialect, const char *column)
{
    if (dialect != &optuna)
        return column;
    if (dh_dialect_is_status(dialect, column) || dh_dialect_passed(dialect, column))
        return NULL;
    for (size_t i = 0; i < DH_COUNT_OF(optuna_values); i++)
        if (begins_with(column, optuna_values[i]))
            return column + strlen(optuna_values[i]);
    return column;
}

int dh_dialect_objective(const struct dh_dialect *dialect, const char *column)
{
    if (strcmp(column, dialect->objective) == 0)
        return 0;
    if (!begins_with(column, dialect->indexed))
        return -1;
    const char *digits = column + strlen(dialect->indexed);
    size_t length = strspn(digits, "0123456789");
    return length == 0 || length > 6 || digits[length] != '\0' ? -1 : atoi(digits);
}

bool dh_dialect_is_status(const struct dh_dialect *dialect, const char *column)
{
    return strcmp(column, dialect->status) == 0;
}

bool dh_dialect_passed(const struct dh_dialect *dialect, const char *column)
{
    for (const char *const *name = dialect->passed; *name; name++)
        if (begins_with(column, *name))
            return true;
    return dialect == &optuna && *column == '\0'; /* the data frame's index */
}

int dh_dialect_status(const struct dh_dialect *dialect, const char *cell)
{
    if (dialect != &optuna)
        return dh_trial_status_parse(cell);
    cell += begins_with(cell, optuna_state) ? strlen(optuna_state) : 0;
    for (size_t i = 0; i < DH_COUNT_OF(optuna_states); i++)
        if (strcmp(optuna_states[i].name, cell) == 0)
            return optuna_states[i].status;
    return -1;
}
