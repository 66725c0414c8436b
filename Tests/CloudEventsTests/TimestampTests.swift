// SPDX-License-Identifier: Apache-2.0

// RFC 3339: what is read, what is refused, and that text comes back as it was.

import CloudEvents
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0, 0), ("1969-12-31T23:59:59.5Z", -1, 500_000_000),
        ("2000-02-29T00:00:00Z", 951_782_400, 0),
        ("2026-03-01T12:30:00.125+01:00", 1_772_364_600, 125_000_000),
        ("0000-01-01T00:00:00Z", -62_167_219_200, 0),
        ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
        ("1985-04-12T23:20:50.52Z", 482_196_050, 520_000_000),
        ("1996-12-19T16:39:57-08:00", 851_042_397, 0), ("1990-12-31T23:59:60Z", 662_687_999, 0),
        ("1990-12-31T15:59:60-08:00", 662_687_999, 0),
        ("1937-01-01T12:00:27.87+00:20", -1_041_337_173, 870_000_000),
    ])
    func `text gives the instant and comes back`(
        _ text: String, _ seconds: Int64, _ nanoseconds: Int32
    ) throws {
        let timestamp = try #require(CloudEventTimestamp(text))
        #expect(timestamp.secondsSinceEpoch == seconds)
        #expect(timestamp.nanoseconds == nanoseconds)
        #expect(timestamp.description == text)
    }

    @Test(
        arguments: ["+00:00", "-00:00", "Z", "+23:59", "-23:59"],
        ["", ".0", ".10", ".000000001", ".123456789"])
    func `offset and fraction come back as written`(_ zone: String, _ fraction: String) {
        for date in ["0000-01-01T00:00:00", "9999-12-31T23:59:59"] {
            #expect(CloudEventTimestamp(date + fraction + zone)?.description == date + fraction + zone)
        }
    }

    @Test func `small letters become capitals and long fractions are cut`() {
        #expect(CloudEventTimestamp("2020-01-01t00:00:00z")?.description == "2020-01-01T00:00:00Z")
        #expect(
            CloudEventTimestamp("2020-01-01T00:00:00.1234567899Z")?.description
                == "2020-01-01T00:00:00.123456789Z")
    }

    @Test(arguments: [
        "", "2020-01-01", "2020-01-01T00:00:00", "2020-01-01 00:00:00Z", "2020-13-01T00:00:00Z",
        "2020-00-01T00:00:00Z",
        "2020-01-00T00:00:00Z", "2020-01-32T00:00:00Z", "2021-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
        "2020-04-31T00:00:00Z",
        "2020-01-01T24:00:00Z", "2020-01-01T00:60:00Z", "2020-01-01T00:00:61Z", "2020-01-01T00:00:60Z",
        "2020-01-01T00:00:00.Z",
        "2020-01-01T00:00:00+24:00", "2020-01-01T00:00:00+00:60", "2020-01-01T00:00:00+0000",
        "2020-01-01T00:00:00+00",
        "2020-01-01T00:00:00ZZ", "2020-01-01T00:00:00Z ", " 2020-01-01T00:00:00Z", "20200101T000000Z",
        "+2020-01-01T00:00:00Z",
        "2020-1-1T00:00:00Z0000", "2020-01-01T00:00:00,5Z", "2020-01-01T00:00Z", "12020-01-01T00:00:00Z",
    ])
    func `other text is refused`(_ text: String) {
        #expect(CloudEventTimestamp(text) == nil)
    }

    @Test func `milliseconds round down and are clamped to what can be written`() {
        #expect(CloudEventTimestamp(millisecondsSinceEpoch: 1_500).description == "1970-01-01T00:00:01.500Z")
        #expect(CloudEventTimestamp(millisecondsSinceEpoch: -1).description == "1969-12-31T23:59:59.999Z")
        #expect(CloudEventTimestamp(millisecondsSinceEpoch: -1).millisecondsSinceEpoch == -1)
        #expect(CloudEventTimestamp(millisecondsSinceEpoch: -1000).description == "1969-12-31T23:59:59.000Z")
        #expect(
            CloudEventTimestamp(millisecondsSinceEpoch: .max).description.hasPrefix("9999-12-31T23:59:59"))
        #expect(
            CloudEventTimestamp(millisecondsSinceEpoch: .min).description.hasPrefix("0000-01-01T00:00:00"))
    }

    @Test func `every day of four centuries has its own number`() {
        var previous = CloudEventTimestamp(secondsSinceEpoch: -11_676_096_000)?.description ?? ""
        #expect(previous == "1600-01-01T00:00:00Z")
        for day in 1...146_097 {
            let seconds = -11_676_096_000 + Int64(day) * 86_400
            let text = CloudEventTimestamp(secondsSinceEpoch: seconds)?.description ?? ""
            guard text > previous, CloudEventTimestamp(text)?.secondsSinceEpoch == seconds else {
                Issue.record("\(text) follows \(previous)")
                return
            }
            previous = text
        }
        #expect(previous == "2000-01-01T00:00:00Z")
    }

    @Test func `instants are compared whatever their offset`() throws {
        let early = try #require(CloudEventTimestamp("2020-01-01T10:00:00+02:00"))
        let late = try #require(CloudEventTimestamp("2020-01-01T08:00:00.1Z"))
        #expect(early.isBefore(late))
        #expect(!late.isBefore(early))
        #expect(CloudEventTimestamp(secondsSinceEpoch: 0, nanoseconds: 1_000_000_000) == nil)
        #expect(
            CloudEventTimestamp(secondsSinceEpoch: 0, nanoseconds: 123_456_789, fractionDigits: 2)?
                .description
                == "1970-01-01T00:00:00.12Z")
    }

    @Test func `events one after another are written with their own times, whatever the one before had`()
        throws
    {
        let texts = [
            "2026-03-01T12:30:00.125+01:00", "2026-03-01T12:30:00.125+01:00", nil, "2026-03-01T12:30:00.125Z",
            "1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999-23:59", "1970-01-01T00:00:00Z",
        ]
        var times = TimestampText()
        for text in texts {
            let event = try CloudEvent(
                id: "1", source: "/", type: "t", time: text.flatMap { CloudEventTimestamp($0) })
            var written: String?
            _ = CloudEventKafkaBinding.encode(event, times: &times) { name, value in
                if String(decoding: name, as: UTF8.self) == "ce_time" {
                    written = String(decoding: value, as: UTF8.self)
                }
            }
            #expect(written == text)
        }
    }
}
