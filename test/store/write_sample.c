/* write_sample FOLDER N: FOLDER/s.h5, the checkpoint of the sample search after N events, with
 * s.json, what the same trials are in JSON. For read_sample.py. */
#include "fixture.h"

#include <stdio.h>

static int write_files(const struct fixture *f, const char *folder, uint64_t events)
{
    struct dh_error err = {0};
    struct dh_history *history = fixture_history(f, events);
    char *checkpoint = dh_strprintf("%s/s.h5", folder), *json = dh_strprintf("%s/s.json", folder);
    FILE *out = fopen(json, "w");
    bool good = out && fixture_checkpoint(f, checkpoint, history, events, &err) == DH_OK &&
                dh_export_json(out, f->space, &f->settings, history, &err) == DH_OK;
    if (out && fclose(out) != 0)
        good = false;
    if (!good)
        fputs(err.text, stderr);
    free(checkpoint);
    free(json);
    dh_history_destroy(&history);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct fixture f;
    if (argc != 3)
        return 64;
    fixture_open(&f);
    int code = write_files(&f, argv[1], strtoull(argv[2], NULL, 10));
    fixture_close(&f);
    return code;
}
