/* A parameter's column as values of the space: see load.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dh_mpi/alloc.h"
#include "dh_mpi/bits.h"
#include "dh_mpi/hash.h"
#include "load.h"
#include "values.h"

/* A parameter and, for choices, the way from a text or number back to the index. */
struct parameter_target {
    const struct dh_parameter *parameter;
    size_t index, size;
    char **texts;
    struct dh_map by_content;
};

static bool keep_value(struct dh_checkpoint *checkpoint, const struct parameter_target *to,
                       uint64_t id, double value)
{
    dh_history_trial(checkpoint->history, id)->values[to->index] = value;
    return dh_store_value_valid(to->parameter, value);
}

static bool take_value(struct dh_checkpoint *checkpoint, const void *target, uint64_t id,
                       void *cell)
{
    const struct parameter_target *to = target;
    double value;
    uint64_t choice;
    memcpy(&value, cell, sizeof value);
    if (to->parameter->type == DH_INTEGER && value == (double)INT64_MIN)
        value = NAN;
    if (to->parameter->choice_count == 0 || isnan(value))
        return keep_value(checkpoint, to, id, value);
    return dh_map_get(&to->by_content, dh_bits_of(value), &choice) &&
           keep_value(checkpoint, to, id, (double)choice);
}

static bool take_choice(struct dh_checkpoint *checkpoint, const void *target, uint64_t id,
                        void *cell)
{
    const struct parameter_target *to = target;
    const char *text = cell;
    size_t length = strnlen(text, to->size);
    uint64_t choice;
    if (length == 0)
        return keep_value(checkpoint, to, id, NAN);
    if (!dh_map_get(&to->by_content, dh_hash_bytes(0, text, length), &choice) ||
        strlen(to->texts[choice]) != length || memcmp(to->texts[choice], text, length) != 0)
        return false;
    return keep_value(checkpoint, to, id, (double)choice);
}

/* Texts (or the bits of the numbers) of the choices, to be found again. */
static void index_choices(struct parameter_target *to)
{
    size_t count = to->parameter->choice_count;
    to->texts = dh_alloc(count, sizeof *to->texts);
    for (size_t i = 0; i < count; i++) {
        const struct dh_choice *choice = &to->parameter->choices[i];
        to->texts[i] = dh_checkpoint_choice_text(choice);
        uint64_t key = dh_hash_bytes(0, to->texts[i], strlen(to->texts[i]));
        if (choice->kind == DH_CHOICE_NUMBER)
            key = dh_bits_of(choice->number);
        dh_map_put(&to->by_content, key, i);
    }
}

dh_status dh_load_parameter(struct dh_checkpoint *checkpoint, size_t index, struct dh_error *err)
{
    const struct dh_parameter *parameter = dh_space_parameter(checkpoint->space, index);
    struct parameter_target to = {.parameter = parameter, .index = index};
    char *name = dh_strprintf("parameters/%s", parameter->name);
    struct dh_load_column in = {.name = name,
                                .memory_type = H5T_NATIVE_DOUBLE,
                                .size = 8,
                                .class = H5T_FLOAT,
                                .other_class = H5T_INTEGER,
                                .take = take_value,
                                .target = &to};
    bool text = dh_checkpoint_is_text(parameter);
    index_choices(&to);
    if (text) {
        to.size = in.size = dh_checkpoint_text_size(parameter);
        in.memory_type = dh_checkpoint_fixed_text(in.size);
        in.class = in.other_class = H5T_STRING;
        in.take = take_choice;
    }
    dh_status status = dh_load_rows(checkpoint, &in, err);
    if (text)
        H5Tclose(in.memory_type);
    for (size_t i = 0; i < parameter->choice_count; i++)
        free(to.texts[i]);
    free(to.texts);
    dh_map_free(&to.by_content);
    free(name);
    return status;
}
