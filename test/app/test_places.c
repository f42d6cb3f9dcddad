/* Where ranks are: what travels, which of them make groups, and what is warned about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/app/groups.h"
#include "../../src/app/muster.h"
#include "../../src/app/placement.h"
#include "dh_mpi/alloc.h"
#include "dh_mpi/gpus.h"

#define SIZE 16

/* "aab." is ranks 0 to 3: two on node a, one on b, one that is not known. */
static int lay_out(const char *nodes, struct dh_place *places)
{
    int size = (int)strlen(nodes);
    for (int rank = 0; rank < size; rank++) {
        places[rank] = (struct dh_place){.known = nodes[rank] != '.',
                                         .node = (uint64_t)nodes[rank],
                                         .host = {nodes[rank]},
                                         .pid = 100 + rank,
                                         .cores = 64,
                                         .allowed = {UINT64_MAX}};
    }
    return size;
}

/* ---- groups ---- */

static void check_groups(const char *nodes, int ranks, const char *wanted, const char *said)
{
    struct dh_place places[SIZE];
    struct dh_groups groups;
    struct dh_buffer text = {0};
    int size = lay_out(nodes, places);
    dh_groups_form(places, size, ranks, &groups);
    for (int i = 0; i < groups.count * ranks; i++)
        dh_buffer_printf(&text, "%s%d", i == 0 ? "" : i % ranks ? " " : ", ", groups.members[i]);
    assert_string_equal(text.size ? text.data : "", wanted);
    for (int rank = 0; rank < size; rank++) {
        const int32_t *members = dh_groups_of(&groups, rank);
        bool found = false;
        for (int i = 0; members && i < ranks; i++)
            found = found || members[i] == rank;
        assert_int_equal(found, groups.leader[rank] >= 0);
        assert_true(!members || members[0] == groups.leader[rank]);
    }
    dh_buffer_clear(&text);
    dh_groups_describe(&groups, places, &text);
    assert_string_equal(text.data, said);
    dh_buffer_free(&text);
    dh_groups_free(&groups);
}

static void test_groups(void **state)
{
    (void)state;
    check_groups("aaaaa", 2, "1 2, 3 4", "2 groups of 2 ranks");
    check_groups("aaaaaa", 2, "1 2, 3 4", "2 groups of 2 ranks; idle: rank 5 (a)");
    check_groups("aabb", 2, "2 3", "1 group of 2 ranks; idle: rank 1 (a)");
    check_groups("aababab", 2, "1 3, 2 4", "2 groups of 2 ranks; idle: rank 5 (a), rank 6 (b)");
    check_groups("aa.aa", 2, "1 3", "1 group of 2 ranks; idle: rank 4 (a)");
    check_groups("aabbcc", 3, "1 2 3",
                 "1 group of 3 ranks, over several nodes, as none has ranks for a whole one; idle: "
                 "rank 4 (c), rank 5 (c)");
    check_groups("aab", 3, "", "0 groups of 3 ranks; idle: rank 1 (a), rank 2 (b)");
    check_groups("a", 2, "", "0 groups of 2 ranks");
    check_groups("aaaaaaaaaaab", 11, "1 2 3 4 5 6 7 8 9 10 11",
                 "1 group of 11 ranks, over several nodes, as none has ranks for a whole one");
    check_groups("abbbbbbbbb", 12, "",
                 "0 groups of 12 ranks; idle: rank 1 (b), rank 2 (b), rank 3 (b), rank 4 (b), rank "
                 "5 (b), rank 6 (b), rank 7 (b), rank 8 (b), … (9 in all)");
}

/* ---- a place ---- */

static void test_here(void **state)
{
    (void)state;
    struct dh_place here, there;
    struct dh_buffer bytes = {0};
    setenv("CUDA_VISIBLE_DEVICES", "0,2", 1);
    dh_place_here(&here);
    assert_true(here.known && here.cores > 0 && here.pid == getpid());
    assert_true(dh_place_allowed_count(&here) > 0);
    assert_string_equal(here.gpus, "0,2");
    setenv("CUDA_VISIBLE_DEVICES", "-1", 1);
    dh_place_pack(&here, &bytes);
    struct dh_message message = {.data = bytes.data, .size = bytes.size};
    assert_true(dh_place_unpack(&message, &there));
    assert_memory_equal(&here, &there, sizeof here);
    for (message.size = 0; message.size < bytes.size; message.size++)
        assert_false(dh_place_unpack(&message, &there));
    assert_false(there.known);
    dh_place_here(&here);
    assert_string_equal(here.gpus, "");
    unsetenv("CUDA_VISIBLE_DEVICES");
    dh_buffer_free(&bytes);
}

