/* Fits of the Gaussian process: what they find, few and many rows, and data that are hard on
 * them; and the minimiser they use. */
#include "gp_sample.h"
#include "lbfgs.h"

/* What a search finds that starts from a model's parameters, and from others if `starts` > 1. */
static void search_again(const struct dh_model *model, const struct dh_model_setup *setup,
                         size_t starts, double *parameters)
{
    const struct dh_gp *gp = gp_of(model);
    struct dh_gp_data data = {&gp->layout, &gp->points, gp->y};
    struct dh_gp_search search = {gp->parameters, starts, 12, 40};
    dh_gp_search(&data, setup, &search, parameters);
}

/* So many rows that the fit begins with some of them: as good as with all from several starts. */
static void test_many_rows(void **state)
{
    (void)state;
    enum { MANY = 330 };
    static const struct dh_feature numbers[3] = {{0, false}, {0, false}, {0, false}};
    double *x = dh_alloc(MANY * 3, sizeof *x), *y = dh_alloc(MANY, sizeof *y);
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 33);
    for (size_t i = 0; i < MANY; i++) {
        for (size_t j = 0; j < 3; j++)
            x[3 * i + j] = dh_random_uniform(&random);
        y[i] = sin(8 * x[3 * i]) * x[3 * i + 1] + 0.02 * dh_random_normal(&random);
    }
    struct dh_model_setup setup = {
        .features = numbers, .feature_count = 3, .seed = 1, .threads = 1};
    struct dh_rows rows = {x, y, MANY};
    struct dh_model *model = fit(&setup, &rows);
    double query[50 * 3], mean[50], again[5];
    for (size_t i = 0; i < DH_COUNT_OF(query); i++)
        query[i] = 0.05 + 0.9 * dh_random_uniform(&random);
    predict(model, query, 50, mean, NULL);
    for (size_t i = 0; i < 50; i++)
        assert_near(mean[i], sin(8 * query[3 * i]) * query[3 * i + 1], 0.05);
    const double *found = gp_of(model)->parameters;
    search_again(model, &setup, 3, again); /* from there on all rows at once, with further starts */
    for (size_t i = 1; i < 4; i++)         /* noise, and the two length scales that matter */
        assert_near(found[i], again[i], 0.3);
    dh_model_destroy(&model);
    free(x);
    free(y);
}

/* What few values may look like: smooth, noise alone, a step, one value far off, all the same. */
static double few_value(size_t kind, const double *x, size_t i, struct dh_random *random)
{
    switch (kind) {
    case 0:
        return sin(3 * x[0]) + x[1];
    case 1:
        return dh_random_normal(random);
    case 2:
        return x[0] > 0.5;
    case 3:
        return i == 0 ? 1e6 : x[0];
    default:
        return 7;
    }
}

/* A fit on few points neither explains everything as noise nor as a length scale without reach
 * nor finds a signal of any size, whatever the values look like. (What is noise alone may look like
 * short waves: so few points cannot tell.) */
static void check_few(size_t kind, size_t count, size_t width)
{
    enum { MOST = 30, WIDEST = 20 };
    static const struct dh_feature numbers[WIDEST] = {{0, false}};
    double x[MOST * WIDEST], y[MOST], query[WIDEST], mean, variance;
    struct dh_random random = dh_random_at(kind, DH_STREAM_TEST, count * WIDEST + width);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < width; j++)
            x[i * width + j] = dh_random_uniform(&random);
        y[i] = few_value(kind, x + i * width, i, &random);
    }
    for (size_t j = 0; j < width; j++)
        query[j] = 0.5;
    struct dh_model_setup setup = {
        .features = numbers, .feature_count = width, .seed = 1, .threads = 1};
    struct dh_model *model = fit(&setup, &(struct dh_rows){x, y, count});
    assert_int_equal(dh_gp_parameters(&gp_of(model)->layout), 2 + width);
    const double *p = gp_of(model)->parameters;
    assert_true((kind == 4 || p[0] > log(0.02)) && p[0] < log(20));
    assert_true(p[1] < log(kind == 1 ? 1.5 : 0.5));
    for (size_t j = 0; j < width; j++)
        assert_true(p[2 + j] > log(kind == 1 ? 0.01 : 0.02) && p[2 + j] < log(200));
    predict(model, query, 1, &mean, &variance);
    assert_true(isfinite(mean) && variance >= 0 && isfinite(variance));
    dh_model_destroy(&model);
}

static void test_few_rows(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 3, 5, 8, 13, 20, 30}, widths[] = {2, 6, 20};
    for (size_t kind = 0; kind < 5; kind++)
        for (size_t c = 0; c < DH_COUNT_OF(counts); c++)
            for (size_t w = 0; w < DH_COUNT_OF(widths); w++)
                check_few(kind, counts[c], widths[w]);
}

/* One value, or the same everywhere, is what it predicts, but with doubt where no point is; a lie
 * far off is heard all the same. */
