/* Runs a fuzz target over files and folders of inputs, once each: replay PATH… */
#include <dirent.h>
#include <sys/stat.h>

#include "dh_mpi/buffer.h"

#include <stdio.h>
#include <stdlib.h>

#include "dh_mpi/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 0;
    }
    struct dh_buffer data = {0};
    char chunk[65536];
    for (size_t size; (size = fread(chunk, 1, sizeof chunk, file)) > 0;)
        dh_buffer_append(&data, chunk, size);
    fclose(file);
    /* exactly as long as the input, so that a read behind its end is seen */
    uint8_t *exact = dh_memdup(data.data ? data.data : "", data.size);
    LLVMFuzzerTestOneInput(exact, data.size);
    free(exact);
    dh_buffer_free(&data);
    return 1;
}

static int replay(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return replay_file(path);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        char *name = dh_strprintf("%s/%s", path, entry->d_name);
        count += replay(name);
        free(name);
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
