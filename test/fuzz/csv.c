/* An old history as CSV (or whatever is in its place), imported into a space. */
#include "fuzz.h"

#include "dh_mpi/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_space *f = fuzz_space_shared();
    char path[32];
    if (size >= 4 && (memcmp(data, "\x89HDF", 4) == 0 || memcmp(data, "dh_m", 4) == 0))
        return 0; /* a checkpoint: that is another target's */
    int fd = fuzz_file(data, size, path);
    struct dh_import import;
    struct dh_error err = {0};
    if (dh_import_read(path, f->space, &f->settings, DH_IMPORT_RESULTS, &import, &err) == DH_OK) {
        size_t width = dh_space_count(f->space);
        for (size_t i = 0; i < import.count; i++)
            promise(dh_space_check(f->space, import.points + i * width, NULL) == DH_OK,
                    "an imported point is one of the space");
        for (size_t i = 0; i < import.count * f->settings.objective_count; i++)
            promise(!isinf(import.objectives[i]), "an objective is finite or not there");
        dh_import_free(&import);
    } else {
        promise(err.text[0] != '\0', "an error says what is wrong");
    }
    close(fd);
    return 0;
}
