/* The builtin functions: published minima where they are published to be, values computed by
 * other means elsewhere, and what a space must have for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/eval/functions.h"
#include "dh_mpi/alloc.h"

static double at(const char *name, const double *x, size_t n)
{
    const struct dh_function *function = dh_function_find(name);
    assert_non_null(function);
    return function->plain(x, n);
}

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.17g is not %.17g", got, expected);
}

/* Where each plain function of the table is least. */
static void known_minima(void **unused)
{
    (void)unused;
    static const double zeros[30],
        hartmann[6] = {0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573};
    double ones[30], dixon[30], saddle[4] = {1 - sqrt(4.0 / 3), 1, 1, 1};
    for (size_t i = 0; i < 30; i++) {
        ones[i] = 1;
        dixon[i] = exp2(-(exp2((double)i + 1) - 2) / exp2((double)i + 1));
    }
    const double branin[3][2] = {{M_PI, 2.275}, {-M_PI, 12.275}, {3 * M_PI, 2.475}};
    const struct {
        const char *name;
        const double *x;
        size_t n;
    } cases[] = {
        {"sphere", zeros, 7},     {"ackley", zeros, 30},      {"rosenbrock", ones, 3},
        {"rosen2", ones, 2},      {"rosen10", ones, 10},      {"rosen30", ones, 30},
        {"rastrigin", zeros, 5},  {"levy", ones, 4},          {"dixon_price", dixon, 6},
        {"griewank", zeros, 9},   {"hartmann6", hartmann, 6}, {"branin", branin[0], 2},
        {"branin", branin[1], 2}, {"branin", branin[2], 2},   {"polynome2", zeros, 10},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++)
        assert_near(at(cases[i].name, cases[i].x, cases[i].n),
                    dh_function_find(cases[i].name)->minimum, 1e-8);
    assert_near(at("saddle", saddle, 4), -4.0 / 18, 1e-12);
    double beside[4] = {saddle[0] + 0.01, 1.1, 0.9, 1.01};
    assert_true(at("saddle", beside, 4) > at("saddle", saddle, 4));
}

/* Computed with Python from the formulas of the sources. */
static void known_values(void **unused)
{
    (void)unused;
    static const double x[6] = {0.5, -1.5, 2.0, 0.25, -0.75, 1.0};
    static const double u[6] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
    static const struct {
        const char *name;
        const double *x;
        double value;
    } cases[] = {
        {"sphere", x, 8.125},
        {"polynome2", x, 8.125},
        {"ackley", x, 5.871048376175597},
        {"rosenbrock", x, 1815.03125},
        {"rastrigin", x, 68.125},
        {"levy", x, 4.435661146277239},
        {"dixon_price", x, 366.265625},
        {"griewank", x, 0.8530907870378635},
        {"saddle", x, 4.101692708333333},
        {"branin", x, 63.807367344160625},
        {"hartmann6", u, -1.4069105761385297},
    };
    for (size_t i = 0; i < DH_COUNT_OF(cases); i++)
        assert_near(at(cases[i].name, cases[i].x, strcmp(cases[i].name, "branin") ? 6 : 2),
                    cases[i].value, 1e-11 * fmax(1, fabs(cases[i].value)));
    assert_near(at("linear", x, 6), -1.5, 0);
}

static void names(void **unused)
{
    (void)unused;
    assert_ptr_equal(dh_function_find("dixon-price"), dh_function_find("dixon_price"));
    assert_non_null(dh_function_find("branin-mixed"));
    assert_null(dh_function_find("dixonprice"));
    assert_null(dh_function_find("ackle"));
    assert_null(dh_function_find("ackleyy"));
    assert_null(dh_function_find(""));
    size_t count;
    const struct dh_function *list = dh_function_list(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(dh_function_find(list[i].name), &list[i]);
        assert_true((list[i].plain != NULL) != (list[i].typed != NULL));
        assert_true(strlen(list[i].summary) > 0);
    }
}

struct world {
    struct dh_config *config;
    struct dh_settings settings;
    struct dh_space *space;
};

static struct world world_open(const char *parameters)
{
    struct world world = {0};
    struct dh_error err = {0};
    char *text = dh_strprintf("parameters = ( %s );\n"
                              "evaluator = { type = \"builtin\"; function = \"sphere\"; };",
                              parameters);
    if (dh_config_parse("test.cfg", text, &world.config, &err) ||
        dh_settings_unpack(world.config, &world.settings, &err) ||
        dh_space_create(&world.settings, &world.space, &err))
        fail_msg("%s", err.text);
    free(text);
    return world;
}

static void world_close(struct world *world)
{
    dh_space_destroy(&world->space);
    dh_settings_free(&world->settings);
    dh_config_destroy(&world->config);
}

static double value_in(const char *name, const struct world *world, const double *point)
{
    const struct dh_function *function = dh_function_find(name);
    struct dh_error err = {0};
    if (dh_function_check(function, world->space, &err))
        fail_msg("%s", err.text);
    return dh_function_evaluate(function, world->space, point);
}

static void assert_unfit(const char *name, const struct world *world, const char *complaint)
{
    struct dh_error err = {0};
    assert_int_equal(dh_function_check(dh_function_find(name), world->space, &err), DH_CONFIG);
    if (!strstr(err.text, complaint))
        fail_msg("\"%s\" does not say \"%s\"", err.text, complaint);
}

