/* Sound records behind damage in a journal: too late for the history, but to be known of. */
#ifndef DH_STORE_SALVAGE_H
#define DH_STORE_SALVAGE_H

#include <stddef.h>
#include <stdint.h>

struct dh_salvage {
    uint64_t records;     /* events told of behind the damage */
    uint64_t first, last; /* the lowest and the highest; 0: none */
};

/* Look for them in `path` from byte `from` on, wherever they begin. A file that cannot be read
 * holds none. */
struct dh_salvage dh_salvage_look(const char *path, uint64_t from);

#endif
