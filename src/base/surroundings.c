/* Working directory, mask, locale and rounding around a foreign call: see surroundings.h. */
#include "dh_mpi/surroundings.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

locale_t dh_locale_own(void)
{
    return uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0)); /* glibc has one C locale for all */
}

void dh_surroundings_lend(struct dh_surroundings *kept)
{
    kept->folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    kept->mask = umask(0);
    umask(kept->mask);
    fegetenv(&kept->floating);
    uselocale(LC_GLOBAL_LOCALE);
}

void dh_surroundings_restore(const struct dh_surroundings *kept)
{
    dh_locale_own();
    fesetenv(&kept->floating);
    umask(kept->mask);
    if (kept->folder < 0)
        return;
    (void)!fchdir(kept->folder);
    close(kept->folder);
}
