// SPDX-License-Identifier: Apache-2.0

// What a program in C reaches on librabbitmq, with and without the headers that a CloudEvent has: what the library's transport for RabbitMQ is held against.
//
//     client publish PORT EXCHANGE COUNT SIZE WINDOW plain|events
//     client consume PORT QUEUE COUNT PREFETCH plain|events
//
// `events` writes the four headers of an event in binary mode (each with an id of its own) and the type of its data, and reads all headers of a message, names and values; `plain` does
// neither. Messages are persistent and have SIZE bytes, which are never looked into; at most WINDOW wait for the broker's confirm. What is consumed is acknowledged 256 at a time in one
// frame, as the transport does. Prints a line of JSON: messages a second and processor time of this process for each. Fails if one message is refused.

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { CHANNEL = 1, FRAME_BYTES_MAX = 131072, ACKNOWLEDGE_EVERY = 256, CONFIRMS_EVERY = 64, PERSISTENT = 2, HEADERS = 4 };

static void die(const char *what, const char *reason) {
    fprintf(stderr, "%s: %s\n", what, reason);
    exit(1);
}

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double processor_seconds(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + 1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static void report(const char *mode, long count, int64_t start, double used) {
    double seconds = 1e-9 * (double)(nanoseconds() - start);
    printf("{\"mode\": \"%s\", \"messages\": %ld, \"rate\": %.0f, \"processor_us\": %.3f}\n", mode, count,
           (double)count / seconds, 1e6 * (processor_seconds() - used) / (double)count);
}

static void check(amqp_rpc_reply_t reply, const char *what) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) die(what, amqp_error_string2(reply.library_error));
    die(what, "the broker closed the channel or the connection");
}

static amqp_connection_state_t connected(int port) {
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = connection ? amqp_tcp_socket_new(connection) : NULL;
    if (!socket || amqp_socket_open(socket, "127.0.0.1", port)) die("connection", "nobody listens");
    check(amqp_login(connection, "/", 0, FRAME_BYTES_MAX, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "login");
    amqp_channel_open(connection, CHANNEL);
    check(amqp_get_rpc_reply(connection), "channel");
    return connection;
}

static void disconnect(amqp_connection_state_t connection) {
    // The broker answers when it has taken in what came before: the last acknowledgements.
    check(amqp_channel_close(connection, CHANNEL, AMQP_REPLY_SUCCESS), "channel");
    check(amqp_connection_close(connection, AMQP_REPLY_SUCCESS), "connection");
    amqp_destroy_connection(connection);
}

static void send_one(amqp_connection_state_t connection, const char *exchange, long number, amqp_bytes_t value, int with_headers) {
    char id[24];
    snprintf(id, sizeof id, "%ld", number);
    const char *const texts[HEADERS][2] = {{"cloudEvents_specversion", "1.0"}, {"cloudEvents_id", id}, {"cloudEvents_source", "/check"}, {"cloudEvents_type", "check.event"}};
    amqp_table_entry_t entries[HEADERS];
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG, .delivery_mode = PERSISTENT};
    if (with_headers) {
        for (int index = 0; index < HEADERS; index++) {
            entries[index].key = amqp_cstring_bytes(texts[index][0]);
            entries[index].value.kind = AMQP_FIELD_KIND_UTF8;
            entries[index].value.value.bytes = amqp_cstring_bytes(texts[index][1]);
        }
        properties._flags |= AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG;
        properties.headers.num_entries = HEADERS;
        properties.headers.entries = entries;
        properties.content_type = amqp_cstring_bytes("application/octet-stream");
    }
    int error = amqp_basic_publish(connection, CHANNEL, amqp_cstring_bytes(exchange), amqp_cstring_bytes("check.event"), 0, 0, &properties, value);
    if (error) die("publish", amqp_error_string2(error));
}

// Reads the confirms that are there, and waits for one if told to. Returns up to which message all are confirmed: a broker may confirm one before another that was sent earlier.
static uint64_t confirmed(amqp_connection_state_t connection, char *is_confirmed, uint64_t done, int waits) {
    const struct timeval now = {0, 0};
    for (amqp_frame_t frame;; waits = 0) {
        int error = amqp_simple_wait_frame_noblock(connection, &frame, waits ? NULL : &now);
        if (error == AMQP_STATUS_TIMEOUT) break;
        if (error) die("confirms", amqp_error_string2(error));
        if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) die("confirms", "a message was refused");
        amqp_basic_ack_t *ack = frame.payload.method.decoded;
        if (ack->multiple && ack->delivery_tag > done) memset(is_confirmed + done + 1, 1, ack->delivery_tag - done);
        is_confirmed[ack->delivery_tag] = 1;
        while (is_confirmed[done + 1]) done++;
    }
    amqp_maybe_release_buffers(connection);
    return done;
}