static void test_constant(void **state)
{
    (void)state;
    static const double values[] = {0, -3, 1e-300, 1e140};
    for (size_t v = 0; v < DH_COUNT_OF(values); v++)
        for (size_t count = 1; count <= ROWS; count += ROWS - 1) {
            struct sample sample;
            draw(&sample, 41);
            for (size_t i = 0; i < ROWS; i++)
                sample.y[i] = values[v];
            sample.rows.count = count;
            struct dh_model *model = fit(&sample.setup, &sample.rows);
            double mean[ROWS], variance[ROWS];
            predict(model, sample.x, ROWS, mean, variance);
            for (size_t i = 0; i < ROWS; i++)
                assert_true(fabs(mean[i] - values[v]) <= 1e-9 * fabs(values[v]) &&
                            variance[i] >= 0);
            const double *p = gp_of(model)->parameters;
            assert_true(p[0] > -1 && p[1] < -10);
            for (size_t j = 2; j < 2 + 3; j++)
                assert_true(p[j] < 1);
            int64_t lie = model->kind->add(model, sample.x + 5 * FEATURES, values[v] + 1);
            predict(model, sample.x + 5 * FEATURES, 1, mean, variance);
            assert_true(isfinite(mean[0]) && (v > 1 || mean[0] > values[v]));
            model->kind->remove(model, lie);
            dh_model_destroy(&model);
        }
}

/* Many points so near each other that the matrix is all but singular. */
static void test_crowd(void **state)
{
    (void)state;
    struct sample sample;
    draw(&sample, 42);
    struct dh_random random = dh_random_at(43, DH_STREAM_TEST, 0);
    for (size_t i = 1; i < ROWS; i++) {
        memcpy(sample.x + i * FEATURES, sample.x, FEATURES * sizeof *sample.x);
        sample.x[i * FEATURES] += 1e-9 * dh_random_uniform(&random);
        sample.y[i] = 1e-3 * dh_random_normal(&random);
    }
    sample.y[0] = 1; /* far from all that is near it */
    struct dh_model *model = fit(&sample.setup, &sample.rows);
    for (size_t i = 0; i < ROWS; i++)
        model->kind->add(model, sample.x + i * FEATURES, i % 2 ? 2 : -2);
    double mean[ROWS], variance[ROWS];
    predict(model, sample.x, ROWS, mean, variance);
    for (size_t i = 0; i < ROWS; i++)
        assert_true(fabs(mean[i]) < 1 && variance[i] >= 0 && variance[i] < 1);
    dh_model_destroy(&model);
}

/* Equal points again and again while there is hardly any noise. */
static void test_duplicates(void **state)
{
    (void)state;
    struct sample sample;
    draw(&sample, 7);
    double parameters[PARAMETERS];
    memcpy(parameters, some, sizeof parameters);
    parameters[DH_GP_NOISE] = -80; /* no noise at all in double precision */
    memcpy(sample.x + FEATURES, sample.x, FEATURES * sizeof *sample.x);
    struct dh_model *model = build_with(&sample, ROWS, parameters);
    for (size_t i = 0; i < 10; i++)
        model->kind->add(model, sample.x + 5 * FEATURES, sample.y[5]);
    double mean[ROWS], variance[ROWS];
    predict(model, sample.x, ROWS, mean, variance);
    for (size_t i = 2; i < ROWS; i++) {
        assert_near(mean[i], sample.y[i], 1e-2);
        assert_true(variance[i] >= 0 && variance[i] < 1e-2);
    }
    dh_model_destroy(&model);
    struct sample noisy;
    draw(&noisy, 8);
    for (size_t i = 0; i < ROWS; i++) {
        memcpy(noisy.x + i * FEATURES, noisy.x, FEATURES * sizeof *noisy.x);
        noisy.y[i] = i % 2 ? 3 : -1;
    }
    model = fit(&noisy.setup, &noisy.rows);
    predict(model, noisy.x, 1, mean, variance);
    assert_near(mean[0], 1, 1e-6);
    double noise;
    model->kind->predict(model, noisy.x, 1, &(struct dh_prediction){.aleatoric = &noise});
    assert_true(noise > 0.4); /* the variance is 4; the prior dislikes so much noise */
    dh_model_destroy(&model);
}

/* Not standardised, very large, hardly different. */
static void test_units(void **state)
{
    (void)state;
    struct sample sample, moved;
    draw(&sample, 9);
    moved = sample;
    moved.rows = (struct dh_rows){moved.x, moved.y, ROWS};
    static const double factors[] = {1e-9, 1e6, 1e100};
    for (size_t f = 0; f < DH_COUNT_OF(factors); f++) {
        for (size_t i = 0; i < ROWS; i++)
            moved.y[i] = factors[f] * (sample.y[i] + 10);
        struct dh_model *a = fit(&sample.setup, &sample.rows), *b = fit(&moved.setup, &moved.rows);
        double mean[2][ROWS], variance[2][ROWS];
        predict(a, sample.x, ROWS, mean[0], variance[0]);
        predict(b, sample.x, ROWS, mean[1], variance[1]);
        for (size_t i = 0; i < ROWS; i++) {
            assert_near(mean[1][i] / factors[f] - 10, mean[0][i], 1e-4);
            assert_near(variance[1][i] / factors[f] / factors[f], variance[0][i], 1e-4);
        }
        dh_model_destroy(&a);
        dh_model_destroy(&b);
    }
}

