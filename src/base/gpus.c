/* GPUs: see gpus.h. */
#include "dh_mpi/gpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"

const char *const dh_gpu_variables[] = {"CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
                                        "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", NULL};

/* Append the name of one more GPU, if it fits. */
static void add_gpu(char *out, size_t size, int number)
{
    char name[16];
    snprintf(name, sizeof name, "%s%d", *out ? "," : "", number);
    if (strlen(out) + strlen(name) < size)
        strcat(out, name);
}

/* /dev/nvidia0, nvidia1, … */
static void find_nvidia(const char *root, char *out, size_t size)
{
    for (int number = 0; number < 64; number++) {
        char *path = dh_strprintf("%s/dev/nvidia%d", root, number);
        if (access(path, F_OK) == 0)
            add_gpu(out, size, number);
        free(path);
    }
}

/* AMD's driver lists CPUs (gpu_id 0) and GPUs as nodes of one topology. */
static void find_amd(const char *root, char *out, size_t size)
{
    char *folder = dh_strprintf("%s/sys/class/kfd/kfd/topology/nodes", root);
    DIR *nodes = opendir(folder);
    int count = 0;
    for (const struct dirent *entry; nodes && (entry = readdir(nodes));) {
        char *path = dh_strprintf("%s/%s/gpu_id", folder, entry->d_name);
        unsigned long id = 0;
        FILE *file = fopen(path, "re");
        if (file && fscanf(file, "%lu", &id) == 1 && id != 0)
            add_gpu(out, size, count++);
        if (file)
            fclose(file);
        free(path);
    }
    if (nodes)
        closedir(nodes);
    free(folder);
}

void dh_gpus_find(const char *root, char *out, size_t size)
{
    *out = '\0';
    find_nvidia(root, out, size);
    if (!*out)
        find_amd(root, out, size);
}
