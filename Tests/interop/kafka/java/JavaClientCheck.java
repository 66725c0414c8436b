// SPDX-License-Identifier: Apache-2.0

// Apache Kafka's own Java client against a server: produces, consumes in groups of both protocols, commits, seeks, uses idempotence and
// transactions, shares, administers. Prints a line for each promise; ends with 1 at the first that is not kept.
//
//     java -cp KAFKA_CLIENTS:. JavaClientCheck 127.0.0.1:9092

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class JavaClientCheck {
    static String servers;
    static final String run = UUID.randomUUID().toString().substring(0, 8);

    interface Body {
        void run() throws Exception;
    }

    static void promise(String what, Body body) throws Exception {
        long begun = System.nanoTime();
        try {
            body.run();
        } catch (Throwable error) {
            System.out.println("not kept: " + what);
            error.printStackTrace(System.out);
            System.exit(1);
        }
        System.out.printf("kept: %s (%d ms)%n", what, (System.nanoTime() - begun) / 1_000_000);
    }

    static void expect(boolean condition, String what) {
        if (!condition) throw new AssertionError(what);
    }

    static Properties properties(Object... pairs) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", servers);
        for (int index = 0; index < pairs.length; index += 2) properties.put(pairs[index], pairs[index + 1]);
        return properties;
    }

    static KafkaProducer<String, String> producer(Object... pairs) {
        return new KafkaProducer<>(properties(pairs), new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Object... pairs) {
        Properties properties = properties(pairs);
        properties.putIfAbsent("auto.offset.reset", "earliest");
        properties.putIfAbsent("enable.auto.commit", "false");
        return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    }

    static List<ConsumerRecord<String, String>> take(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        long end = System.nanoTime() + 30_000_000_000L;
        while (records.size() < count && System.nanoTime() < end)
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) records.add(record);
        expect(records.size() >= count, "wanted " + count + " records, got " + records.size());
        return records;
    }

    static long position(KafkaConsumer<String, String> consumer) {
        return consumer.assignment().stream().mapToLong(consumer::position).sum();
    }

    static void until(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + 30_000_000_000L;
        while (!condition.getAsBoolean()) expect(System.nanoTime() < end, "in vain: " + what);
    }

    static Throwable cause(Future<?> future) throws InterruptedException {
        try {
            future.get();
            return null;
        } catch (ExecutionException error) {
            return error.getCause();
        }
    }

    public static void main(String[] arguments) throws Exception {
        servers = arguments[0];
        Admin admin = Admin.create(properties());
        String topic = "java-" + run;

        promise("topics are made, once, and described", () -> {
            admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all().get();
            Throwable again = cause(admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all());
            expect(again instanceof TopicExistsException, "again: " + again);
            Throwable many = cause(admin.createTopics(List.of(new NewTopic(topic + "-3", 1, (short) 3))).all());
            expect(many instanceof InvalidReplicationFactorException, "three replicas: " + many);
            expect(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 3, "partitions");
            expect(admin.listTopics().names().get().contains(topic), "listed");
            expect(admin.describeCluster().nodes().get().size() == 1, "nodes");
        });

        promise("records come back with keys, headers and times, by every compression", () -> {
            for (String compression : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
                String name = topic + "-" + compression;
                admin.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all().get();
                try (KafkaProducer<String, String> producer = producer("compression.type", compression, "linger.ms", "5")) {
                    List<Future<RecordMetadata>> futures = new ArrayList<>();
                    for (int number = 0; number < 500; number++) {
                        ProducerRecord<String, String> record =
                            new ProducerRecord<>(name, null, 1_700_000_000_000L + number, "k" + number, "value ".repeat(20) + number);
                        record.headers().add("n", ("" + number).getBytes(StandardCharsets.UTF_8));
                        futures.add(producer.send(record));
                    }
                    for (int number = 0; number < 500; number++) expect(futures.get(number).get().offset() == number, "offset " + number);
                }
                try (KafkaConsumer<String, String> consumer = consumer()) {
                    TopicPartition partition = new TopicPartition(name, 0);
                    consumer.assign(List.of(partition));
                    consumer.seekToBeginning(List.of(partition));
                    int number = 0;
                    for (ConsumerRecord<String, String> record : take(consumer, 500)) {
                        expect(record.offset() == number && record.key().equals("k" + number), compression + " at " + number);
                        expect(record.timestamp() == 1_700_000_000_000L + number, "time");
                        expect(new String(record.headers().lastHeader("n").value(), StandardCharsets.UTF_8).equals("" + number), "header");
                        number++;
                    }
                    long found = consumer.offsetsForTimes(Map.of(partition, 1_700_000_000_250L)).get(partition).offset();
                    expect(found == 250, "by time: " + found);
                    expect(consumer.endOffsets(List.of(partition)).get(partition) == 500, "end");
                }
            }
        });

        promise("the same key goes to the same partition as over Apus's own placing", () -> {
            try (KafkaProducer<String, String> producer = producer()) {
                Set<Integer> seen = new HashSet<>();
                for (int number = 0; number < 50; number++) {
                    int first = producer.send(new ProducerRecord<>(topic, "key" + number, "a")).get().partition();
                    expect(first == producer.send(new ProducerRecord<>(topic, "key" + number, "b")).get().partition(), "moved");
                    seen.add(first);
                }
                expect(seen.size() == 3, "all partitions");
            }
        });

        for (String protocol : List.of("classic", "consumer")) {
            promise("a group of the " + protocol + " protocol divides, commits and goes on", () -> {
                String group = "g-" + protocol + "-" + run;
                Set<String> seen = new HashSet<>();
                try (KafkaConsumer<String, String> one = consumer("group.id", group, "group.protocol", protocol);
                    KafkaConsumer<String, String> two = consumer("group.id", group, "group.protocol", protocol)) {
                    one.subscribe(List.of(topic));
                    two.subscribe(List.of(topic));
                    until("both have partitions", () -> {
                        for (ConsumerRecord<String, String> record : one.poll(Duration.ofMillis(100)))
                            seen.add(record.partition() + "/" + record.offset());
                        for (ConsumerRecord<String, String> record : two.poll(Duration.ofMillis(100)))
                            seen.add(record.partition() + "/" + record.offset());
                        // Who got a partition from the other reads it anew, because nothing is committed yet.
                        return !one.assignment().isEmpty() && !two.assignment().isEmpty() && position(one) + position(two) == 100;
                    });
                    expect(seen.size() == 100, "seen " + seen.size());
                    one.commitSync();
                    two.commitSync();
                }
                long committed = 0;
                for (OffsetAndMetadata offset : admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().values())
                    committed += offset.offset();
                expect(committed == 100, "committed " + committed);
                try (KafkaConsumer<String, String> next = consumer("group.id", group, "group.protocol", protocol);
                    KafkaProducer<String, String> producer = producer()) {
                    next.subscribe(List.of(topic));
                    until("partitions", () -> next.poll(Duration.ofMillis(100)).isEmpty() && next.assignment().size() == 3);
                    producer.send(new ProducerRecord<>(topic, "later", protocol)).get();
                    expect(take(next, 1).get(0).value().equals(protocol), "only what is new");
                    next.commitSync();
                }
                expect(admin.listConsumerGroups().all().get().stream().anyMatch(listing -> listing.groupId().equals(group)), "listed");
                expect(admin.describeConsumerGroups(List.of(group)).all().get().containsKey(group), "described");
                // Anew, so that the other protocol's group finds a hundred too.
                if (protocol.equals("classic")) {
                    admin.deleteTopics(List.of(topic)).all().get();
                    until("the topic is gone", () -> {
                        try {
                            return !admin.listTopics().names().get().contains(topic);
                        } catch (Exception error) {
                            return false;
                        }
                    });
                    admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all().get();
                    try (KafkaProducer<String, String> producer = producer()) {
                        for (int number = 0; number < 100; number++) producer.send(new ProducerRecord<>(topic, "key" + number, "a"));
                    }
                }
            });
        }

        promise("transactions commit, abort, carry offsets, and fence", () -> {
            String in = topic + "-in", out = topic + "-out", group = "tx-" + run;
            admin.createTopics(List.of(new NewTopic(in, 1, (short) 1), new NewTopic(out, 1, (short) 1))).all().get();
            try (KafkaProducer<String, String> plain = producer()) {
                for (int number = 0; number < 20; number++) plain.send(new ProducerRecord<>(in, "" + number, "" + number)).get();
            }
            try (KafkaProducer<String, String> producer = producer("transactional.id", "t-" + run);
                KafkaConsumer<String, String> source = consumer("group.id", group, "isolation.level", "read_committed")) {
                producer.initTransactions();
                source.subscribe(List.of(in));
                int turn = 0, read = 0;
                while (read < 20) {
                    ConsumerRecords<String, String> records = source.poll(Duration.ofMillis(200));
                    if (records.isEmpty()) continue;
                    ConsumerGroupMetadata metadata = source.groupMetadata();
                    for (boolean isAborted : turn++ == 0 ? new boolean[] {true, false} : new boolean[] {false}) {
                        producer.beginTransaction();
                        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                        for (ConsumerRecord<String, String> record : records) {
                            producer.send(new ProducerRecord<>(out, record.key(), (isAborted ? "aborted " : "") + record.value()));
                            offsets.put(new TopicPartition(in, 0), new OffsetAndMetadata(record.offset() + 1));
                        }
                        producer.sendOffsetsToTransaction(offsets, metadata);
                        if (isAborted) producer.abortTransaction();
                        else producer.commitTransaction();
                    }
                    read += records.count();
                }
                try (KafkaConsumer<String, String> reader = consumer("isolation.level", "read_committed")) {
                    reader.assign(List.of(new TopicPartition(out, 0)));
                    reader.seekToBeginning(reader.assignment());
                    int number = 0;
                    for (ConsumerRecord<String, String> record : take(reader, 20)) expect(record.value().equals("" + number++), record.value());
                    expect(reader.poll(Duration.ofMillis(300)).isEmpty(), "nothing more");
                }
                expect(source.committed(Set.of(new TopicPartition(in, 0))).get(new TopicPartition(in, 0)).offset() == 20, "offsets");
                try (KafkaProducer<String, String> other = producer("transactional.id", "t-" + run)) {
                    other.initTransactions();
                    boolean isFenced = false;
                    try {
                        producer.beginTransaction();
                        producer.send(new ProducerRecord<>(out, "x", "x")).get();
                        producer.commitTransaction();
                    } catch (ProducerFencedException error) {
                        isFenced = true;
                    } catch (ExecutionException error) {
                        isFenced = true;
                    } catch (org.apache.kafka.common.KafkaException error) {
                        isFenced = true;
                    }
                    expect(isFenced, "the older producer is fenced");
                }
            }
        });

        promise("configurations, partitions, records and groups are administered", () -> {
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            admin.incrementalAlterConfigs(
                Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET)))).all().get();
            expect(admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value().equals("3600000"), "retention");
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
            expect(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size() == 5, "five");
            TopicPartition partition = new TopicPartition(topic + "-gzip", 0);
            admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(100))).all().get();
            expect(admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).all().get().get(partition).offset() == 100, "start");
            expect(admin.listOffsets(Map.of(partition, OffsetSpec.latest())).all().get().get(partition).offset() == 500, "end");
            expect(admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).all().get().get(partition).offset() == 499, "newest");
            admin.deleteConsumerGroups(List.of("g-classic-" + run)).all().get();
            expect(admin.listTransactions().all().get().stream().anyMatch(one -> one.transactionalId().equals("t-" + run)), "transactions");
            expect(!admin.describeProducers(List.of(new TopicPartition(topic + "-out", 0))).all().get().isEmpty(), "producers");
        });

        promise("what is refused is refused by Kafka's own errors", () -> {
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
            admin.incrementalAlterConfigs(
                Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("max.message.bytes", "10000"), AlterConfigOp.OpType.SET)))).all().get();
            try (KafkaProducer<String, String> producer = producer()) {
                Throwable large = cause(producer.send(new ProducerRecord<>(topic, "k", "x".repeat(100_000))));
                expect(large instanceof RecordTooLargeException, "large: " + large);
            }
            Throwable unknown = cause(admin.describeTopics(List.of("none-" + run)).allTopicNames());
            expect(unknown instanceof UnknownTopicOrPartitionException, "unknown: " + unknown);
        });

        promise("a share group hands each record to one of its members", () -> {
            String name = topic + "-share", group = "share-" + run;
            admin.createTopics(List.of(new NewTopic(name, 2, (short) 1))).all().get();
            Properties properties = properties("group.id", group);
            try (KafkaShareConsumer<String, String> one =
                    new KafkaShareConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
                KafkaShareConsumer<String, String> two =
                    new KafkaShareConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
                KafkaProducer<String, String> producer = producer()) {
                one.subscribe(List.of(name));
                two.subscribe(List.of(name));
                Map<String, Integer> seen = new HashMap<>();
                try {
                    for (int number = 0; number < 10; number++) {
                        one.poll(Duration.ofMillis(100));
                        two.poll(Duration.ofMillis(100));
                    }
                } catch (UnsupportedVersionException error) {
                    System.out.println("left out: share groups, of which this client has an early version: " + error.getMessage());
                    return;
                }
                for (int number = 0; number < 100; number++) producer.send(new ProducerRecord<>(name, "" + number, "" + number)).get();
                until("all are shared", () -> {
                    for (KafkaShareConsumer<String, String> consumer : List.of(one, two))
                        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) seen.merge(record.value(), 1, Integer::sum);
                    return seen.size() == 100;
                });
                expect(Collections.max(seen.values()) == 1, "each once: " + seen);
            }
        });

        promise("topics are deleted", () -> {
            Collection<String> mine = admin.listTopics().names().get().stream().filter(name -> name.startsWith(topic)).toList();
            admin.deleteTopics(mine).all().get();
        });
        admin.close();
        System.out.println("all kept");
    }
}
