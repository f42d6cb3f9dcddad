/* Coordinates and covariance of the Gaussian process: see gp.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "gp.h"

#define MIDDLE 0.5  /* where an inactive number is, in its own coordinate */
#define INACTIVE -1 /* an inactive category's level */
#define BLOCK 256   /* points whose distances stay on the stack */

size_t dh_gp_coordinates(const struct dh_gp_layout *layout)
{
    return layout->numbers + layout->classes;
}

size_t dh_gp_parameters(const struct dh_gp_layout *layout)
{
    return DH_GP_SCALES + dh_gp_coordinates(layout);
}

static void push_coordinate(struct dh_gp_layout *layout, size_t source, bool is_activity)
{
    size_t at = dh_gp_coordinates(layout);
    layout->source[at] = source;
    layout->is_activity[at] = is_activity;
}

void dh_gp_layout_make(struct dh_gp_layout *layout, const struct dh_feature *features, size_t count)
{
    *layout = (struct dh_gp_layout){.features = count};
    layout->source = dh_alloc(2 * count, sizeof *layout->source);
    layout->is_activity = dh_alloc(2 * count, sizeof *layout->is_activity);
    for (size_t j = 0; j < count; j++) {
        if (features[j].levels)
            continue;
        push_coordinate(layout, j, false);
        layout->numbers++;
        if (features[j].optional) {
            push_coordinate(layout, j, true);
            layout->numbers++;
        }
    }
    for (size_t j = 0; j < count; j++)
        if (features[j].levels) {
            push_coordinate(layout, j, false);
            layout->classes++;
        }
}

void dh_gp_layout_free(struct dh_gp_layout *layout)
{
    free(layout->source);
    free(layout->is_activity);
    *layout = (struct dh_gp_layout){0};
}

void dh_gp_embed(const struct dh_gp_layout *layout, const double *x, double *point)
{
    for (size_t j = 0; j < dh_gp_coordinates(layout); j++) {
        double value = x[layout->source[j]];
        if (layout->is_activity[j])
            point[j] = isnan(value) ? 0 : 1;
        else
            point[j] = !isnan(value) ? value : j < layout->numbers ? MIDDLE : INACTIVE;
    }
}

static void widen(struct dh_gp_points *points, size_t coordinates)
{
    size_t wider = points->capacity + points->capacity / 2 + 16;
    double *values = dh_alloc(coordinates * wider, sizeof *values);
    for (size_t j = 0; j < coordinates && points->count; j++)
        memcpy(values + j * wider, points->values + j * points->capacity,
               points->count * sizeof *values);
    free(points->values);
    points->values = values;
    points->capacity = wider;
}

void dh_gp_points_push(struct dh_gp_points *points, const struct dh_gp_layout *layout,
                       const double *point)
{
    size_t coordinates = dh_gp_coordinates(layout);
    if (points->count == points->capacity)
        widen(points, coordinates);
    for (size_t j = 0; j < coordinates; j++)
        points->values[j * points->capacity + points->count] = point[j];
    points->count++;
}

void dh_gp_points_remove(struct dh_gp_points *points, const struct dh_gp_layout *layout,
                         size_t index)
{
    points->count--;
    for (size_t j = 0; j < dh_gp_coordinates(layout); j++) {
        double *hole = points->values + j * points->capacity + index;
        memmove(hole, hole + 1, (points->count - index) * sizeof *hole);
    }
}

void dh_gp_points_get(const struct dh_gp_points *points, const struct dh_gp_layout *layout,
                      size_t index, double *point)
{
    for (size_t j = 0; j < dh_gp_coordinates(layout); j++)
        point[j] = points->values[j * points->capacity + index];
}

void dh_gp_kernel_make(struct dh_gp_kernel *kernel, const struct dh_gp_layout *layout,
                       const double *parameters)
{
    size_t coordinates = dh_gp_coordinates(layout);
    const double *scales = parameters + DH_GP_SCALES;
    kernel->layout = layout;
    kernel->signal = dh_exp(parameters[DH_GP_SIGNAL]);
    kernel->noise = dh_exp(parameters[DH_GP_NOISE]);
    kernel->weights = dh_alloc(coordinates, sizeof *kernel->weights);
    for (size_t j = 0; j < coordinates; j++)
        kernel->weights[j] = dh_exp(j < layout->numbers ? -2 * scales[j] : scales[j]);
}

void dh_gp_kernel_free(struct dh_gp_kernel *kernel)
{
    free(kernel->weights);
    kernel->weights = NULL;
}

/* 5 r² and the exponent of the categorical part for `count` (<= BLOCK) points from `first` on. */
static void distances(const struct dh_gp_kernel *kernel, const struct dh_gp_points *points,
                      size_t first, size_t count, const double *point, double *square,
                      double *differ)
{
    const struct dh_gp_layout *layout = kernel->layout;
    memset(square, 0, count * sizeof *square);
    memset(differ, 0, count * sizeof *differ);
    for (size_t j = 0; j < layout->numbers; j++) {
        const double *z = points->values + j * points->capacity + first;
        double x = point[j], weight = 5 * kernel->weights[j];
        for (size_t i = 0; i < count; i++)
            square[i] += weight * (x - z[i]) * (x - z[i]);
    }
    for (size_t j = layout->numbers; j < dh_gp_coordinates(layout); j++) {
        const double *z = points->values + j * points->capacity + first;
        double x = point[j], weight = kernel->weights[j];
        for (size_t i = 0; i < count; i++)
            differ[i] += z[i] == x ? 0 : weight;
    }
}

void dh_gp_covariance(const struct dh_gp_kernel *kernel, const struct dh_gp_points *points,
                      size_t count, const double *point, double *k, double *slope)
{
    double square[BLOCK], differ[BLOCK], spare[BLOCK];
    for (size_t first = 0; first < count; first += BLOCK) {
        size_t width = count - first < BLOCK ? count - first : BLOCK;
        distances(kernel, points, first, width, point, square, differ);
        dh_dense_matern(kernel->signal, square, differ, width, k + first,
                        slope ? slope + first : spare);
    }
}
