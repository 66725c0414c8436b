// SPDX-License-Identifier: Apache-2.0

// The system's librdkafka (Debian: librdkafka-dev), with what Swift cannot call: functions of variable arguments.

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/// Produces one record. The value and the key are copied; the headers are the library's from then on, unless it fails.
static inline rd_kafka_resp_err_t apus_rd_kafka_produce(
    rd_kafka_t *client, rd_kafka_topic_t *topic, const void *value, size_t value_count, const void *key,
    size_t key_count, rd_kafka_headers_t *headers, void *opaque)
{
    return rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE((void *)value, value_count), RD_KAFKA_V_KEY(key, key_count),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
}
