#define _GNU_SOURCE
#include "capus.h"

#include <fcntl.h>

int capus_o_direct(void) {
#ifdef O_DIRECT
    return O_DIRECT;
#else
    return 0;
#endif
}