/* The fit finds a function in data with little noise, ignores an idle feature, and a search from
 * its own parameters ends where it ended. */
static void test_fit(void **state)
{
    (void)state;
    static const struct dh_feature numbers[2] = {{0, false}, {0, false}};
    double x[60 * 2], y[60], query[20 * 2], mean[20], variance[20], again[4];
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 1);
    for (size_t i = 0; i < 60; i++) {
        x[2 * i] = dh_random_uniform(&random);
        x[2 * i + 1] = dh_random_uniform(&random);
        y[i] = sin(8 * x[2 * i]) + 0.01 * dh_random_normal(&random);
    }
    for (size_t i = 0; i < 20; i++) {
        query[2 * i] = 0.05 + 0.045 * (double)i;
        query[2 * i + 1] = dh_random_uniform(&random);
    }
    struct dh_model_setup setup = {
        .features = numbers, .feature_count = 2, .seed = 1, .threads = 1};
    struct dh_rows rows = {x, y, 60};
    struct dh_model *model = fit(&setup, &rows);
    predict(model, query, 20, mean, variance);
    for (size_t i = 0; i < 20; i++)
        assert_near(mean[i], sin(8 * query[2 * i]), 0.05);
    assert_int_equal(dh_gp_parameters(&gp_of(model)->layout), 4);
    const double *found = gp_of(model)->parameters;
    assert_true(found[3] > found[2] + 1); /* the second is longer */
    search_again(model, &setup, 1, again);
    for (size_t i = 0; i < 4; i++)
        assert_near(found[i], again[i], 0.1);
    dh_model_destroy(&model);
}

#define SAMPLES 240

/* Several starts, and points enough for several threads: the same to the last bit. */
static void test_threads(void **state)
{
    (void)state;
    struct sample sample;
    draw(&sample, 10);
    static double x[SAMPLES * ROWS * FEATURES], mean[2][SAMPLES * ROWS],
        variance[2][SAMPLES * ROWS];
    for (size_t i = 0; i < SAMPLES; i++) {
        struct sample other;
        draw(&other, 11 + i);
        memcpy(x + i * ROWS * FEATURES, other.x, sizeof other.x);
    }
    for (size_t i = 0; i < 2; i++) {
        sample.setup.threads = i ? 3 : 1;
        struct dh_model *model = fit(&sample.setup, &sample.rows);
        predict(model, x, SAMPLES * ROWS, mean[i], variance[i]);
        dh_model_destroy(&model);
    }
    assert_memory_equal(mean[0], mean[1], sizeof mean[0]);
    assert_memory_equal(variance[0], variance[1], sizeof variance[0]);
}

/* Rosenbrock's valley: with its optimum inside the box, and behind the bound x_1 <= 0.5. */
static double valley(void *context, const double *x, double *gradient)
{
    ++*(size_t *)context;
    double a = 1 - x[0], b = x[1] - x[0] * x[0];
    gradient[0] = -2 * a - 400 * x[0] * b;
    gradient[1] = 200 * b;
    return a * a + 100 * b * b;
}

static double nowhere(void *context, const double *x, double *gradient)
{
    (void)context;
    gradient[0] = gradient[1] = x[0];
    return NAN;
}

static void test_lbfgs(void **state)
{
    (void)state;
    static const double lower[2] = {-2, -2};
    double upper[2] = {2, 2}, x[2] = {-1.2, 1};
    size_t calls = 0;
    struct dh_lbfgs problem = {2, lower, upper, valley, &calls, 200, 2, 1e-14};
    assert_near(dh_lbfgs_minimise(&problem, x), 0, 1e-8);
    assert_near(x[0], 1, 1e-4);
    assert_near(x[1], 1, 1e-4);
    assert_true(calls < 120);
    upper[0] = 0.5;
    x[0] = -7; /* outside */
    x[1] = 1;
    assert_near(dh_lbfgs_minimise(&problem, x), 0.25, 1e-8);
    assert_near(x[0], 0.5, 1e-8);
    assert_near(x[1], 0.25, 1e-4);
    problem.value = nowhere;
    assert_true(isinf(dh_lbfgs_minimise(&problem, x)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fit),       cmocka_unit_test(test_few_rows),
        cmocka_unit_test(test_many_rows), cmocka_unit_test(test_constant),
        cmocka_unit_test(test_crowd),     cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_units),     cmocka_unit_test(test_threads),
        cmocka_unit_test(test_lbfgs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
