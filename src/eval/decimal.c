/* Numbers of programs: see decimal.h. */
#include "decimal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static bool of_settings(const struct eval_plan *plan, const char *name)
{
    return dh_node_child(plan->options->environment, name) ||
           dh_node_child(plan->options->resources, name);
}

/* The variable that says how numbers are written; NULL: none does. */
static const char *deciding(void)
{
    static const char *const names[] = {"LC_ALL", "LC_NUMERIC", "LANG", NULL};
    const char *const *name = names;
    for (; *name; name++) {
        const char *value = getenv(*name);
        if (value && *value)
            break;
    }
    return *name;
}

/* C, POSIX, C.UTF-8 */
static bool is_plain(const char *locale)
{
    return strcmp(locale, "POSIX") == 0 ||
           (locale[0] == 'C' && (locale[1] == '\0' || locale[1] == '.'));
}

/* The variable of the environment that is not to decide; NULL: all is as it should be. */
static const char *unwanted(const struct eval_plan *plan)
{
    const char *name = deciding();
    if (!name || is_plain(getenv(name)) || of_settings(plan, "LC_ALL") ||
        (of_settings(plan, "LC_NUMERIC") && strcmp(name, "LC_ALL") != 0))
        return NULL;
    return name;
}

void eval_decimal_apply(const struct eval_plan *plan)
{
    const char *name = unwanted(plan);
    if (!name)
        return;
    if (strcmp(name, "LC_ALL") == 0) {
        setenv("LANG", getenv(name), 1);
        unsetenv(name);
    }
    if (!of_settings(plan, "LC_NUMERIC"))
        setenv("LC_NUMERIC", "C", 1);
}

void eval_decimal_warn(struct eval_plan *plan, const struct dh_node *node)
{
    const char *name = unwanted(plan);
    locale_t locale = name ? newlocale(LC_NUMERIC_MASK, getenv(name), (locale_t)0) : (locale_t)0;
    if (!locale)
        return; /* nothing that a program could load either */
    if (strcmp(nl_langinfo_l(RADIXCHAR, locale), ".") != 0 && !of_settings(plan, "LC_NUMERIC"))
        eval_plan_warn(plan, node,
                       "command: with %s=%s programs may read 0.7 as 0, so evaluations have "
                       "LC_NUMERIC=C%s (environment = { LC_NUMERIC = \"…\"; } sets another)",
                       name, getenv(name),
                       strcmp(name, "LC_ALL") == 0 ? ", and LANG in place of LC_ALL" : "");
    freelocale(locale);
}
