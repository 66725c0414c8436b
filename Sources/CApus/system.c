#define _GNU_SOURCE
#include "capus.h"

#include <fcntl.h>
#include <unistd.h>

int capus_o_direct(void) {
#ifdef O_DIRECT
    return O_DIRECT;
#else
    return 0;
#endif
}

int capus_syncfs(int descriptor) {
#ifdef __linux__
    return syncfs(descriptor);
#else
    sync();
    return 0;
#endif
}
