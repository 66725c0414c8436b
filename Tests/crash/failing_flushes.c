// SPDX-License-Identifier: Apache-2.0

// Preloaded into a server: flushes fail with EIO for as long as the file named by APUS_TEST_FLUSHES_FAIL exists, and nothing is flushed then.
// A file beside it, with ".noticed" behind its name, comes when the first one has failed.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(void) {
    const char *flag = getenv("APUS_TEST_FLUSHES_FAIL");
    char noticed[4096];
    int saved = errno;
    if (flag == NULL || access(flag, F_OK) != 0) {
        errno = saved;
        return 0;
    }
    if (snprintf(noticed, sizeof noticed, "%s.noticed", flag) < (int)sizeof noticed) {
        int file = open(noticed, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (file >= 0) close(file);
    }
    errno = EIO;
    return 1;
}

#define FLUSH(NAME)                                                          \
    int NAME(int file) {                                                     \
        static int (*next)(int);                                             \
        if (fails()) return -1;                                              \
        if (next == NULL) next = (int (*)(int))dlsym(RTLD_NEXT, #NAME);      \
        return next(file);                                                   \
    }

FLUSH(fdatasync)
FLUSH(fsync)
FLUSH(syncfs)
