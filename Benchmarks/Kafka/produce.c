/* SPDX-License-Identifier: Apache-2.0
 *
 * Produces one record's value over and over, as fast as librdkafka sends it, and prints a line of JSON: produce PORT TOPIC FILE COUNT
 * [CODEC]. Acknowledged by all, batches of up to 1 MB, no headers. Fails if one record is refused. */

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long delivered, failed;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "produce: %s: %s\n", what, why);
    exit(1);
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client, (void)opaque;
    if (!message->err) {
        delivered++;
    } else if (!failed++) {
        fprintf(stderr, "produce: %s\n", rd_kafka_err2str(message->err));
    }
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char error[256];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) die(name, error);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static char value[1 << 16];
    char error[256], servers[64];
    if (argc < 5) die("usage", "produce PORT TOPIC FILE COUNT [CODEC]");
    FILE *file = fopen(argv[3], "rb");
    if (!file) die(argv[3], "cannot be read");
    size_t size = fread(value, 1, sizeof value, file);
    fclose(file);
    long count = atol(argv[4]);

    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    snprintf(servers, sizeof servers, "127.0.0.1:%s", argv[1]);
    set(conf, "bootstrap.servers", servers);
    set(conf, "acks", "all");
    set(conf, "linger.ms", "5");
    set(conf, "batch.size", "1000000");
    set(conf, "batch.num.messages", "100000");
    set(conf, "queue.buffering.max.messages", "100000");
    set(conf, "queue.buffering.max.kbytes", "1000000");
    set(conf, "compression.type", argc > 5 ? argv[5] : "none");
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (!client) die("client", error);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, argv[2], NULL);
    const struct rd_kafka_metadata *known; /* connected before the clock starts */
    if (rd_kafka_metadata(client, 0, topic, &known, 30000)) die(argv[2], "no answer");
    rd_kafka_metadata_destroy(known);

    double start = now();
    for (long sent = 0; sent < count; sent++) {
        while (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, value, size, NULL, 0, NULL)) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) die(argv[2], rd_kafka_err2str(rd_kafka_last_error()));
            rd_kafka_poll(client, 1);
        }
        if (sent % 1000 == 0) rd_kafka_poll(client, 0);
    }
    while (delivered + failed < count) rd_kafka_poll(client, 100);
    double seconds = now() - start;
    if (failed) die(argv[2], "records were refused");
    printf("{\"bytes\": %zu, \"records_per_s\": %.0f}\n", size, (double)count / seconds);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client);
    return 0;
}
