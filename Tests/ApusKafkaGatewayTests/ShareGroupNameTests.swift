// SPDX-License-Identifier: Apache-2.0

// The names of share groups' subscriptions, read back, and the configs of groups.

import ApusEngine
import ApusModel
import Testing

@testable import ApusKafkaGateway

@Suite struct ShareGroupNameTests {
    @Test(arguments: [
        ("billing", "orders", "billing.share.orders"),
        ("my.group", "orders.eu", "my..group.share.orders.eu"),
        ("a b", "t", "a.20b.share.t"),
        ("größe/1", "t", "gr.C3.B6.C3.9Fe.2F1.share.t"),
        ("a.share.b", "c", "a..share..b.share.c"),
        ("\n", "share.t", ".0A.share.share.t"),
    ])
    func `names are readable, and say what they are of`(
        _ group: String, _ topic: String, _ name: String
    ) throws {
        let made = ShareGroupName(group: group, topic: try ResourceName(topic))
        #expect(made.subscription?.description == name)
        #expect(ShareGroupName(subscription: try ResourceName(name)) == made)
    }

    @Test(arguments: [
        "billing", "billing.share", "billing.share.", ".share.t", "a.b.share.t", "a.2.share.t",
        "a.41.share.t",
        "a.ff.share.t", "a.FF.share.t", "rule.webhook-1", "a.share..",
    ])
    func `other names are of no share group`(_ name: String) throws {
        #expect(ShareGroupName(subscription: try ResourceName(name)) == nil)
    }

    @Test func `a group whose name is too long has no subscription`() throws {
        let topic = try ResourceName("t")
        #expect(ShareGroupName(group: String(repeating: "g", count: 241), topic: topic).subscription != nil)
        #expect(ShareGroupName(group: String(repeating: "g", count: 242), topic: topic).subscription == nil)
        #expect(ShareGroupName(group: String(repeating: "ß", count: 41), topic: topic).subscription == nil)
    }
}

@Suite struct ShareGroupConfigTests {
    @Test func `durations are those of ISO 8601`() {
        let good: [(String, Duration)] = [
            ("P1D", .seconds(86_400)), ("PT1H", .seconds(3_600)), ("PT0S", .zero),
            ("P2DT3H4M5.678S", .milliseconds(183_845_678)), ("PT90M", .seconds(5_400)),
            ("PT0.5S", .milliseconds(500)), ("PT1.123456789S", .milliseconds(1_123)),
        ]
        for (text, duration) in good { #expect(ISO8601Duration.parse(text) == duration, "\(text)") }
        for text in [
            "", "P", "PT", "1D", "P1", "P1H", "PT1D", "P-1D", "-P1D", "P1DT", "PT1M1H", "PT1H1H", "P1Y",
            "P1W",
            "PT1.H", "PT.5S", "PT1.5H", "P1D ", "p1d", "P9999999999D", "P999999999D", "PT1S1S", "PTT1S",
        ] {
            #expect(ISO8601Duration.parse(text) == nil, "\(text)")
        }
    }

    @Test func `configs make settings, and nothing makes the defaults`() throws {
        let defaults = ShareGroupSettings([:])
        #expect(defaults.start == .latest && defaults.lease == Defaults.shareRecordLock)
        #expect(defaults.attemptsMax == Defaults.shareDeliveriesMax)
        let settings = ShareGroupSettings([
            "share.auto.offset.reset": "by_duration:PT1H", "share.record.lock.duration.ms": "1500",
            "share.delivery.count.limit": "7", "share.partition.max.record.locks": "100",
        ])
        #expect(settings.start == .ago(.seconds(3_600)) && settings.lease == .milliseconds(1_500))
        #expect(settings.attemptsMax == 7 && settings.changes(partitions: 3).inFlightMax == 300)
        #expect(settings.changes(partitions: 1 << 20).inFlightMax == 100_000)
    }

    @Test func `every config takes its standard value, and those that are fixed no other`() throws {
        for config in ShareGroupConfig.all {
            #expect(throws: Never.self) { try config.validate(config.standard) }
            #expect(throws: TopicConfig.Refusal.self) { try config.validate("nonsense") }
        }
    }
}