static void coordinates_of_points(void **unused)
{
    (void)unused;
    struct world world =
        world_open("{ name = \"x\"; type = \"real\"; low = -5.0; high = 5.0; },"
                   "{ name = \"n\"; type = \"int\"; low = 0; high = 9; },"
                   "{ name = \"o\"; type = \"ordinal\"; values = (1, 10, 100); },"
                   "{ name = \"c\"; type = \"categorical\"; values = (\"a\", \"b\", \"c\"); },"
                   "{ name = \"t\"; type = \"constant\"; value = \"text\"; },"
                   "{ name = \"k\"; type = \"constant\"; value = 3; },"
                   "{ name = \"b\"; type = \"bool\"; },"
                   "{ name = \"y\"; type = \"real\"; low = 0.0; high = 9.0; when = \"b\"; }");
    static const double on[] = {2, 3, 1, 2, 0, 0, 1, 5}, off[] = {2, 3, 1, 2, 0, 0, 0, NAN};
    assert_near(value_in("sphere", &world, on), 4 + 9 + 100 + 4 + 9 + 1 + 25, 1e-12);
    assert_near(value_in("sphere", &world, off), 4 + 9 + 100 + 4 + 9 + 0, 1e-12);
    const double spread_on[] = {2, 3, 0, 1, 3, 1, 5}, spread_off[] = {2, 3, 0, 1, 3, -1};
    assert_near(value_in("ackley_mixed", &world, on), at("ackley", spread_on, 7), 1e-12);
    assert_near(value_in("ackley_mixed", &world, off), at("ackley", spread_off, 6), 1e-12);
    assert_near(value_in("ackley_conditional", &world, off), at("ackley", spread_off, 6) + 0.25,
                1e-12);
    assert_unfit("rosen10", &world, "exactly 10");
    assert_unfit("rosen2", &world, "exactly 2");
    assert_unfit("branin_mixed", &world, "x1");
    world_close(&world);
}

static void dimensions_are_checked(void **unused)
{
    (void)unused;
    struct world one = world_open("{ name = \"x\"; type = \"real\"; low = 0.0; high = 1.0; }");
    assert_unfit("rosenbrock", &one, "at least 2");
    assert_unfit("saddle", &one, "at least 2");
    static const double point[] = {0.5};
    assert_near(value_in("levy", &one, point), at("levy", point, 1), 0);
    world_close(&one);
    /* Two parameters, but one of them may be inactive. */
    struct world maybe = world_open("{ name = \"b\"; type = \"bool\"; },"
                                    "{ name = \"x\"; type = \"bool\"; when = \"b\"; }");
    assert_unfit("rosenbrock", &maybe, "always active");
    assert_unfit("branin", &maybe, "exactly 2");
    world_close(&maybe);
}

static void named_functions(void **unused)
{
    (void)unused;
    struct world mixed =
        world_open("{ name = \"z2\"; type = \"bool\"; },"
                   "{ name = \"z1\"; type = \"categorical\"; values = (\"low\", \"high\"); },"
                   "{ name = \"x2\"; type = \"real\"; low = 0.0; high = 1.0; },"
                   "{ name = \"x1\"; type = \"real\"; low = 0.0; high = 1.0; }");
    double point[] = {0, 0, 2.275 / 15, (M_PI + 5) / 15};
    const struct dh_function *function = dh_function_find("branin_mixed");
    double least = value_in("branin_mixed", &mixed, point);
    assert_near(least, function->minimum, 1e-9);
    point[0] = 1; /* z2 */
    assert_near(value_in("branin_mixed", &mixed, point), 0.4 * least, 1e-12);
    point[1] = 1;
    assert_near(value_in("branin_mixed", &mixed, point), -0.5 * least + 1.4, 1e-12);
    point[0] = 0;
    assert_near(value_in("branin_mixed", &mixed, point), -0.75 * least + 3, 1e-12);
    world_close(&mixed);
}

static void a_coordinate_may_rest(void **unused)
{
    (void)unused;
    struct world world =
        world_open("{ name = \"s\"; type = \"bool\"; },"
                   "{ name = \"x1\"; type = \"real\"; low = -5.0; high = 10.0; },"
                   "{ name = \"x2\"; type = \"real\"; low = 0.0; high = 15.0; when = \"s\"; }");
    static const double on[] = {1, M_PI, 2.275}, off[] = {0, M_PI, NAN};
    assert_near(value_in("branin_conditional", &world, on), 0.397887357729738, 1e-12);
    assert_near(value_in("branin_conditional", &world, off), 1.397887357729738, 1e-12);
    world_close(&world);
    world = world_open("{ name = \"s\"; type = \"bool\"; },"
                       "{ name = \"x2\"; type = \"real\"; low = 0.0; high = 15.0; },"
                       "{ name = \"x1\"; type = \"real\"; low = 0.0; high = 1.0; when = \"s\"; }");
    assert_unfit("branin_conditional", &world, "x1 without a condition");
    world_close(&world);
    world = world_open("{ name = \"x1\"; type = \"bool\"; },"
                       "{ name = \"x2\"; type = \"real\"; low = 0.0; high = 1.0; }");
    assert_unfit("branin_conditional", &world, "a real or an int");
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_minima),
        cmocka_unit_test(known_values),
        cmocka_unit_test(names),
        cmocka_unit_test(coordinates_of_points),
        cmocka_unit_test(dimensions_are_checked),
        cmocka_unit_test(named_functions),
        cmocka_unit_test(a_coordinate_may_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
