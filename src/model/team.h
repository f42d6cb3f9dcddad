/* Running independent jobs on a few threads; private to this room. */
#ifndef DH_MODEL_TEAM_H
#define DH_MODEL_TEAM_H

#include <stddef.h>

/* Call job(context, i) once for each i in 0 … count-1, on at most `threads` threads of which the
 * caller is one; returns when all are done. With fewer threads than asked for (the system refuses
 * more) it is only slower. */
void dh_team_run(int threads, size_t count, void (*job)(void *context, size_t index),
                 void *context);

#endif
