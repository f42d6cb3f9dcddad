/* Why a program cannot be run: see program.h. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dh_mpi/alloc.h"

#define LINE 256 /* of a #! line Linux reads no more */

/* The first bytes of the file, ended by a NUL; -1 if it cannot be read. */
static ssize_t read_beginning(const char *path, char out[LINE + 1])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size = fd >= 0 ? read(fd, out, LINE) : -1;
    if (fd >= 0)
        close(fd);
    out[size > 0 ? size : 0] = '\0';
    return size;
}

/* Of "#! /bin/sh -e": is /bin/sh there? */
static char *interpreter_problem(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *name = line + 2 + strspn(line + 2, " \t");
    name[strcspn(name, " \t")] = '\0';
    if (access(name, X_OK) == 0)
        return NULL;
    size_t length = strlen(name);
    if (length > 0 && name[length - 1] == '\r') {
        name[length - 1] = '\0';
        return dh_strprintf("there is no interpreter \"%s\\r\": the file has Windows line ends",
                            name);
    }
    return length == 0 ? dh_strdup("its #! line names no interpreter")
                       : dh_strprintf("the interpreter of its #! line, %s, %s", name,
                                      errno == EACCES ? "cannot be run" : "is not there");
}

char *eval_program_problem(const char *path)
{
    char start[LINE + 1];
    ssize_t size = read_beginning(path, start);
    if (size < 0)
        return NULL; /* it may be run and not read */
    if (size >= 2 && start[0] == '#' && start[1] == '!')
        return interpreter_problem(start);
    if (memchr(start, '\0', (size_t)size))
        return NULL; /* no text */
    return dh_strdup(size ? "it is a text that has no #! line, such as #!/bin/sh, in front"
                          : "it is empty");
}

char *eval_program_failure(const char *path, int problem)
{
    char *why = problem == ENOENT || problem == ENOEXEC || problem == EACCES
                    ? eval_program_problem(path)
                    : NULL;
    if (why)
        return why;
    if (problem == ENOEXEC)
        return dh_strdup("it is no program for this machine");
    if (problem == ENOENT && access(path, F_OK) == 0)
        return dh_strdup("the dynamic loader that it names is not there");
    return dh_strdup(strerror(problem));
}
