/* The forests of the table: settings of the one in forest.c. */
#include "forest.h"
#include "kinds.h"

#define FOREST(word, title, ...)                                                                   \
    static dh_status fit_##word(const struct dh_model_setup *setup, const struct dh_rows *rows,    \
                                struct dh_model **out, struct dh_error *err)                       \
    {                                                                                              \
        static const struct dh_forest_style style = {__VA_ARGS__};                                 \
        return dh_forest_fit(&dh_model_##word, &style, setup, rows, out, err);                     \
    }                                                                                              \
    const struct dh_model_kind dh_model_##word = {                                                 \
        .name = #word,                                                                             \
        .summary = title,                                                                          \
        .fit = fit_##word,                                                                         \
        .destroy = dh_forest_destroy,                                                              \
        .predict = dh_forest_predict,                                                              \
        .add = dh_forest_add,                                                                      \
        .remove = dh_forest_remove,                                                                \
        .learn = dh_forest_learn,                                                                  \
        .settle = dh_forest_settle,                                                                \
    };

FOREST(et, "extra trees: random thresholds, all rows", .trees = 32, .feature_share = 1,
       .pool_share = 1, .random_splits = true)

FOREST(rf, "random forest: bootstrap, best splits among three quarters of the features",
       .trees = 32, .feature_share = .75, .pool_share = 1, .bootstrap = true)

FOREST(bagging, "bagged trees: bootstrap, best splits among all features", .trees = 32,
       .feature_share = 1, .pool_share = 1, .bootstrap = true)

/* Trees have most features, so that those of two or three parameters see how they work together;
 * that splits differ keeps the trees apart. */
FOREST(subspace,
       "random subspaces: each tree sees three quarters of the features, each split half of those, "
       "and all rows",
       .trees = 32, .feature_share = .5, .pool_share = .75)
