#define _GNU_SOURCE
#include "capus.h"

#if defined(__linux__) || defined(__APPLE__)
#include <sys/random.h>
#endif
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pthread.h>
#include <string.h>
#include <unistd.h>

int capus_o_direct(void) {
#ifdef O_DIRECT
    return O_DIRECT;
#else
    return 0;
#endif
}

void capus_start_writing(int descriptor, int64_t position, int64_t count) {
#ifdef __linux__
    sync_file_range(descriptor, position, count, SYNC_FILE_RANGE_WRITE);
#else
    (void)descriptor, (void)position, (void)count;
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

void capus_return_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void capus_name_thread(const char *name) {
    char short_name[16] = {0};
    strncpy(short_name, name, sizeof short_name - 1);
#ifdef __APPLE__
    pthread_setname_np(short_name);
#else
    pthread_setname_np(pthread_self(), short_name);
#endif
}

bool capus_random(void *bytes, size_t length) {
#if defined(__linux__)
    return length <= 256 && getrandom(bytes, length, 0) == (ssize_t)length;
#else
    return length <= 256 && getentropy(bytes, length) == 0;
#endif
}