static void make(const char *root, const char *path, const char *text)
{
    char *name = dh_strprintf("%s/%s", root, path);
    for (char *slash = name; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        mkdir(name, 0777);
        *slash = '/';
    }
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(name);
}

static void test_gpus(void **state)
{
    (void)state;
    char root[] = "/tmp/dh_places_XXXXXX", found[64];
    assert_non_null(mkdtemp(root));
    dh_gpus_find(root, found, sizeof found);
    assert_string_equal(found, "");
    make(root, "sys/class/kfd/kfd/topology/nodes/0/gpu_id", "0\n");
    make(root, "sys/class/kfd/kfd/topology/nodes/1/gpu_id", "4098\n");
    make(root, "sys/class/kfd/kfd/topology/nodes/2/gpu_id", "4099\n");
    dh_gpus_find(root, found, sizeof found);
    assert_string_equal(found, "0,1");
    make(root, "dev/nvidia0", "");
    make(root, "dev/nvidia3", "");
    make(root, "dev/nvidiactl", "");
    dh_gpus_find(root, found, sizeof found);
    assert_string_equal(found, "0,3");
    dh_gpus_find(root, found, 3);
    assert_string_equal(found, "0");
    char *command = dh_strprintf("rm -r %s", root);
    assert_int_equal(system(command), 0);
    free(command);
}

static void test_cores_as_text(void **state)
{
    (void)state;
    struct dh_place place = {.allowed = {0x10f, 1, [DH_PLACE_WORDS - 1] = UINT64_C(3) << 62}};
    struct dh_buffer text = {0};
    dh_place_put_cores(&place, &text);
    assert_string_equal(text.data, "0-3,8,64,2046-2047");
    assert_int_equal(dh_place_allowed_count(&place), 8);
    dh_buffer_free(&text);
}

/* ---- warnings ---- */

struct scene {
    struct dh_place places[SIZE];
    int size;
    struct dh_eval_plan plan;
    struct dh_config *config;
    struct dh_settings settings;
};

static void open_scene(struct scene *scene, const char *nodes, int32_t slots, const char *resources)
{
    struct dh_error err = {0};
    char *text = dh_strprintf("parameters = ( { name = \"x\"; type = \"real\"; low = 0.0; high = "
                              "1.0; } );\nobjectives = ( { name = \"y\"; } );\n"
                              "evaluator = { type = \"command\"; command = \"true\"; %s };\n",
                              resources);
    *scene = (struct scene){.plan = {.slots = slots, .ranks = 1, .cores = true}};
    scene->size = lay_out(nodes, scene->places);
    if (dh_config_parse("scene.cfg", text, &scene->config, &err) != DH_OK ||
        dh_settings_unpack(scene->config, &scene->settings, &err) != DH_OK)
        fail_msg("%s", err.text);
    free(text);
}

static void close_scene(struct scene *scene)
{
    dh_settings_free(&scene->settings);
    dh_config_destroy(&scene->config);
}

static void warns(const struct scene *scene, const char *wanted)
{
    struct dh_buffer text = {0};
    dh_placement_judge(scene->places, scene->size, &scene->plan, &scene->settings, NULL, &text);
    assert_string_equal(text.size ? text.data : "", wanted);
    dh_buffer_free(&text);
}

