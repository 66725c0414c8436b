// SPDX-License-Identifier: Apache-2.0

// What a URL says, and what it may not say.

import ApusBus
import Logging
import Testing

@testable import ApusKafka

@Suite struct KafkaConfigurationTests {
    private func configuration(_ url: String) throws -> KafkaConfiguration {
        try KafkaConfiguration(
            BusURL(url), ConnectionOptions(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    }

    @Test func `hosts become bootstrap servers`() throws {
        #expect(try configuration("kafka://a:9093,b").bootstrap == "a:9093,b:9092")
        #expect(try configuration("kafka:").bootstrap == "localhost:9092")
        #expect(try configuration("kafka://[::1]:9").bootstrap == "[::1]:9")
    }

    @Test func `settings of ours are read and bounded`() throws {
        let made = try configuration(
            "kafka://a?create_topics=true&partitions=6&replicas=3&publish_timeout=5000&event_bytes_max=2000000&commit_interval=10&content_mode=structured"
        )
        #expect(made.contentMode == .structured)
        #expect(try configuration("kafka://a").contentMode == .binary)
        #expect(made.makesTopics && made.partitions == 6 && made.replicas == 3)
        #expect(made.publishTimeout == .seconds(5) && made.eventBytesMax == 2_000_000)
        #expect(made.commitInterval == .milliseconds(10))
        for wrong in [
            "partitions=0", "partitions=x", "publish_timeout=0", "create_topics=perhaps", "colour=blue",
            "content_mode=batched",
        ] {
            #expect(throws: BusError.self) { try configuration("kafka://a?\(wrong)") }
        }
    }

    @Test func `properties of librdkafka are handed on, except those on which promises rest`() throws {
        let made = try configuration("kafka://a?compression.codec=lz4&linger.ms=5")
        #expect(made.properties.map(\.name) == ["compression.codec", "linger.ms"])
        for name in [
            "acks", "enable.auto.commit", "group.id", "partition.assignment.strategy", "plugin.library.paths",
        ] {
            #expect {
                try configuration("kafka://a?\(name == "acks" ? "request.required.acks" : name)=1")
            } throws: { error in
                if case .invalid(let reason)? = error as? BusError {
                    reason.contains("cannot be set")
                } else {
                    false
                }
            }
        }
    }

    @Test func `a user and TLS become properties, and a password is in no error`() throws {
        let made = try configuration("kafkas://me:secret@a?sasl.mechanism=SCRAM-SHA-512")
        let properties = Dictionary(made.properties.map { ($0.name, $0.value) }) { $1 }
        #expect(properties["security.protocol"] == "sasl_ssl" && properties["sasl.username"] == "me")
        #expect(properties["sasl.password"] == "secret" && properties["sasl.mechanism"] == "SCRAM-SHA-512")
        #expect(try configuration("kafkas://a").properties.map(\.value) == ["ssl"])
        #expect {
            try configuration("kafka://me:secret@a?colour=blue")
        } throws: { error in
            !"\(error)".contains("secret")
        }
    }

    @Test func `a path is refused`() {
        #expect(throws: BusError.self) { try configuration("kafka://a/orders") }
    }

    #if !Kafka
        @Test func `without the trait connecting says what is missing and what to do`() async throws {
            let options = ConnectionOptions(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            do {
                _ = try await TransportScheme.connect(BusURL("kafka://localhost"), among: [.kafka], options)
                Issue.record("there is no Kafka in this build")
            } catch {
                #expect(error.description.contains("--traits Kafka"))
                #expect(error.description.contains("librdkafka-dev"))
            }
        }
    #endif
}
