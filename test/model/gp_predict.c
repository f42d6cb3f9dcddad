/* What compare_gp.py compares: reads a problem from standard input, prints a Gaussian process's
 * answers as JSON. Numbers in: features, training rows, query rows; levels and whether optional,
 * per feature; parameters; training rows with y behind each; query rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "gp_model.h"

static double *read_numbers(size_t count)
{
    double *numbers = dh_alloc(count, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        if (scanf("%lf", numbers + i) != 1)
            exit(65);
    return numbers;
}

static void print_numbers(const char *key, const double *numbers, size_t count, const char *end)
{
    printf("\"%s\": [", key);
    for (size_t i = 0; i < count; i++)
        printf("%s%.17g", i ? ", " : "", numbers[i]);
    printf("]%s", end);
}

static void print_likelihood(const struct dh_gp_layout *layout, const struct dh_rows *rows,
                             const double *parameters)
{
    struct dh_gp_points points = {0};
    double *point = dh_alloc(dh_gp_coordinates(layout), sizeof *point);
    double *gradient = dh_alloc(dh_gp_parameters(layout), sizeof *gradient);
    for (size_t i = 0; i < rows->count; i++) {
        dh_gp_embed(layout, rows->x + i * layout->features, point);
        dh_gp_points_push(&points, layout, point);
    }
    struct dh_gp_data data = {layout, &points, rows->y};
    double *memory = dh_alloc(dh_gp_likelihood_memory(&data), sizeof *memory);
    double likelihood = dh_gp_likelihood(&data, parameters, gradient, memory);
    printf("{\"likelihood\": %.17g, ", likelihood);
    print_numbers("gradient", gradient, dh_gp_parameters(layout), ", ");
    free(points.values);
    free(point);
    free(gradient);
    free(memory);
}

static int print_predictions(const struct dh_model_setup *setup, const struct dh_rows *rows,
                             const double *parameters, const double *queries, size_t count)
{
    struct dh_gp *gp = dh_gp_begin(setup, rows);
    struct dh_model *model = NULL;
    struct dh_error err;
    memcpy(gp->parameters, parameters, dh_gp_parameters(&gp->layout) * sizeof *parameters);
    if (dh_gp_finish(gp, &model, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    double *out = dh_alloc(3 * count, sizeof *out);
    struct dh_prediction prediction = {out, out + count, out + 2 * count};
    model->kind->predict(model, queries, count, &prediction);
    print_numbers("mean", prediction.mean, count, ", ");
    print_numbers("aleatoric", prediction.aleatoric, count, ", ");
    print_numbers("epistemic", prediction.epistemic, count, ", ");
    printf("\"evidence\": %.17g, ", model->kind->evidence(model));
    printf("\"scale\": %.17g}\n", gp->scale);
    dh_model_destroy(&model);
    free(out);
    return 0;
}

int main(void)
{
    double *sizes = read_numbers(3);
    size_t features = (size_t)sizes[0], rows = (size_t)sizes[1], queries = (size_t)sizes[2];
    struct dh_feature *kinds = dh_alloc(features, sizeof *kinds);
    double *described = read_numbers(2 * features);
    for (size_t j = 0; j < features; j++)
        kinds[j] = (struct dh_feature){(uint32_t)described[2 * j], described[2 * j + 1] != 0};
    struct dh_gp_layout layout;
    dh_gp_layout_make(&layout, kinds, features);
    double *parameters = read_numbers(dh_gp_parameters(&layout));
    double *x = dh_alloc(rows * features, sizeof *x), *y = dh_alloc(rows, sizeof *y);
    for (size_t i = 0; i < rows; i++) {
        double *row = read_numbers(features + 1);
        for (size_t j = 0; j < features; j++)
            x[i * features + j] = row[j];
        y[i] = row[features];
        free(row);
    }
    double *asked = read_numbers(queries * features);
    struct dh_model_setup setup = {
        .features = kinds, .feature_count = features, .seed = 1, .threads = 1};
    struct dh_rows data = {x, y, rows};
    print_likelihood(&layout, &data, parameters);
    int result = print_predictions(&setup, &data, parameters, asked, queries);
    dh_gp_layout_free(&layout);
    void *all[] = {sizes, kinds, described, parameters, x, y, asked};
    for (size_t i = 0; i < DH_COUNT_OF(all); i++)
        free(all[i]);
    return result;
}