static void test_shared_cores(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, "aaaa", 1, "");
    warns(&scene, "");
    for (int rank = 1; rank < 4; rank++)
        scene.places[rank].allowed[0] = 0x3;
    for (int rank = 0; rank < 4; rank++)
        scene.places[rank].cores = 6;
    warns(&scene,
          "a: ranks 1-3 share 2 cores (0-1 of 6)\n"
          "a: ranks 1-3 are bound to 2 cores (0-1) of 6, so that evaluations cannot use "
          "the others: mpiexec --bind-to none (Intel MPI: I_MPI_PIN=off), srun --cpus-per-task\n");
    scene.places[2].allowed[0] = 0xc; /* a core for each again, but for 1 and 3 */
    warns(&scene, "");
    scene.plan.slots = 3;
    warns(&scene, "a: ranks 1, 3 run 6 evaluations at once on 2 cores (0-1 of 6)\n"
                  "a: rank 2 runs 3 evaluations at once on 2 cores (2-3 of 6)\n");
    scene.places[2].allowed[0] = 0x6; /* a chain of overlaps is one set */
    warns(&scene, "a: ranks 1-3 run 9 evaluations at once on 3 cores (0-2 of 6)\n");
    scene.plan.cores = false;
    warns(&scene, "");
    close_scene(&scene);
}

static void test_idle_cores(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, "aabb", 1, "");
    for (int rank = 0; rank < 4; rank++)
        scene.places[rank].allowed[0] = UINT64_C(1) << rank;
    warns(&scene,
          "a: rank 1 is bound to 1 core (1) of 64, so that evaluations cannot use the "
          "others: mpiexec --bind-to none (Intel MPI: I_MPI_PIN=off), srun --cpus-per-task\n"
          "b: ranks 2-3 are bound to 2 cores (2-3) of 64, so that evaluations cannot use "
          "the others: mpiexec --bind-to none (Intel MPI: I_MPI_PIN=off), srun --cpus-per-task\n");
    for (int rank = 0; rank < 4; rank++)
        scene.places[rank].cores = rank < 2 ? 2 : 3; /* one for rank 0, or most are used */
    warns(&scene, "");
    close_scene(&scene);
}

static void threads_are(const struct scene *scene, const char *wanted, const char *said)
{
    uint32_t threads[SIZE];
    struct dh_buffer text = {0};
    dh_placement_threads(scene->places, scene->size, &scene->plan, threads);
    for (int rank = 1; rank < scene->size; rank++)
        dh_buffer_printf(&text, rank > 1 ? " %u" : "%u", threads[rank]);
    assert_string_equal(text.data, wanted);
    dh_buffer_clear(&text);
    dh_placement_say_threads(scene->places, scene->size, &scene->plan, "", &text);
    assert_string_equal(text.size ? text.data : "", said);
    dh_buffer_free(&text);
}

/* Evaluations that share cores have as many threads each as fit them. */
static void test_threads(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, "ab.", 1, "");
    scene.plan.threads = true;
    threads_are(&scene, "0 0", "rank 1: 64 cores for 1 slot; OMP_NUM_THREADS is not set\n");
    scene.plan.slots = 5;
    threads_are(&scene, "12 0",
                "rank 1: 64 cores for 5 slots: evaluations have OMP_NUM_THREADS = 12\n");
    scene.places[1].pid = scene.places[0].pid; /* another node's process of that number */
    scene.plan.threads = false;
    threads_are(&scene, "0 0", "rank 1: 64 cores for 5 slots; OMP_NUM_THREADS is left as it is\n");
    scene.size = lay_out("aaaabb", scene.places);
    scene.plan.threads = true;
    scene.plan.slots = 1;
    threads_are(&scene, "21 21 21 32 32",
                "ranks 1-3: 64 cores for 3 slots: evaluations have OMP_NUM_THREADS = 21\n"
                "ranks 4-5: 64 cores for 2 slots: evaluations have OMP_NUM_THREADS = 32\n");
    scene.places[2].allowed[0] = 0x3f; /* bound to some of the cores that all share */
    scene.places[4].allowed[0] = 0x3;  /* bound to cores of their own */
    scene.places[5].allowed[0] = 0x4;
    scene.plan.slots = 2;
    threads_are(&scene, "10 3 10 1 1",
                "ranks 1, 3: 64 cores for 6 slots: evaluations have OMP_NUM_THREADS = 10\n"
                "rank 2: 64 cores for 6 slots: evaluations have OMP_NUM_THREADS = 3\n"
                "rank 4: 2 cores for 2 slots: evaluations have OMP_NUM_THREADS = 1\n"
                "and 1 more like these\n");
    close_scene(&scene);
    open_scene(&scene, "aa", 4, "");
    scene.plan.threads = true;
    scene.places[1].pid = scene.places[0].pid; /* alone */
    threads_are(&scene, "16", "64 cores for 4 slots: evaluations have OMP_NUM_THREADS = 16\n");
    close_scene(&scene);
}

