/* Evaluator plugin: cross-validated log loss of XGBoost on scikit-learn's breast-cancer data.
 *
 * The search's parameters are XGBoost's own, by name: each is handed to XGBoosterSetParam as it
 * is, so that xgboost.cfg can name any of them; `rounds`, the number of boosting rounds, is the
 * one exception. The objective is the mean log loss over 5 stratified folds, which are the same in
 * every evaluation; intermediate results are the mean over the folds done. No Python is involved:
 * the data is a CSV file of Debian's python3-sklearn (DH_XGBOOST_DATA names another one).
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

#include "dh_mpi/plugin.h"

#define DATA_FILE "/usr/lib/python3/dist-packages/sklearn/datasets/data/breast_cancer.csv"
#define FOLDS 5
#define FOLD_SEED 20240229u
#define ROUNDS 100

/* The table: `rows` × `columns` features, a label of 0 or 1 and a fold for each row. */
struct table {
    size_t rows, columns;
    float *features, *labels;
    int *fold;
};

struct scores {
    double log_loss, accuracy; /* means over the folds done */
    int folds;
};

static int fail(dh_result *result, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(dh_result *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result->reason, sizeof result->reason, format, arguments);
    va_end(arguments);
    return 1;
}

/* The last error of XGBoost in one line, without the source position before and the stack trace
 * behind it. */
static int fail_xgboost(dh_result *result, const char *doing)
{
    const char *text = XGBGetLastError(), *end = strstr(text, "Stack trace");
    const char *position = *text == '[' ? strstr(text, ": ") : NULL;
    size_t used;
    fail(result, "XGBoost, %s: ", doing);
    used = strlen(result->reason);
    for (text = position ? position + 2 : text; *text && text != end; text++) {
        int blank = *text == '\n' || *text == ' ';
        if (used + 1 < sizeof result->reason && (!blank || result->reason[used - 1] != ' '))
            result->reason[used++] = blank ? ' ' : *text;
    }
    result->reason[used - (result->reason[used - 1] == ' ')] = '\0';
    return 1;
}

static void table_free(struct table *table)
{
    free(table->features);
    free(table->labels);
    free(table->fold);
}

/* One row: its features, then the class. */
static int read_row(FILE *file, struct table *table, size_t row)
{
    for (size_t k = 0; k < table->columns; k++)
        if (fscanf(file, "%f,", &table->features[row * table->columns + k]) != 1)
            return 1;
    return fscanf(file, "%f", &table->labels[row]) != 1;
}

/* The head is "rows,columns,name of class 0,name of class 1". */
static int read_rows(FILE *file, const char *path, struct table *table, dh_result *result)
{
    if (fscanf(file, "%zu,%zu,%*[^\n]", &table->rows, &table->columns) != 2 ||
        table->rows < 2 * FOLDS || table->rows > 1000000 || !table->columns ||
        table->columns > 10000)
        return fail(result, "%s:1: expected \"rows,features,…\"", path);
    table->features = calloc(table->rows * table->columns, sizeof *table->features);
    table->labels = calloc(table->rows, sizeof *table->labels);
    table->fold = calloc(table->rows, sizeof *table->fold);
    if (!table->features || !table->labels || !table->fold)
        return fail(result, "no memory for %zu rows", table->rows);
    for (size_t row = 0; row < table->rows; row++)
        if (read_row(file, table, row))
            return fail(result, "%s:%zu: expected %zu numbers and a class", path, row + 2,
                        table->columns);
    return 0;
}

static int read_table(struct table *table, dh_result *result)
{
    const char *path = getenv("DH_XGBOOST_DATA");
    if (!path)
        path = DATA_FILE;
    FILE *file = fopen(path, "r");
    if (!file)
        return fail(result,
                    "%s: %s (Debian's package python3-sklearn installs it; DH_XGBOOST_DATA "
                    "can name another place)",
                    path, strerror(errno));
    int status = read_rows(file, path, table, result);
    fclose(file);
    return status;
}

/* Numerical Recipes' 32-bit linear congruential generator: enough to shuffle rows once. */
static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)*state * below) >> 32);
}

/* Deal the rows of each class, shuffled, to the folds in turn. */
static int assign_folds(struct table *table, dh_result *result)
{
    uint32_t state = FOLD_SEED, dealt = 0;
    size_t *order = calloc(table->rows, sizeof *order);
    if (!order)
        return fail(result, "no memory for %zu rows", table->rows);
    for (size_t row = 0; row < table->rows; row++) {
        size_t other = draw(&state, (uint32_t)row + 1);
        order[row] = order[other];
        order[other] = row;
    }
    for (int class = 0; class < 2; class ++)
        for (size_t i = 0; i < table->rows; i++)
            if ((table->labels[order[i]] > 0.5f) == class)
                table->fold[order[i]] = (int)(dealt++ % FOLDS);
    free(order);
    return 0;
}

/* The rows of `fold`, or all others, as a matrix; also how many in `count`. */
static int slice(const struct table *table, DMatrixHandle all, int fold, int inside,
                 DMatrixHandle *out, dh_result *result)
{
    int *rows = calloc(table->rows, sizeof *rows), status;
    size_t count = 0;
    if (!rows)
        return fail(result, "no memory for %zu rows", table->rows);
    for (size_t row = 0; row < table->rows; row++)
        if ((table->fold[row] == fold) == inside)
            rows[count++] = (int)row;
    status = XGDMatrixSliceDMatrix(all, rows, count, out);
    free(rows);
    return status ? fail_xgboost(result, "dividing the data") : 0;
}