static void publish(int port, const char *exchange, long count, size_t size, uint64_t window, int with_headers) {
    amqp_connection_state_t connection = connected(port);
    amqp_confirm_select(connection, CHANNEL);
    check(amqp_get_rpc_reply(connection), "confirms");
    amqp_bytes_t value = amqp_bytes_malloc(size);
    // By the number of a message, which is its delivery tag; the last stays 0.
    char *is_confirmed = calloc((size_t)count + 3, 1);
    if (!value.bytes || !is_confirmed) die("memory", "none");
    memset(value.bytes, 'a', size);
    // One before the clock starts, as the transport's program has it.
    send_one(connection, exchange, 0, value, with_headers);
    uint64_t sent = 1, done = 0, all = (uint64_t)count + 1;
    while (done < sent) done = confirmed(connection, is_confirmed, done, 1);
    int64_t start = nanoseconds();
    double used = processor_seconds();
    while (done < all) {
        if (sent < all && sent - done < window) {
            send_one(connection, exchange, (long)sent++, value, with_headers);
            if (sent % CONFIRMS_EVERY == 0) done = confirmed(connection, is_confirmed, done, 0);
        } else {
            done = confirmed(connection, is_confirmed, done, 1);
        }
    }
    report("publish", count, start, used);
    amqp_bytes_free(value);
    free(is_confirmed);
    disconnect(connection);
}

static size_t read_headers(const amqp_basic_properties_t *properties) {
    size_t total = 0;
    if (!(properties->_flags & AMQP_BASIC_HEADERS_FLAG)) return 0;
    for (int index = 0; index < properties->headers.num_entries; index++) {
        const amqp_table_entry_t *entry = &properties->headers.entries[index];
        if (entry->value.kind == AMQP_FIELD_KIND_UTF8) total += entry->key.len + entry->value.value.bytes.len;
    }
    return total;
}

static void consume(int port, const char *queue, long count, uint16_t prefetch, int with_headers) {
    amqp_connection_state_t connection = connected(port);
    amqp_basic_qos(connection, CHANNEL, 0, prefetch, 0);
    check(amqp_get_rpc_reply(connection), "prefetch");
    amqp_basic_consume(connection, CHANNEL, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    check(amqp_get_rpc_reply(connection), queue);
    int64_t start = 0;
    double used = 0;
    size_t bytes = 0;
    for (long got = 0; got < count;) {
        amqp_envelope_t envelope;
        check(amqp_consume_message(connection, &envelope, NULL, 0), "consume");
        if (!got++) start = nanoseconds(), used = processor_seconds();
        if (with_headers) bytes += read_headers(&envelope.message.properties);
        if (got % ACKNOWLEDGE_EVERY == 0 || got == count) {
            int error = amqp_basic_ack(connection, CHANNEL, envelope.delivery_tag, 1);
            if (error) die("acknowledge", amqp_error_string2(error));
        }
        amqp_destroy_envelope(&envelope);
        amqp_maybe_release_buffers(connection);
    }
    report("consume", count, start, used);
    if (with_headers && bytes == 0) die("consume", "there were no headers");
    disconnect(connection);
}

int main(int count, char **arguments) {
    if (count == 8 && strcmp(arguments[1], "publish") == 0) {
        publish(atoi(arguments[2]), arguments[3], atol(arguments[4]), strtoul(arguments[5], NULL, 10), strtoul(arguments[6], NULL, 10), strcmp(arguments[7], "events") == 0);
    } else if (count == 7 && strcmp(arguments[1], "consume") == 0) {
        consume(atoi(arguments[2]), arguments[3], atol(arguments[4]), (uint16_t)atoi(arguments[5]), strcmp(arguments[6], "events") == 0);
    } else {
        die("usage", "client publish PORT EXCHANGE COUNT SIZE WINDOW plain|events, or consume PORT QUEUE COUNT PREFETCH plain|events");
    }
    return 0;
}
