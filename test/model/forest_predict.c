/* forest_predict KIND COLUMNS < FILE: for comparisons with other programs. COLUMNS says what the
 * columns of FILE are, a letter each: n a number in [0, 1], a digit a category of so many levels.
 * Lines of FILE: the features, then y; a line with `nan` for y is predicted. Prints mean, aleatoric
 * and epistemic variance of each of these.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/model.h"

struct table {
    double *x, *y;
    size_t count, x_capacity, y_capacity;
};

static int read_table(size_t width, struct table *known, struct table *asked)
{
    double *row = dh_alloc(width + 1, sizeof *row);
    int got = 1;
    while (got == 1) {
        for (size_t i = 0; i <= width && got == 1; i++)
            got = scanf("%lf", &row[i]);
        if (got != 1)
            break;
        struct table *table = isnan(row[width]) ? asked : known;
        size_t values = table->count * width;
        for (size_t i = 0; i < width; i++)
            *DH_PUSH(table->x, values, table->x_capacity) = row[i];
        *DH_PUSH(table->y, table->count, table->y_capacity) = row[width];
    }
    free(row);
    return got == EOF ? 0 : 1;
}

static int run(const struct dh_model_kind *kind, struct dh_model_setup *setup,
               const struct table *known, const struct table *asked)
{
    struct dh_rows rows = {known->x, known->y, known->count};
    struct dh_model *model = NULL;
    struct dh_error err;
    if (kind->fit(setup, &rows, &model, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    double *out = dh_alloc(3 * asked->count, sizeof *out);
    struct dh_prediction parts = {out, out + asked->count, out + 2 * asked->count};
    kind->predict(model, asked->x, asked->count, &parts);
    for (size_t i = 0; i < asked->count; i++)
        printf("%.17g %.17g %.17g\n", parts.mean[i], parts.aleatoric[i], parts.epistemic[i]);
    free(out);
    dh_model_destroy(&model);
    return 0;
}

int main(int argc, char **argv)
{
    const struct dh_model_kind *kind = argc >= 3 ? dh_model_find(argv[1]) : NULL;
    if (!kind) {
        fprintf(stderr, "usage: forest_predict KIND COLUMNS [TREES [MIN_LEAF [SHARE]]] < FILE\n");
        return 64;
    }
    size_t width = strlen(argv[2]);
    struct dh_feature *features = dh_alloc(width, sizeof *features);
    for (size_t i = 0; i < width; i++)
        features[i] =
            (struct dh_feature){argv[2][i] == 'n' ? 0 : (uint32_t)(argv[2][i] - '0'), true};
    struct dh_model_setup setup = {
        .features = features, .feature_count = width, .seed = 1, .threads = 1};
    setup.tune.trees = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    setup.tune.min_leaf = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
    setup.tune.feature_share = argc > 5 ? strtod(argv[5], NULL) : 0;
    struct table known = {0}, asked = {0};
    int failed = read_table(width, &known, &asked);
    if (failed)
        fprintf(stderr, "expected rows of %zu numbers\n", width + 1);
    else
        failed = run(kind, &setup, &known, &asked);
    free(features);
    free(known.x);
    free(known.y);
    free(asked.x);
    free(asked.y);
    return failed;
}
