// SPDX-License-Identifier: Apache-2.0

// The least that a broker of one topic can do: what a client reaches against it is what the client, the kernel and the disk leave to any server.
//
//     floor PORT [FILE] [PARTITIONS]
//
// Produced batches are received, given their offsets, written to FILE if there is one (pwrite, no flush), and acknowledged: nothing is checked. A fetch is
// answered from memory with the last batch again and again, with the offsets that were asked for: without an end. One thread for each connection.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PRODUCE = 0, FETCH = 1, LIST_OFFSETS = 2, METADATA = 3, FIND_COORDINATOR = 10, API_VERSIONS = 18 };
enum { PARTITIONS_MAX = 1000, COPIES_MAX = 500, HEAD_BYTES = 27 };

static int port, file = -1, partitions = 1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t ends[PARTITIONS_MAX], written;
static uint8_t *last;
static size_t last_length, last_count;

struct cursor {
    uint8_t *at, *end;
};

static void need(struct cursor *c, size_t count) {
    if ((size_t)(c->end - c->at) < count) pthread_exit(NULL);
}

static int64_t take(struct cursor *c, int bytes) {
    need(c, (size_t)bytes);
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | *c->at++;
    return bytes == 8 ? (int64_t)value : bytes == 4 ? (int32_t)value : (int16_t)value;
}

static void put(struct cursor *c, int64_t value, int bytes) {
    need(c, (size_t)bytes);
    for (int i = bytes - 1; i >= 0; i--) *c->at++ = (uint8_t)((uint64_t)value >> 8 * i);
}

static struct cursor take_text(struct cursor *c) {
    int64_t length = take(c, 2);
    if (length < 0) length = 0;
    need(c, (size_t)length);
    struct cursor text = {c->at, c->at + length};
    c->at += length;
    return text;
}

static void put_text(struct cursor *c, struct cursor text) {
    put(c, text.end - text.at, 2);
    need(c, (size_t)(text.end - text.at));
    memcpy(c->at, text.at, (size_t)(text.end - text.at));
    c->at += text.end - text.at;
}

static void put_word(struct cursor *c, const char *word) {
    put_text(c, (struct cursor){(uint8_t *)word, (uint8_t *)word + strlen(word)});
}

static void api_versions(struct cursor *out, int version) {
    static const int16_t spoken[][2] = {{PRODUCE, 7}, {FETCH, 4}, {LIST_OFFSETS, 1}, {METADATA, 1}, {FIND_COORDINATOR, 0}, {API_VERSIONS, 0}};
    put(out, version > 0 ? 35 : 0, 2);
    put(out, sizeof spoken / sizeof *spoken, 4);
    for (size_t i = 0; i < sizeof spoken / sizeof *spoken; i++) {
        put(out, spoken[i][0], 2);
        put(out, 0, 2);
        put(out, spoken[i][1], 2);
    }
}

static void metadata(struct cursor *in, struct cursor *out, int version) {
    int64_t topics = take(in, 4);
    put(out, 1, 4);
    put(out, 1, 4);
    put_word(out, "127.0.0.1");
    put(out, port, 4);
    if (version > 0) put(out, -1, 2), put(out, 1, 4);
    put(out, topics > 0 ? topics : 0, 4);
    for (; topics > 0; topics--) {
        put(out, 0, 2);
        put_text(out, take_text(in));
        if (version > 0) put(out, 0, 1);
        put(out, partitions, 4);
        for (int i = 0; i < partitions; i++) {
            put(out, 0, 2);
            put(out, i, 4);
            put(out, 1, 4);
            put(out, 1, 4), put(out, 1, 4);
            put(out, 1, 4), put(out, 1, 4);
        }
    }
}

// Keeps a batch for those who fetch, gives it its offsets, writes it.
static int64_t append(uint8_t *batch, size_t length, int64_t partition) {
    struct cursor delta = {batch + 23, batch + HEAD_BYTES};
    int64_t count = take(&delta, 4) + 1;
    pthread_mutex_lock(&lock);
    int64_t base = ends[partition], position = written;
    ends[partition] += count;
    written += (int64_t)length;
    if (!last || length > last_length) {
        free(last);
        last = malloc(length);
        if (!last) exit(1);
        memcpy(last, batch, length);
        last_length = length, last_count = (size_t)count;
    }
    pthread_mutex_unlock(&lock);
    struct cursor place = {batch, batch + 8};
    put(&place, base, 8);
    if (file >= 0 && pwrite(file, batch, length, position) != (ssize_t)length) perror("write"), exit(1);
    return base;
}

static void produce(struct cursor *in, struct cursor *out, int version) {
    take_text(in);
    take(in, 2), take(in, 4);
    int64_t topics = take(in, 4);
    put(out, topics, 4);
    for (; topics > 0; topics--) {
        put_text(out, take_text(in));
        int64_t count = take(in, 4);
        put(out, count, 4);
        for (; count > 0; count--) {
            int64_t partition = take(in, 4), length = take(in, 4);
            if (length < HEAD_BYTES || partition < 0 || partition >= partitions) pthread_exit(NULL);
            need(in, (size_t)length);
            put(out, partition, 4);
            put(out, 0, 2);
            put(out, append(in->at, (size_t)length, partition), 8);
            put(out, -1, 8);
            if (version >= 5) put(out, 0, 8);
            in->at += length;
        }
    }
    put(out, 0, 4);
}

