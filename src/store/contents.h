/* What a file is, by what is in it. */
#ifndef DH_STORE_CONTENTS_H
#define DH_STORE_CONTENTS_H

enum dh_contents {
    DH_CONTENTS_OTHER,         /* also of what is not there, no regular file, or cannot be read */
    DH_CONTENTS_CHECKPOINT,    /* of ours … */
    DH_CONTENTS_HDF5,          /* … or anybody's */
    DH_CONTENTS_JOURNAL,       /* one with a sound beginning */
    DH_CONTENTS_CONFIGURATION, /* of a search, also one with mistakes */
};

enum dh_contents dh_contents_of(const char *path);
/* For messages: "a checkpoint"; "" of DH_CONTENTS_OTHER. */
const char *dh_contents_text(enum dh_contents contents);

#endif
