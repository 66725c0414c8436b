// SPDX-License-Identifier: Apache-2.0

// What a program in C reaches on librdkafka, with and without the headers that a CloudEvent has: what the library's transport for Kafka is held against, and who produces for other measurements.
//
//     client produce HOST:PORT TOPIC COUNT SIZE|FILE plain|events [PROPERTY=VALUE...]
//     client consume HOST:PORT TOPIC COUNT GROUP plain|events [PROPERTY=VALUE...]
//
// `events` writes the five headers of an event in binary mode (each with an id of its own) and reads all of a record's, names and values; `plain` does
// neither. Values are SIZE bytes, or what is in FILE, and never looked into. Both commit what a member of a group has consumed ten times a second, as the transport does, and
// produce idempotently, with acks=all, unless properties of librdkafka say otherwise. Prints a line of JSON: messages a second and processor time of this process for each. Fails if one record is refused.

#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { BATCH = 1000, COMMIT_NANOSECONDS = 100000000, VALUE_MAX = 1 << 20 };

static long delivered, failed;

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

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char reason[256];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK) die(name, reason);
}

static rd_kafka_t *make(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *servers, char **properties) {
    char reason[256];
    set(conf, "bootstrap.servers", servers);
    for (; *properties; properties++) {
        char *value = strchr(*properties, '=');
        if (!value) die(*properties, "a property is NAME=VALUE");
        *value = 0;
        set(conf, *properties, value + 1);
    }
    rd_kafka_t *client = rd_kafka_new(type, conf, reason, sizeof reason);
    if (!client) die("client", reason);
    return client;
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client, (void)opaque;
    if (message->err && !failed++) fprintf(stderr, "produce: %s\n", rd_kafka_err2str(message->err));
    delivered++;
}

static rd_kafka_headers_t *headers_of(long number) {
    char id[24];
    int length = snprintf(id, sizeof id, "%ld", number);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(5);
    rd_kafka_header_add(headers, "ce_specversion", -1, "1.0", -1);
    rd_kafka_header_add(headers, "ce_id", -1, id, length);
    rd_kafka_header_add(headers, "ce_source", -1, "/check", -1);
    rd_kafka_header_add(headers, "ce_type", -1, "check.event", -1);
    rd_kafka_header_add(headers, "content-type", -1, "application/octet-stream", -1);
    return headers;
}

// As many bytes as a number says, or those of a file.
static char *value_of(const char *text, size_t *size) {
    char *end, *value;
    *size = strtoul(text, &end, 10);
    if (*text && !*end) {
        value = malloc(*size + 1);
        if (!value) die("memory", "none");
        return memset(value, 'a', *size);
    }
    FILE *file = fopen(text, "rb");
    if (!file) die(text, "cannot be read");
    value = malloc(VALUE_MAX);
    if (!value) die("memory", "none");
    *size = fread(value, 1, VALUE_MAX, file);
    fclose(file);
    return value;
}

static void produce(const char *servers, const char *name, long count, const char *text, int with_headers, char **properties) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "enable.idempotence", "true");
    set(conf, "acks", "all");
    set(conf, "linger.ms", "5");
    set(conf, "queue.buffering.max.messages", "100000");
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *client = make(RD_KAFKA_PRODUCER, conf, servers, properties);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    const struct rd_kafka_metadata *metadata;
    // Connected, and the partitions known, before the clock starts.
    if (rd_kafka_metadata(client, 0, topic, &metadata, 30000)) die(name, "no metadata");
    rd_kafka_metadata_destroy(metadata);
    size_t size;
    char *value = value_of(text, &size);
    int64_t start = nanoseconds();
    double used = processor_seconds();
    for (long number = 0; number < count; number++) {
        rd_kafka_headers_t *headers = with_headers ? headers_of(number) : NULL;
        for (;;) {
            rd_kafka_resp_err_t error = rd_kafka_producev(
                client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value, size),
                RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
            if (!error) break;
            if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) die("produce", rd_kafka_err2str(error));
            rd_kafka_poll(client, 1);
        }
        if (number % BATCH == 0) rd_kafka_poll(client, 0);
    }
    while (delivered < count) rd_kafka_poll(client, 100);
    report("produce", count, start, used);
    if (failed) die("produce", "messages failed");
    free(value);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client);
}

static size_t read_headers(rd_kafka_message_t *message) {
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers)) return 0;
    const char *name;
    const void *value;
    size_t length, total = 0;
    for (size_t index = 0; !rd_kafka_header_get_all(headers, index, &name, &value, &length); index++) {
        total += strlen(name) + length;
    }
    return total;
}

static void consume(const char *servers, const char *name, long count, const char *group, int with_headers, char **properties) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "group.id", group);
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "queued.min.messages", "1000000");
    // Its queue is never full: then librdkafka would not fetch for up to a second.
    set(conf, "queued.max.messages.kbytes", "2000000");
    rd_kafka_t *client = make(RD_KAFKA_CONSUMER, conf, servers, properties);
    rd_kafka_poll_set_consumer(client);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, name, RD_KAFKA_PARTITION_UA);
    if (rd_kafka_subscribe(client, topics)) die(name, "no subscription");
    rd_kafka_topic_partition_list_destroy(topics);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    rd_kafka_message_t *batch[BATCH];
    int64_t start = nanoseconds(), committed = start;
    double used = 0;
    long got = 0;
    size_t bytes = 0;
    while (got < count) {
        ssize_t taken = rd_kafka_consume_batch_queue(queue, 100, batch, BATCH);
        if (taken > 0 && got == 0) start = nanoseconds(), used = processor_seconds();
        for (ssize_t index = 0; index < taken; index++) {
            if (batch[index]->err) die("consume", rd_kafka_message_errstr(batch[index]));
            if (with_headers) bytes += read_headers(batch[index]);
            got++;
            if (index == taken - 1 && nanoseconds() - committed > COMMIT_NANOSECONDS) {
                committed = nanoseconds();
                rd_kafka_commit_message(client, batch[index], 1);
            }
            rd_kafka_message_destroy(batch[index]);
        }
    }
    report("consume", got, start, used);
    if (with_headers && bytes == 0) die("consume", "there were no headers");
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

int main(int count, char **arguments) {
    if (count < 7) die("usage", "client produce|consume HOST:PORT TOPIC COUNT SIZE|FILE|GROUP plain|events [PROPERTY=VALUE...]");
    int with_headers = strcmp(arguments[6], "events") == 0;
    char **properties = arguments + 7;
    if (strcmp(arguments[1], "produce") == 0) {
        produce(arguments[2], arguments[3], atol(arguments[4]), arguments[5], with_headers, properties);
    } else {
        consume(arguments[2], arguments[3], atol(arguments[4]), arguments[5], with_headers, properties);
    }
    return 0;
}
