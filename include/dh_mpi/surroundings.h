/* What code of somebody else that is called in this process (a plugin with isolate = false) may
 * change of it: working directory, file mode mask, locale, rounding of floating point numbers.
 * Threads of dh_thread_start have the first three for themselves and do not notice. */
#ifndef DH_MPI_SURROUNDINGS_H
#define DH_MPI_SURROUNDINGS_H

#include <fenv.h>
#include <locale.h>
#include <sys/types.h>

struct dh_surroundings {
    int folder; /* a descriptor of the working directory, or -1 */
    mode_t mask;
    fenv_t floating;
};

/* From here on this thread goes by the C locale, whatever becomes of the process's: numbers are
 * written with a point. Returns what it went by before, for uselocale. */
locale_t dh_locale_own(void);

/* Before the call: remember them, and let this thread go by the process's locale, as the called
 * code expects. */
void dh_surroundings_lend(struct dh_surroundings *kept);

/* After it, on the same thread: all as it was, with the C locale. */
void dh_surroundings_restore(const struct dh_surroundings *kept);

#endif
