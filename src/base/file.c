/* Files by their descriptors: see file.h. */
#include "dh_mpi/file.h"

#include <errno.h>
#include <unistd.h>

int dh_file_write(int fd, const void *data, size_t size, size_t *written)
{
    const char *bytes = data;
    size_t done = 0;
    int failure = 0;
    while (done < size && !failure) {
        ssize_t count = write(fd, bytes + done, size - done);
        if (count > 0)
            done += (size_t)count;
        else if (count == 0 || errno != EINTR)
            failure = count < 0 ? errno : EIO;
    }
    if (written)
        *written = done;
    return failure;
}
