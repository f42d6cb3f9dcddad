/* dhctl check --methods: what can be written in `optimizer`, from the tables that read it. */
#include <stdio.h>

#include "dh_mpi/model.h"
#include "dh_mpi/search.h"
#include "verb.h"

static void print_option(const struct dh_option *option)
{
    struct dh_buffer takes = {0};
    dh_option_describe(option, &takes);
    printf("    %-14s  %s\n", option->name, option->help);
    printf("    %-14s  %s\n", "", takes.data);
    dh_buffer_free(&takes);
}

void verb_print_methods(void)
{
    const struct dh_search_method *const *methods = dh_search_methods();
    const struct dh_model_kind *const *kinds = dh_model_kinds();
    puts("optimizer.method (the first is the default), and its options:");
    for (size_t i = 0; methods[i]; i++) {
        printf("\n  %-14s  %s\n", methods[i]->name, methods[i]->summary);
        for (size_t k = 0; k < methods[i]->option_count; k++)
            print_option(&methods[i]->options[k]);
    }
    puts("\noptimizer.surrogate, of a method that has it:\n");
    for (size_t i = 0; kinds[i]; i++)
        printf("  %-14s  %s\n", kinds[i]->name, kinds[i]->summary);
}
