/* What `dhctl doctor` looks at: one function a subject, in doctor.c's table. Each adds findings;
 * none changes anything but temporary files of its own. */
#ifndef DH_MPI_CTL_DOCTOR_H
#define DH_MPI_CTL_DOCTOR_H

#include <stdbool.h>

#include "dh_mpi/app.h"

enum verdict { VERDICT_GOOD, VERDICT_NOTE, VERDICT_BAD };

struct finding {
    const char *subject; /* borrowed from the table */
    enum verdict verdict;
    char *text;
    char *fix; /* what to do about it; NULL if nothing is to be done */
};

struct doctor {
    const struct dh_app_setup *setup; /* NULL: no configuration was given */
    bool run_mpi;                     /* may it start mpiexec? */
    const char *subject;              /* of the check that runs */
    struct finding *findings;
    size_t count, capacity;
};

/* Add a finding of the present subject; takes `fix` (may be NULL). */
void doctor_find(struct doctor *doctor, enum verdict verdict, char *fix, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void doctor_file_system(struct doctor *doctor);
void doctor_cores(struct doctor *doctor);
void doctor_gpus(struct doctor *doctor);
void doctor_walltime(struct doctor *doctor);
void doctor_mpi(struct doctor *doctor);
void doctor_evaluator(struct doctor *doctor);

#endif
