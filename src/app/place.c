/* Where a rank runs: see place.h.
 *
 * The number of a node is a hash of its host's name and of the boot's own id, so that hosts with
 * one name are told apart. GPUs are those that the usual variables leave visible, and otherwise
 * those that the drivers of NVIDIA and AMD list.
 */
#include "place.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/gpus.h"
#include "dh_mpi/hash.h"

#define CORES ((size_t)(64 * DH_PLACE_WORDS))

static uint64_t node_number(const char *host)
{
    char boot[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    size_t size = file ? fread(boot, 1, sizeof boot, file) : 0;
    if (file)
        fclose(file);
    return dh_hash_bytes(dh_hash_bytes(0, host, strlen(host)), boot, size);
}

/* A thread that asks for all cores is given those that the job has here (its cgroup's), whatever
 * this process is bound to. */
static void *count_cores(void *count)
{
    cpu_set_t *set = CPU_ALLOC(CORES);
    size_t size = CPU_ALLOC_SIZE(CORES);
    memset(set, 0xff, size);
    if (sched_setaffinity(0, size, set) == 0 && sched_getaffinity(0, size, set) == 0)
        *(uint32_t *)count = (uint32_t)CPU_COUNT_S(size, set);
    CPU_FREE(set);
    return NULL;
}

static void find_cores(struct dh_place *place)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t thread;
    place->cores = online > 0 ? (uint32_t)online : 1;
    if (pthread_create(&thread, NULL, count_cores, &place->cores) == 0)
        pthread_join(thread, NULL);
    cpu_set_t *set = CPU_ALLOC(CORES);
    size_t size = CPU_ALLOC_SIZE(CORES);
    CPU_ZERO_S(size, set);
    bool found = sched_getaffinity(0, size, set) == 0;
    for (size_t core = 0; core < CORES; core++)
        if (found ? CPU_ISSET_S(core, size, set) != 0 : core < place->cores)
            place->allowed[core / 64] |= UINT64_C(1) << (core % 64);
    CPU_FREE(set);
}

static void see_gpus(struct dh_place *place)
{
    for (const char *const *variable = dh_gpu_variables; *variable; variable++) {
        const char *value = getenv(*variable);
        if (!value)
            continue;
        bool none = strncmp(value, "-1", 2) == 0 || strcmp(value, "NoDevFiles") == 0;
        snprintf(place->gpus, sizeof place->gpus, "%s", none ? "" : value);
        return;
    }
    dh_gpus_find("", place->gpus, sizeof place->gpus);
}

void dh_place_here(struct dh_place *place)
{
    *place = (struct dh_place){.known = true, .pid = (int32_t)getpid()};
    gethostname(place->host, sizeof place->host - 1);
    place->node = node_number(place->host);
    find_cores(place);
    see_gpus(place);
}

static bool allowed(const struct dh_place *place, size_t core)
{
    return core < CORES && place->allowed[core / 64] >> (core % 64) & 1;
}

uint32_t dh_place_allowed_count(const struct dh_place *place)
{
    uint32_t count = 0;
    for (size_t core = 0; core < CORES; core++)
        count += allowed(place, core);
    return count;
}

void dh_place_put_cores(const struct dh_place *place, struct dh_buffer *out)
{
    const char *comma = "";
    for (size_t core = 0; core < CORES; core++) {
        size_t last = core;
        if (!allowed(place, core))
            continue;
        while (allowed(place, last + 1))
            last++;
        if (last > core)
            dh_buffer_printf(out, "%s%zu-%zu", comma, core, last);
        else
            dh_buffer_printf(out, "%s%zu", comma, core);
        core = last;
        comma = ",";
    }
}

void dh_place_pack(const struct dh_place *place, struct dh_buffer *out)
{
    dh_put_u64(out, place->node);
    dh_put_u32(out, (uint32_t)place->pid);
    dh_put_u32(out, place->cores);
    for (size_t i = 0; i < DH_PLACE_WORDS; i++)
        dh_put_u64(out, place->allowed[i]);
    dh_put_text(out, place->host);
    dh_put_text(out, place->gpus);
}

bool dh_place_unpack(const struct dh_message *message, struct dh_place *out)
{
    struct dh_reader reader = dh_reader_of(message->data, message->size);
    *out = (struct dh_place){.known = true, .node = dh_get_u64(&reader)};
    out->pid = (int32_t)dh_get_u32(&reader);
    out->cores = dh_get_u32(&reader);
    for (size_t i = 0; i < DH_PLACE_WORDS; i++)
        out->allowed[i] = dh_get_u64(&reader);
    char *host = dh_get_text(&reader), *gpus = dh_get_text(&reader);
    bool good = dh_reader_complete(&reader) && host && gpus && strlen(host) < sizeof out->host &&
                strlen(gpus) < sizeof out->gpus;
    if (good) {
        memcpy(out->host, host, strlen(host) + 1);
        memcpy(out->gpus, gpus, strlen(gpus) + 1);
    } else {
        *out = (struct dh_place){0};
    }
    free(host);
    free(gpus);
    return good;
}