static void test_many_nodes(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, "abcde.", 65, "");
    warns(&scene, "b: rank 1 runs 65 evaluations at once on 64 cores (0-63 of 64)\n"
                  "c: rank 2 runs 65 evaluations at once on 64 cores (0-63 of 64)\n"
                  "d: rank 3 runs 65 evaluations at once on 64 cores (0-63 of 64)\n"
                  "and 1 more like these\n");
    close_scene(&scene);
}

static void test_manager_on_a_workers_core(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, "aa", 1, "");
    scene.places[0].cores = scene.places[1].cores = 2;
    scene.places[0].allowed[0] = scene.places[1].allowed[0] = 0x8;
    warns(&scene, "a: rank 0 and rank 1 are bound to the same core 3 of 2\n");
    scene.places[0].pid = scene.places[1].pid; /* one process is both */
    warns(&scene, "");
    close_scene(&scene);
}

static void test_unused_gpus(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, "ab", 2,
               "slots = 2; resources = { CUDA_VISIBLE_DEVICES = [\"0\", \"1,2\"]; };");
    warns(&scene, ""); /* none that can be seen */
    strcpy(scene.places[1].gpus, "0,1,2");
    warns(&scene, "");
    strcpy(scene.places[1].gpus, "0,1,2,3,10");
    warns(&scene, "b: GPUs 3, 10: no slot has them (evaluator.resources)\n");
    strcpy(scene.places[1].gpus, "1,2");
    warns(&scene, "b: evaluator.resources hands out GPU 0, which rank 1 does not see (it sees "
                  "1,2)\n");
    close_scene(&scene);
    open_scene(&scene, "ab", 1, "resources = { CUDA_VISIBLE_DEVICES = [0]; };");
    strcpy(scene.places[1].gpus, "0,1");
    warns(&scene, "b: GPU 1: no slot has it (evaluator.resources)\n");
    close_scene(&scene);
    open_scene(&scene, "ab", 1, "resources = { OTHER = [\"0\"]; };"); /* says nothing of GPUs */
    strcpy(scene.places[1].gpus, "0,1");
    warns(&scene, "");
    close_scene(&scene);
}

static void test_table(void **state)
{
    (void)state;
    struct scene scene;
    struct dh_buffer text = {0};
    open_scene(&scene, "aabba.", 4, "");
    strcpy(scene.places[2].gpus, "0,1");
    dh_placement_table(scene.places, scene.size, &scene.plan, &text);
    assert_string_equal(text.data, "node        a: 64 cores, ranks 0-1, 4, 8 slots\n"
                                   "node        b: 64 cores, GPUs 0,1, ranks 2-3, 8 slots\n");
    dh_buffer_free(&text);
    close_scene(&scene);
}

/* It may have died before the search began; then nobody is to wait for ever. */
static void test_rank_0_is_silent(void **state)
{
    (void)state;
    struct dh_comm *ends[2];
    struct dh_message message;
    struct dh_error err;
    dh_comm_loop_create(2, ends);
    assert_int_equal(dh_muster_hear(ends[1], 0.05, &message, &err), DH_COMM);
    assert_string_equal(err.text, "rank 0 was silent for 0.05 s: it is lost, and so is this run");
    assert_int_equal(dh_comm_send(ends[0], 1, DH_TAG_SETUP, NULL, &err), DH_OK);
    assert_int_equal(dh_muster_hear(ends[1], 0.05, &message, &err), DH_OK);
    assert_int_equal(message.tag, DH_TAG_SETUP);
    dh_comm_close(&ends[1], &err);
    dh_comm_close(&ends[0], &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_here),
        cmocka_unit_test(test_gpus),
        cmocka_unit_test(test_cores_as_text),
        cmocka_unit_test(test_shared_cores),
        cmocka_unit_test(test_idle_cores),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_many_nodes),
        cmocka_unit_test(test_manager_on_a_workers_core),
        cmocka_unit_test(test_unused_gpus),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_rank_0_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
