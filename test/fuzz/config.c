/* A configuration's text: parsed, written and parsed again, unpacked, made a space, whose points go
 * from one form to the other and back. */
#include "fuzz.h"

#include "eval/plan.h"

static void use_point(const struct dh_space *space, double *point)
{
    size_t count = dh_space_count(space);
    struct dh_buffer text = {0};
    double *unit = dh_alloc(count, sizeof *unit), *back = dh_alloc(count, sizeof *back);
    dh_space_encode(space, point, unit);
    for (size_t i = 0; i < count; i++)
        promise(isnan(unit[i]) || (unit[i] >= 0 && unit[i] <= 1), "the unit cube has sides of 1");
    dh_space_decode(space, unit, back);
    promise(dh_space_equal(space, point, back), "decode(encode(x)) is x");
    promise(dh_space_identity(space, point) == dh_space_identity(space, back), "identities");
    dh_space_format_json(space, point, &text);
    dh_space_format_config(space, point, &text);
    for (size_t i = 0; i < count; i++) {
        const struct dh_parameter *parameter = dh_space_parameter(space, i);
        double read;
        dh_buffer_clear(&text);
        dh_parameter_format(parameter, point[i], &text);
        if (text.size && !isnan(point[i]))
            promise(dh_parameter_parse(parameter, text.data, &read, NULL) == DH_OK &&
                        read == point[i],
                    "a value that was written can be read");
    }
    dh_buffer_free(&text);
    free(unit);
    free(back);
}

static void use_space(const struct dh_settings *settings, const struct dh_space *space)
{
    size_t count = dh_space_count(space);
    double *point = dh_alloc(count, sizeof *point);
    struct dh_random random = dh_random_at(1, DH_STREAM_TEST, 0);
    for (size_t i = 0; i < count; i++)
        point[i] = dh_parameter_quantile(dh_space_parameter(space, i), dh_random_uniform(&random));
    dh_space_settle(space, point);
    dh_space_feasible(space, point);
    use_point(space, point);
    for (size_t i = 0; settings->initial && i < settings->initial->child_count; i++)
        dh_space_read_point(space, settings->initial->children[i], point, NULL);
    free(point);
    struct eval_plan *plan;
    if (settings->evaluator &&
        eval_plan_create(settings, space, "/nowhere", 1, NULL, &plan, NULL) == DH_OK)
        eval_plan_free(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = dh_strndup((const char *)data, size);
    struct dh_config *config, *again;
    struct dh_error err = {0};
    if (dh_config_parse("fuzz.cfg", text, &config, &err) == DH_OK) {
        struct dh_settings settings = {0};
        struct dh_space *space = NULL;
        promise(dh_config_parse("again.cfg", dh_config_text(config), &again, &err) == DH_OK &&
                    strcmp(dh_config_text(config), dh_config_text(again)) == 0,
                "a configuration that was written can be read");
        dh_config_destroy(&again);
        if (dh_settings_unpack(config, &settings, &err) == DH_OK &&
            dh_space_create(&settings, &space, &err) == DH_OK)
            use_space(&settings, space);
        dh_space_destroy(&space);
        dh_settings_free(&settings);
        dh_config_destroy(&config);
    } else {
        promise(err.text[0] != '\0', "an error says what is wrong");
    }
    free(text);
    return 0;
}