static void list_offsets(struct cursor *in, struct cursor *out) {
    take(in, 4);
    int64_t topics = take(in, 4);
    put(out, topics, 4);
    for (; topics > 0; topics--) {
        put_text(out, take_text(in));
        int64_t count = take(in, 4);
        put(out, count, 4);
        for (; count > 0; count--) {
            put(out, take(in, 4), 4);
            put(out, 0, 2);
            put(out, -1, 8);
            put(out, take(in, 8) == -1 ? 1LL << 60 : 0, 8);
        }
    }
}

static int write_all(int client, struct iovec *pieces, int count) {
    while (count > 0) {
        ssize_t sent = writev(client, pieces, count);
        if (sent <= 0) return 0;
        for (; count > 0 && (size_t)sent >= pieces->iov_len; pieces++, count--) sent -= (ssize_t)pieces->iov_len;
        if (count > 0) pieces->iov_base = (uint8_t *)pieces->iov_base + sent, pieces->iov_len -= (size_t)sent;
    }
    return 1;
}

// Answers from memory, for the first partition that is asked for.
static int fetch(int client, struct cursor *in, struct cursor *out, uint8_t *begin) {
    static const int fixed[] = {4, 4, 4, 4, 1};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) take(in, fixed[i]);
    int64_t topics = take(in, 4);
    struct cursor topic = topics > 0 ? take_text(in) : (struct cursor){in->at, in->at};
    if (topics > 0) take(in, 4);
    int64_t partition = topics > 0 ? take(in, 4) : 0, offset = topics > 0 ? take(in, 8) : 0;
    int64_t limit = topics > 0 ? take(in, 4) : 0;
    int copies = topics > 0 && last ? (int)(limit / (int64_t)last_length) : 0;
    if (topics > 0 && last && copies < 1) copies = 1;
    if (copies > COPIES_MAX) copies = COPIES_MAX;
    if (copies == 0) usleep(100000);
    put(out, 0, 4);
    put(out, topics > 0, 4);
    if (topics > 0) {
        put_text(out, topic);
        put(out, 1, 4);
        put(out, partition, 4);
        put(out, 0, 2);
        put(out, 1LL << 60, 8);
        put(out, 1LL << 60, 8);
        put(out, -1, 4);
        put(out, copies * (int64_t)last_length, 4);
    }
    static __thread uint8_t bases[COPIES_MAX][8];
    struct iovec pieces[1 + 2 * COPIES_MAX] = {{begin, (size_t)(out->at - begin)}};
    int64_t base = copies ? offset / (int64_t)last_count * (int64_t)last_count : 0;
    for (int i = 0; i < copies; i++, base += (int64_t)last_count) {
        struct cursor place = {bases[i], bases[i] + 8};
        put(&place, base, 8);
        pieces[1 + 2 * i] = (struct iovec){bases[i], 8};
        pieces[2 + 2 * i] = (struct iovec){last + 8, last_length - 8};
    }
    struct cursor length = {begin, begin + 4};
    put(&length, out->at - begin - 4 + copies * (int64_t)last_length, 4);
    return write_all(client, pieces, 1 + 2 * copies);
}

static int read_all(int client, uint8_t *bytes, size_t count) {
    for (ssize_t got; count > 0; bytes += got, count -= (size_t)got)
        if ((got = read(client, bytes, count)) <= 0) return 0;
    return 1;
}

static void *serve(void *argument) {
    int client = (int)(intptr_t)argument;
    size_t room = 0;
    uint8_t *request = NULL, *answer = malloc(1 << 20), prefix[4];
    while (answer && read_all(client, prefix, 4)) {
        struct cursor size = {prefix, prefix + 4};
        size_t length = (size_t)take(&size, 4);
        if (length > 64 << 20) break;
        if (length > room) {
            free(request);
            request = malloc(room = length);
            if (!request) break;
        }
        if (!read_all(client, request, length)) break;
        struct cursor in = {request, request + length}, out = {answer + 4, answer + (1 << 20)};
        int api = (int)take(&in, 2), version = (int)take(&in, 2);
        put(&out, take(&in, 4), 4);
        take_text(&in);
        switch (api) {
        case API_VERSIONS: api_versions(&out, version); break;
        case METADATA: metadata(&in, &out, version); break;
        case PRODUCE: produce(&in, &out, version); break;
        case LIST_OFFSETS: list_offsets(&in, &out); break;
        case FIND_COORDINATOR: put(&out, 15, 2), put(&out, -1, 4), put_word(&out, ""), put(&out, 0, 4); break;
        case FETCH:
            if (!fetch(client, &in, &out, answer)) goto end;
            continue;
        default: goto end;
        }
        struct cursor place = {answer, answer + 4};
        put(&place, out.at - answer - 4, 4);
        struct iovec piece = {answer, (size_t)(out.at - answer)};
        if (!write_all(client, &piece, 1)) break;
    }
end:
    close(client);
    free(request);
    free(answer);
    return NULL;
}

int main(int count, char **arguments) {
    if (count < 2) return fprintf(stderr, "floor PORT [FILE] [PARTITIONS]\n"), 2;
    port = atoi(arguments[1]);
    if (count > 2 && *arguments[2]) {
        file = open(arguments[2], O_CREAT | O_TRUNC | O_WRONLY, 0600);
        if (file < 0) return perror(arguments[2]), 1;
    }
    if (count > 3) partitions = atoi(arguments[3]);
    if (partitions < 1 || partitions > PARTITIONS_MAX) return 2;
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 64)) return perror("listen"), 1;
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)client)) return 1;
        pthread_detach(thread);
    }
}