static int set_parameter(BoosterHandle booster, const char *name, const char *value,
                         dh_result *result)
{
    char doing[96];
    snprintf(doing, sizeof doing, "%.40s = %.40s", name, value);
    return XGBoosterSetParam(booster, name, value) ? fail_xgboost(result, doing) : 0;
}

static int set_parameters(BoosterHandle booster, const dh_job *job, dh_result *result)
{
    char seed[16];
    snprintf(seed, sizeof seed, "%u", (unsigned)(job->seed & 0x7fffffff));
    const char *const fixed[][2] = {
        {"objective", "binary:logistic"}, {"nthread", "1"}, {"verbosity", "1"},
        {"tree_method", "exact"},         {"seed", seed},   {"validate_parameters", "1"}};
    int status = 0;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed && !status; i++)
        status = set_parameter(booster, fixed[i][0], fixed[i][1], result);
    for (size_t i = 0; i < job->argument_count && !status; i++)
        if (strcmp(job->arguments[i].name, "rounds") != 0)
            status = set_parameter(booster, job->arguments[i].name, job->arguments[i].text, result);
    return status;
}

/* Add the scores of the trained booster on `test`, the rows of `fold`, to the means. */
static int add_scores(BoosterHandle booster, DMatrixHandle test, const struct table *table,
                      int fold, struct scores *scores, dh_result *result)
{
    static const char how[] = "{\"type\": 0, \"training\": false, \"iteration_begin\": 0, "
                              "\"iteration_end\": 0, \"strict_shape\": false}";
    const bst_ulong *shape;
    bst_ulong dimensions, count = 0;
    const float *predicted;
    double loss = 0, hits = 0;
    if (XGBoosterPredictFromDMatrix(booster, test, how, &shape, &dimensions, &predicted))
        return fail_xgboost(result, "predicting");
    for (size_t row = 0; row < table->rows; row++) {
        if (table->fold[row] != fold)
            continue;
        double p = fmin(fmax(predicted[count++], 1e-7), 1 - 1e-7);
        int positive = table->labels[row] > 0.5f;
        loss -= log(positive ? p : 1 - p);
        hits += (p > 0.5) == positive;
    }
    scores->log_loss += (loss / (double)count - scores->log_loss) / (fold + 1);
    scores->accuracy += (hits / (double)count - scores->accuracy) / (fold + 1);
    scores->folds = fold + 1;
    return 0;
}

static int train(BoosterHandle booster, DMatrixHandle data, const dh_job *job, dh_result *result)
{
    int rounds = (int)dh_job_int(job, "rounds", ROUNDS);
    for (int round = 0; round < rounds; round++)
        if (XGBoosterUpdateOneIter(booster, round, data))
            return fail_xgboost(result, "training");
    return 0;
}

/* Train on all folds but one, and score on that one. */
static int run_fold(const struct table *table, DMatrixHandle all, int fold, const dh_job *job,
                    struct scores *scores, dh_result *result)
{
    DMatrixHandle parts[2] = {NULL, NULL}; /* to train, to test */
    BoosterHandle booster = NULL;
    int status = slice(table, all, fold, 0, &parts[0], result);
    if (!status)
        status = slice(table, all, fold, 1, &parts[1], result);
    if (!status && XGBoosterCreate(parts, 1, &booster))
        status = fail_xgboost(result, "creating a booster");
    if (!status)
        status = set_parameters(booster, job, result);
    if (!status)
        status = train(booster, parts[0], job, result);
    if (!status)
        status = add_scores(booster, parts[1], table, fold, scores, result);
    if (booster)
        XGBoosterFree(booster);
    for (int i = 0; i < 2; i++)
        if (parts[i])
            XGDMatrixFree(parts[i]);
    return status;
}

static int cross_validate(const struct table *table, const dh_job *job, struct scores *scores,
                          dh_result *result)
{
    DMatrixHandle all;
    if (XGDMatrixCreateFromMat(table->features, table->rows, table->columns, NAN, &all))
        return fail_xgboost(result, "taking the data");
    int status = 0, stopped = 0;
    if (XGDMatrixSetFloatInfo(all, "label", table->labels, table->rows))
        status = fail_xgboost(result, "taking the classes");
    for (int fold = 0; fold < FOLDS && !status && !stopped; fold++) {
        status = run_fold(table, all, fold, job, scores, result);
        if (!status)
            stopped = job->report(job, scores->folds, scores->log_loss);
    }
    XGDMatrixFree(all);
    return status;
}

int dh_evaluate(const dh_job *job, dh_result *result)
{
    struct table table = {0};
    struct scores scores = {0};
    int status = read_table(&table, result);
    if (!status)
        status = assign_folds(&table, result);
    if (!status)
        status = cross_validate(&table, job, &scores, result);
    if (!status) {
        result->objective[0] = scores.log_loss;
        snprintf(result->metadata, sizeof result->metadata, "{\"accuracy\": %.6f, \"folds\": %d}",
                 scores.accuracy, scores.folds);
    }
    table_free(&table);
    return status;
}
