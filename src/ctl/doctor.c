/* dhctl doctor: will a search run well here? Each finding with what to do about it. */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/text.h"
#include "verb.h"

static const struct {
    const char *subject;
    void (*look)(struct doctor *doctor);
} checks[] = {
    {"evaluator", doctor_evaluator}, {"file system", doctor_file_system}, {"cores", doctor_cores},
    {"gpus", doctor_gpus},           {"walltime", doctor_walltime},       {"mpi", doctor_mpi},
};

static const char *const verdicts[] = {
    [VERDICT_GOOD] = "ok", [VERDICT_NOTE] = "note", [VERDICT_BAD] = "BAD"};

static const struct option options[] = {{"set", required_argument, NULL, 's'},
                                        {"mpi", no_argument, NULL, 'm'},
                                        {"json", no_argument, NULL, 'j'},
                                        {0}};

void doctor_find(struct doctor *doctor, enum verdict verdict, char *fix, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct finding *finding = DH_PUSH(doctor->findings, doctor->count, doctor->capacity);
    *finding = (struct finding){doctor->subject, verdict, dh_strdup(text), fix};
}

static void print_findings(const struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->count; i++) {
        const struct finding *finding = &doctor->findings[i];
        printf("%-4s  %-11s  %s\n", verdicts[finding->verdict], finding->subject, finding->text);
        if (finding->fix)
            printf("%19s-> %s\n", "", finding->fix);
    }
}

static void print_json(const struct doctor *doctor)
{
    struct dh_buffer out = {0};
    for (size_t i = 0; i < doctor->count; i++) {
        const struct finding *finding = &doctor->findings[i];
        dh_buffer_printf(&out, "%s{\"subject\": \"%s\", \"verdict\": \"%s\"", i ? ",\n " : "[",
                         finding->subject, verdicts[finding->verdict]);
        dh_text_put_json_text_member(&out, "text", finding->text);
        dh_text_put_json_text_member(&out, "fix", finding->fix);
        dh_buffer_text(&out, "}");
    }
    dh_buffer_text(&out, "]\n");
    fputs(out.data, stdout);
    dh_buffer_free(&out);
}

/* All checks; an error names how many things are bad. */
static dh_status examine(struct doctor *doctor, bool json, struct dh_error *err)
{
    size_t bad = 0;
    for (size_t i = 0; i < DH_COUNT_OF(checks); i++) {
        doctor->subject = checks[i].subject;
        checks[i].look(doctor);
    }
    if (json)
        print_json(doctor);
    else
        print_findings(doctor);
    for (size_t i = 0; i < doctor->count; i++) {
        bad += doctor->findings[i].verdict == VERDICT_BAD;
        free(doctor->findings[i].text);
        free(doctor->findings[i].fix);
    }
    free(doctor->findings);
    if (bad == 0)
        return DH_OK;
    return dh_fail(err, DH_CONFIG, "%zu finding%s would keep a search from running well", bad,
                   bad == 1 ? "" : "s");
}

static dh_status run(int argc, char **argv, struct dh_error *err)
{
    struct doctor doctor = {0};
    struct dh_app_setup setup = {0};
    const char **overrides = NULL;
    size_t count = 0, capacity = 0;
    bool json = false;
    dh_status status = DH_OK;
    for (int option;
         status == DH_OK && (option = verb_option(argc, argv, "mj", options, err)) != -1;) {
        if (option == 's')
            *DH_PUSH(overrides, count, capacity) = optarg;
        else if (option == 'm')
            doctor.run_mpi = true;
        else if (option == 'j')
            json = true;
        else
            status = DH_USAGE;
    }
    if (status == DH_OK && argc - optind > 1)
        status = dh_fail(err, DH_USAGE, "expected at most one configuration, found %d arguments",
                         argc - optind);
    if (status == DH_OK && optind < argc) {
        status = dh_app_setup_read(argv[optind], overrides, count, &setup, err);
        doctor.setup = &setup;
    }
    if (status == DH_OK)
        status = examine(&doctor, json, err);
    dh_app_setup_free(&setup);
    free(overrides);
    return status;
}

const struct verb verb_doctor = {
    .name = "doctor",
    .arguments = "[--mpi] [--set PATH=VALUE] [--json] [CONFIG.cfg]",
    .summary = "Look whether a search would run well here, and say what to do where not",
    .help =
        "  -m, --mpi            also start a short mpiexec of two ranks, to see what MPI offers\n"
        "  --set PATH=VALUE     override a setting, as for dh_mpi; may be repeated\n"
        "  -j, --json           a JSON array of findings\n\n"
        "Without a configuration, file system and machine only. Run it where the search will\n"
        "run: inside a job. Exit code 78 if something is bad.\n\n"
        "Example: dhctl doctor --mpi digits.cfg\n",
    .run = run,
};
