// SPDX-License-Identifier: Apache-2.0

// Kafka among the schemes that a program is linked with. Without the package trait it is there all the same, so that a program that chooses its broker by a
// URL says what is missing instead of not knowing the word.

public import ApusBus

extension TransportScheme {
    /// Kafka: `kafka://host:9092,host:9092?setting=value`, `kafkas://` with TLS. Needs the package trait `Kafka`; without it, connecting says so.
    public static let kafka = TransportScheme(
        names: ["kafka", "kafkas"],
        capabilities: KafkaCapabilities.with(KafkaConfiguration.eventBytesMaxDefault)
    ) { (url, options) throws(BusError) in
        #if Kafka
            return try await KafkaTransport.connect(url, options)
        #else
            throw .invalid(
                """
                \(url.scheme): is not in this program: it was built without the package trait 'Kafka', which links librdkafka. Build it with \
                --traits Kafka, or with traits: ["Kafka"] where the program's manifest names the package, after installing librdkafka-dev
                """)
        #endif
    }
}

/// What Kafka can do.
enum KafkaCapabilities {
    static func with(_ eventBytesMax: Int) -> Capabilities {
        Capabilities(
            transport: "kafka",
            features: [
                .orderByKey, .replay, .delayedRetry, .offsets, .transactions, .temporarySubscriptions,
                .managedSubscriptions, .deadLetters,
            ], eventBytesMax: eventBytesMax, durability: .written)
    }
}
