/* An expression of `when` or `constraints`, compiled over a space and asked at some points. */
#include "fuzz.h"

#include "dh_mpi/expr.h"

static void ask(struct dh_expr *expr, size_t count)
{
    static const double values[] = {0, 1, 2, 0.05, -3, 512, NAN};
    double point[16];
    size_t uses;
    const size_t *used = dh_expr_uses(expr, &uses);
    for (size_t i = 0; i < uses; i++)
        promise(used[i] < count && (i == 0 || used[i] > used[i - 1]), "uses are ascending");
    for (size_t shift = 0; shift < DH_COUNT_OF(values); shift++) {
        for (size_t i = 0; i < count; i++) /* choices: only indices that there are */
            point[i] = i >= 2 && i <= 5 ? (shift == 6 ? NAN : (double)(shift % 2 && i != 5))
                                        : values[(i + shift) % DH_COUNT_OF(values)];
        promise(!(dh_expr_holds(expr, point) && dh_expr_fails(expr, point)), "one or the other");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_space *f = fuzz_space_shared();
    size_t count = dh_space_count(f->space);
    struct dh_parameter parameters[16];
    for (size_t i = 0; i < count; i++)
        parameters[i] = *dh_space_parameter(f->space, i);
    char *text = dh_strndup((const char *)data, size);
    struct dh_expr *expr = NULL;
    struct dh_error err = {0};
    if (dh_expr_compile(text, NULL, parameters, count, &expr, &err) == DH_OK)
        ask(expr, count);
    else
        promise(err.text[0] != '\0', "an error says what is wrong");
    dh_expr_destroy(&expr);
    free(text);
    return 0;
}
