/* dhctl: everything around a search, for login nodes: no MPI in here. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/streams.h"
#include "dh_mpi/text.h"
#include "verb.h"

static const struct verb *const verbs[] = {&verb_check,  &verb_status, &verb_best,   &verb_list,
                                           &verb_show,   &verb_export, &verb_sample, &verb_simulate,
                                           &verb_verify, &verb_doctor};

static void print_help(FILE *out)
{
    fputs("usage: dhctl VERB [options] FILE\n\n"
          "FILE is a checkpoint (digits.h5) or the configuration that names it (digits.cfg).\n\n",
          out);
    for (size_t i = 0; i < DH_COUNT_OF(verbs); i++)
        fprintf(out, "  %-8s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs("\ndhctl VERB --help shows the options of a verb and an example. Exit codes: 0 done,\n"
          "64 usage, 78 configuration, 74 input/output, 70 internal error.\n\n"
          "Example: dhctl best digits.h5\n",
          out);
}

static void print_verb_help(const struct verb *verb)
{
    printf("usage: dhctl %s %s\n\n%s.\n\n%s", verb->name, verb->arguments, verb->summary,
           verb->help);
}

static const struct verb *find(const char *name)
{
    for (size_t i = 0; i < DH_COUNT_OF(verbs); i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static dh_status unknown(const char *name, struct dh_error *err)
{
    const char *names[DH_COUNT_OF(verbs)];
    for (size_t i = 0; i < DH_COUNT_OF(verbs); i++)
        names[i] = verbs[i]->name;
    int nearest = dh_text_nearest(name, names, DH_COUNT_OF(verbs));
    if (nearest >= 0)
        return dh_fail(err, DH_USAGE, "unknown verb '%s'; did you mean '%s'?", name,
                       names[nearest]);
    return dh_fail(err, DH_USAGE, "unknown verb '%s' (see dhctl --help)", name);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static dh_status dispatch(int argc, char **argv, struct dh_error *err)
{
    if (argc < 1)
        return dh_fail(err, DH_USAGE, "expected a verb (see dhctl --help)");
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 ||
        strcmp(argv[0], "help") == 0) {
        print_help(stdout);
        return DH_OK;
    }
    if (strcmp(argv[0], "--version") == 0) {
        puts("dhctl " DH_VERSION);
        return DH_OK;
    }
    const struct verb *verb = find(argv[0]);
    if (!verb)
        return unknown(argv[0], err);
    if (asks_for_help(argc, argv)) {
        print_verb_help(verb);
        return DH_OK;
    }
    return verb->run(argc, argv, err);
}

int main(int argc, char **argv)
{
    struct dh_error err;
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit of file sizes says so */
    dh_status status = dh_streams_secure(&err);
    if (status == DH_OK)
        status = dispatch(argc - 1, argv + 1, &err);
    if (status == DH_OK)
        status = dh_streams_flush(&err);
    if (status == DH_OK)
        return 0;
    fprintf(stderr, "dhctl: %s\n", err.text);
    return dh_status_exit_code(status);
}
