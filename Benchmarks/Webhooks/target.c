// SPDX-License-Identifier: Apache-2.0

// A webhook that costs next to nothing: one thread, epoll, no parsing beyond what is needed to find the end of a request. What is posted to
// a path that begins with /slow is answered with 204 after DELAY milliseconds, anything else at once. GET /stats tells how many
// requests came, when the first and the last, and how old their data was: data that begins with a number is taken for the
// microseconds since 1970 at which it was made. GET /reset forgets all that.
//
//     target PORT DELAY

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 64 << 10, SAMPLES = 1 << 20, CONNECTIONS = 1 << 15 };

struct connection {
    char *bytes;
    size_t count;
    // When the answer is due; connections that wait stand in a queue, in order, because all wait equally long.
    int64_t due;
    int next;
    int waits;
};

static struct connection connections[CONNECTIONS];
static int waiting_first = -1, waiting_last = -1;
static int64_t delay_us;
static uint32_t samples[SAMPLES];
static size_t sample_count;
static uint64_t fast_count, slow_count;
static int64_t first_us, last_us;
static int slow_open, slow_open_max;

static int64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static int compare(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static void answer(int descriptor, const char *text, size_t count) {
    // A socket that takes no short answer belongs to nobody who waits for it.
    if (write(descriptor, text, count) != (ssize_t)count) shutdown(descriptor, SHUT_RDWR);
}

static void answer_empty(int descriptor) {
    static const char text[] = "HTTP/1.1 204 No Content\r\n\r\n";
    answer(descriptor, text, sizeof text - 1);
}

static void answer_stats(int descriptor) {
    size_t count = sample_count < SAMPLES ? sample_count : SAMPLES;
    qsort(samples, count, sizeof *samples, compare);
    char body[512], text[768];
    int body_count = snprintf(
        body, sizeof body,
        "{\"fast\":%llu,\"slow\":%llu,\"first_us\":%lld,\"last_us\":%lld,\"slow_open_max\":%d,"
        "\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}",
        (unsigned long long)fast_count, (unsigned long long)slow_count, (long long)first_us, (long long)last_us,
        slow_open_max, count ? samples[count / 2] : 0, count ? samples[count * 99 / 100] : 0,
        count ? samples[count - 1] : 0);
    int text_count = snprintf(
        text, sizeof text, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
        body_count, body);
    answer(descriptor, text, (size_t)text_count);
}

static void note(const char *body, size_t count, int64_t now) {
    if (!first_us) first_us = now;
    last_us = now;
    int64_t made = 0;
    for (size_t index = 0; index < count && index < 18 && body[index] >= '0' && body[index] <= '9'; index++)
        made = made * 10 + (body[index] - '0');
    if (made > 0 && now >= made && sample_count < SAMPLES) samples[sample_count++] = (uint32_t)(now - made);
}

// Takes one request off the front of the buffer; 0 if it is not whole yet.
static size_t take(int descriptor, struct connection *self, int64_t now) {
    char *end = memmem(self->bytes, self->count, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - self->bytes) + 4, body = 0;
    for (char *line = self->bytes; line < end; line++) {
        if (line[-(line != self->bytes)] == '\n' && !strncasecmp(line, "content-length:", 15)) {
            body = strtoul(line + 15, NULL, 10);
            break;
        }
    }
    if (self->count < head + body) return 0;
    if (!strncmp(self->bytes, "GET /stats", 10)) {
        answer_stats(descriptor);
    } else if (!strncmp(self->bytes, "GET /reset", 10)) {
        sample_count = fast_count = slow_count = 0;
        first_us = last_us = slow_open_max = 0;
        answer_empty(descriptor);
    } else if (!strncmp(self->bytes, "POST /slow", 10)) {
        slow_count++;
        if (++slow_open > slow_open_max) slow_open_max = slow_open;
        self->due = now + delay_us;
        self->waits = 1;
        self->next = -1;
        if (waiting_last >= 0) connections[waiting_last].next = descriptor; else waiting_first = descriptor;
        waiting_last = descriptor;
    } else {
        fast_count++;
        note(self->bytes + head, body, now);
        answer_empty(descriptor);
    }
    return head + body;
}

static void answer_due(int64_t now) {
    while (waiting_first >= 0 && connections[waiting_first].due <= now) {
        int descriptor = waiting_first;
        waiting_first = connections[descriptor].next;
        if (waiting_first < 0) waiting_last = -1;
        slow_open--;
        // Closed meanwhile, by the other side: the descriptor is kept until now, so that nobody else has it.
        if (connections[descriptor].waits == 2) close(descriptor); else answer_empty(descriptor);
        connections[descriptor].waits = 0;
    }
}

static void end(int descriptor, int poll) {
    struct connection *self = &connections[descriptor];
    epoll_ctl(poll, EPOLL_CTL_DEL, descriptor, NULL);
    free(self->bytes);
    self->bytes = NULL;
    self->count = 0;
    if (self->waits) self->waits = 2; else close(descriptor);
}

static void receive(int descriptor, int poll, int64_t now) {
    struct connection *self = &connections[descriptor];
    if (!self->bytes) self->bytes = malloc(BUFFER);
    if (!self->bytes) exit(1);
    ssize_t count = read(descriptor, self->bytes + self->count, BUFFER - self->count);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return end(descriptor, poll);
    self->count += (size_t)count;
    size_t taken;
    while (self->count && (taken = take(descriptor, self, now))) {
        memmove(self->bytes, self->bytes + taken, self->count - taken);
        self->count -= taken;
    }
    if (self->count == BUFFER) return end(descriptor, poll);
    // Thousands of connections that wait need no buffers.
    if (!self->count && self->waits) {
        free(self->bytes);
        self->bytes = NULL;
    }
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("listen");
        exit(1);
    }
    return listener;
}

static void accept_all(int listener, int poll) {
    int descriptor, on = 1;
    while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (descriptor >= CONNECTIONS) {
            close(descriptor);
            continue;
        }
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        memset(&connections[descriptor], 0, sizeof *connections);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
        epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
    }
}

int main(int count, char **arguments) {
    if (count != 3) return fprintf(stderr, "target PORT DELAY\n"), 2;
    delay_us = strtol(arguments[2], NULL, 10) * 1000;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = listen_on((int)strtol(arguments[1], NULL, 10)), poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[1024];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, 1024, waiting_first >= 0 ? 1 : -1);
        int64_t now = now_us();
        for (int index = 0; index < ready; index++) {
            if (events[index].data.fd == listener) accept_all(listener, poll);
            else receive(events[index].data.fd, poll, now);
        }
        answer_due(now);
    }
}
