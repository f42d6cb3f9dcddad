/* A journal of anybody. The checksum of each record is made right first, so that the mutations
 * reach what is behind it; what it then says goes into a history. The input's first byte decides
 * whether they are left as they are. */
#include "fuzz.h"

#include <zlib.h>

#include "dh_mpi/history.h"
#include "store/journal.h"
#include "store/salvage.h"

/* Record after record, as far as their lengths lead. */
static void repair(uint8_t *bytes, size_t size)
{
    while (size >= 8) {
        struct dh_reader in = dh_reader_of(bytes, size);
        uint32_t length = dh_get_u32(&in);
        if (length == 0 || length > size - 8)
            return;
        uint32_t sum = (uint32_t)crc32(0, bytes + 8, length);
        for (int i = 0; i < 4; i++)
            bytes[4 + i] = (uint8_t)(sum >> (8 * i));
        bytes += 8 + length;
        size -= 8 + length;
    }
}

static void check_history(const struct dh_history *history)
{
    uint64_t count = 0;
    uint64_t *order = dh_history_ended_order(history, &count);
    for (uint64_t i = 0; i < count; i++)
        promise(dh_history_trial(history, order[i])->ended_event <= dh_history_event(history),
                "an event is not later than the last");
    free(order);
}

/* In the space that the journal's own configuration describes; in ours if it has none. */
static void replay(const char *path, const struct fuzz_space *f)
{
    struct dh_journal_reader reader;
    struct dh_journal_header header;
    struct dh_error err = {0};
    if (dh_journal_open_header(path, &reader, &header, &err) != DH_OK)
        return;
    struct fuzz_space own = {0};
    if (dh_config_parse("own.cfg", header.config_text, &own.config, &err) == DH_OK &&
        dh_settings_unpack(own.config, &own.settings, &err) == DH_OK)
        dh_space_create(&own.settings, &own.space, &err);
    const struct fuzz_space *with = own.space ? &own : f;
    struct dh_history *history =
        dh_history_create(dh_space_count(with->space), with->settings.objective_count);
    uint64_t added = 0, torn = 0;
    bool contradicts = false;
    if (dh_journal_replay(&reader, &header, UINT64_MAX, with->space, history, &added, &torn,
                          &contradicts, &err) == DH_OK) {
        promise(added == dh_history_event(history), "every event is counted");
        check_history(history);
    }
    dh_history_destroy(&history);
    fuzz_space_close(&own);
    dh_journal_header_free(&header);
    dh_journal_close(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_space *f = fuzz_space_shared();
    char path[32];
    if (size < 1)
        return 0;
    uint8_t *bytes = dh_memdup(data + 1, size - 1);
    if (data[0] != 'r')
        repair(bytes, size - 1);
    int fd = fuzz_file(bytes, size - 1, path);
    replay(path, f);
    dh_salvage_look(path, data[0]);
    close(fd);
    free(bytes);
    return 0;
}
