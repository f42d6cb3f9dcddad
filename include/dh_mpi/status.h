/* Status codes and error texts.
 *
 * Every function that can fail returns a `dh_status`; the sentence for the user goes into the
 * caller's `struct dh_error`. The code says what kind of failure it is and with which exit code
 * the program would end (sysexits.h numbers, see SPEC); the text names the thing that failed:
 * file, line, key, trial or rank, and what was expected.
 */
#ifndef DH_MPI_STATUS_H
#define DH_MPI_STATUS_H

/* name, exit code */
#define DH_STATUS_MAP(X)                                                                           \
    X(OK, 0)        /* success */                                                                  \
    X(EXHAUSTED, 0) /* nothing is left to propose */                                               \
    X(EMPTY, 0)     /* nothing there now */                                                        \
    X(USAGE, 64)    /* wrong usage */                                                              \
    X(CONFIG, 78)   /* invalid configuration */                                                    \
    X(IO, 74)       /* input or output failed */                                                   \
    X(CORRUPT, 74)  /* damaged data */                                                             \
    X(COMM, 70)     /* communication failed */                                                     \
    X(INTERNAL, 70) /* internal error */                                                           \
    X(UNABLE, 74)   /* this machine cannot evaluate */                                             \
    X(MISSING, 74)  /* no such file */

typedef enum dh_status {
#define DH_STATUS_ENUM(name, exit_code) DH_##name,
    DH_STATUS_MAP(DH_STATUS_ENUM)
#undef DH_STATUS_ENUM
} dh_status;

/* The exit code of a run that ended early but can be resumed (EX_TEMPFAIL): no failure. */
#define DH_EXIT_RESUMABLE 75

struct dh_error {
    dh_status status;
    char text[2048];
};

/* Set `err` (may be NULL) to `status` with a printf-style text; returns `status`. A text that is
 * too long is cut with an ellipsis. */
dh_status dh_fail(struct dh_error *err, dh_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "prefix: " before the text already in `err` (may be NULL); returns err's status, or
 * `DH_INTERNAL` without an err. For callers that know more of the context. */
dh_status dh_fail_context(struct dh_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The exit code of a process that ends with it. */
int dh_status_exit_code(dh_status status);

#endif
