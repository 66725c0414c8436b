// SPDX-License-Identifier: Apache-2.0

// What must not be in a support bundle, and that tar and people can read it; what `apus top` does with keys.

import ApusCLI
import JSONText
import Testing

@Suite struct SupportBundleTests {
    private let scrubber = SecretScrubber(known: ["tok-en-123", "abc"])

    @Test func `members with secrets, header values and data of events are masked, whatever they hold`()
        throws
    {
        let value = try JSONValue(
            parsing: """
                {"push": {"url": "https://u:p@example.org/x?key=1", "secrets": ["whsec_1"], "headers": {"x-a": "v"}},
                 "event": {"data": 1}, "data": {"n": 1}, "name": "billing", "token": true, "password": null, "keys": ["k"]}
                """)
        #expect(
            scrubber.scrub(value) == [
                "push": [
                    "url": "https://****@example.org/x?key=****", "secrets": "***", "headers": ["x-a": "***"],
                ],
                "data": "***", "name": "billing", "token": "***", "password": .null,
            ])
    }

    @Test func `of a cause that names a key, what names it is left out`() throws {
        let value = try JSONValue(
            parsing: """
                [{"cause": "hot_key", "finding": "most of what waits has one key", "evidence": ["90 % have the key 'acme'"]},
                 {"cause": "replaying", "evidence": ["10 events are left"]}]
                """)
        #expect(
            scrubber.scrub(value) == [
                ["cause": "hot_key", "finding": "most of what waits has one key"],
                ["cause": "replaying", "evidence": ["10 events are left"]],
            ])
    }

    @Test(arguments: [
        ("GET http://127.0.0.1:8222/v1 failed", "GET http://127.0.0.1:8222/v1 failed"),
        ("amqp://apus:s3cret@rabbit/shop, then", "amqp://****@rabbit/shop, then"),
        (
            "to 'https://h/p?sig=a,c&b=c' (twice https://x:y@h)",
            "to 'https://h/p?sig=****&b=****' (twice https://****@h)"
        ),
        (
            "at https://hooks.example/T0/B1/x7Fq29LmNp40RsTuVwXyZ1: it (or https://h/1,x7Fq29LmNp40RsTuVwXyZ1) failed",
            "at https://hooks.example/T0/B1/****: it (or https://h/****) failed"
        ),
        ("https://h/a@b", "https://h/a@b"), ("sent tok-en-123!", "sent ***!"), ("abc stays", "abc stays"),
        (
            "answered with status 400: \u{201C}no such IBAN DE89\u{201D}; next",
            "answered with status 400; next"
        ),
        ("cut off: \u{201C}no such", "cut off"), ("nothing", "nothing"),
    ])
    func `texts lose what stands in URLs, and what is known`(text: String, clean: String) {
        #expect(scrubber.scrub(text) == clean)
    }

    @Test func `an archive has whole blocks, names, sizes and a checksum`() {
        var archive = TarArchive(time: 0)
        archive.add("a/b.txt", Array("hello".utf8))
        let bytes = archive.bytes
        #expect(bytes.count == 4 * 512)
        #expect(String(decoding: bytes[..<7], as: UTF8.self) == "a/b.txt")
        #expect(String(decoding: bytes[124..<135], as: UTF8.self) == "00000000005")
        #expect(String(decoding: bytes[257..<262], as: UTF8.self) == "ustar")
        #expect(String(decoding: bytes[512..<517], as: UTF8.self) == "hello")
        let sum = bytes[..<512].enumerated().reduce(0) {
            $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element))
        }
        #expect(Int(String(decoding: bytes[148..<154], as: UTF8.self), radix: 8) == sum)
    }
}

@Suite struct TopScreenTests {
    @Test func `keys sort, filter and end`() {
        var controls = TopControls()
        for (key, order) in [("f", TopOrder.failed), ("n", .name), ("b", .backlog)] as [(Character, TopOrder)]
        {
            #expect(press(key, &controls))
            #expect(controls.order == order)
        }
        #expect(!press("x", &controls))
        for key in "/bill" { #expect(press(key, &controls)) }
        // While a filter is typed keys are letters.
        #expect(press("q", &controls))
        #expect(press("\u{7F}", &controls))
        #expect(controls.filter == "bill" && controls.isTyping && !controls.isOver)
        #expect(press("\r", &controls))
        #expect(!controls.isTyping && controls.filter == "bill")
        #expect(press("\u{1B}", &controls))
        #expect(controls.filter.isEmpty)
        #expect(press("q", &controls))
        #expect(controls.isOver)
    }

    private func press(_ key: Character, _ controls: inout TopControls) -> Bool { controls.press(key) }

    @Test func `a picture has alarms, rates between two samples, and a row for each subscription`() throws {
        let load = try JSONValue(
            parsing: """
                {"disk": {"free_bytes": 1073741824, "full_in": "3h"}, "subscriptions": [
                  {"name": "billing", "state": "slow", "backlog": 1234, "in_flight": 2, "waiting": 0, "oldest_unsettled": null,
                   "rates": {"arrival": {"1m": 20}, "service": {"1m": 4.25}, "failed": {"1m": 0}, "utilisation": 1, "drain": null}}]}
                """)
        let samples = try ["00", "02"].map { second in
            try JSONValue(
                parsing: """
                    {"time": "2026-11-26T12:00:\(second).000Z", "ready": true, "topics": 1, "subscriptions": 1, "dead_letters": 0,
                     "published": \(second == "00" ? 100 : 300), "delivered": 0, "acknowledged": 0, "failed": 0, "backlog": 1234, "in_flight": 2}
                    """)
        }
        let alarms = [try JSONValue(parsing: #"{"subject": "subscription billing", "finding": "late"}"#)]
        let screen = TopScreen(load: load, samples: samples, alarms: alarms, controls: TopControls())
        let lines = screen.lines(on: .plain)
        #expect(lines[0].contains("disk 1 GiB free (full in 3 h)"))
        #expect(lines[1].hasPrefix("published 100/s, delivered 0/s"))
        #expect(lines[2] == "alarm subscription billing: late")
        let row = lines.last?.split(separator: " ").map(String.init)
        #expect(row == ["billing", "slow", "1,234", "2", "0", "-", "20", "4.3", "0", "100", "%", "never"])
        let small = screen.lines(on: .plain, height: 4)
        #expect(small.count == 4)
        #expect(small.last?.hasPrefix("by backlog") == true)
    }
}
