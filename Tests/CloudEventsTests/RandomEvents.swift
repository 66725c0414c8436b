// SPDX-License-Identifier: Apache-2.0

// Seeded random events: valid ones, with every attribute, type and kind of data. A failing seed replays.

import CloudEvents

/// Steele, Lea and Flood's SplitMix64: the same numbers everywhere.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    mutating func chance() -> Bool { Bool.random(using: &self) }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    mutating func text(of alphabet: [String], count: ClosedRange<Int>) -> String {
        (0..<Int.random(in: count, using: &self)).map { _ in pick(alphabet) }.joined()
    }

    mutating func bytes() -> [UInt8] {
        (0..<below(40)).map { _ in UInt8.random(in: 0...255, using: &self) }
    }
}

extension SplitMix64 {
    /// Text that is awkward for headers, JSON and XML alike, but allowed.
    mutating func awkwardText(minimum: Int = 1) -> String {
        let alphabet = [
            "a", "Z", "0", " ", "%", "%41", "\"", "\\", "<", ">", "&", "&amp;", "'", "]]>", "é", "€", "😀",
            "{", ",", ";", "+",
            "\u{A0}", "\u{FFFD}", "\u{E000}", "~", "-",
        ]
        return text(of: alphabet, count: minimum...12)
    }

    mutating func reference() -> String {
        pick([
            "/a/b", "https://example.com/a?b=c#d", "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
            "mailto:a@b.example",
            "1-555-123-4567", "?q", "#f", "//[::1]:80/x", "a%20b", "../x:y",
        ])
    }

    mutating func uri() -> String {
        pick(["https://example.com/s.json", "urn:x:y", "a:", "x+y-z.1://u:p@h:1/?#"])
    }

    mutating func timestamp() -> CloudEventTimestamp {
        let year = text(of: ["0", "1", "2", "9"], count: 4...4)
        let fraction = chance() ? "" : "." + text(of: ["0", "7", "9"], count: 1...9)
        let zone = pick(["Z", "+00:00", "-00:00", "+23:59", "-23:59", "+05:30"])
        let text =
            "\(year)-0\(1 + below(9))-\(10 + below(19))T\(10 + below(10)):\(10 + below(50)):\(10 + below(50))"
        return CloudEventTimestamp(text + fraction + zone) ?? CloudEventTimestamp(millisecondsSinceEpoch: 0)
    }

    mutating func value() -> CloudEventValue {
        switch below(7) {
        case 0: .boolean(chance())
        case 1: .integer(Int32.random(in: .min ... .max, using: &self))
        case 2: .binary(bytes())
        case 3: .uri(uri())
        case 4: .uriReference(reference())
        case 5: .timestamp(timestamp())
        default: .string(awkwardText(minimum: 0))
        }
    }

    mutating func extensions() throws -> CloudEventExtensions {
        var extensions = CloudEventExtensions()
        for _ in 0..<below(5) {
            let name = pick(["x", "y", "comext", "dataref"]) + text(of: ["a", "b", "1", "0"], count: 0...20)
            try extensions.set(name, to: value())
        }
        return extensions
    }

    /// Data and the content type that goes with it (or does not: `[0xFF]` as JSON is a valid event).
    mutating func data() -> (String?, CloudEventData?) {
        switch below(9) {
        case 0: (nil, nil)
        case 1: ("application/json", nil)
        case 2:
            (
                "application/json",
                CloudEventData(text: pick([#"{"a":[1.0,null,"é"]}"#, "null", "\"x\"", "0", "[]"]))
            )
        case 3: ("Application/Vnd.X+JSON; charset=\"UTF-8\"", CloudEventData(text: #"{"b" : "\u0041"}"#))
        case 4: ("text/plain", CloudEventData(text: awkwardText() + "\r\n\t\u{1}"))
        case 5:
            (
                "application/xml",
                CloudEventData(
                    text: pick([
                        "<a/>", "<a b='c'>&lt;<!-- x --><![CDATA[y]]>\r\n</a>", "<p:a xmlns:p=\"urn:p\"/>",
                        "<?xml version=\"1.0\"?><a/>", "<a><b></a>", "not xml", "<a/> ", "<ce:a/>",
                    ]))
            )
        case 6: ("application/json", CloudEventData(bytes()))
        case 7: (pick([nil, "image/png", "text/plain; charset=iso-8859-1"]), CloudEventData(bytes()))
        default: ("application/cloudevents+json", CloudEventData(text: pick([#"{"id":"inner"}"#, " {} "])))
        }
    }

    mutating func event() throws -> CloudEvent {
        let (type, data) = data()
        return try CloudEvent(
            id: awkwardText(), source: reference(), type: awkwardText(),
            subject: chance() ? awkwardText() : nil,
            time: chance() ? timestamp() : nil, dataContentType: type, dataSchema: chance() ? uri() : nil,
            extensions: extensions(), data: data)
    }
}

extension CloudEvent {
    /// The event as it is after headers carried its extensions: as text.
    func withTextExtensions() throws -> CloudEvent {
        var copy = self
        copy.extensions = try CloudEventExtensions(extensions.map { ($0.name, .string($0.value.text)) })
        return copy
    }

    /// The event as it is after JSON carried its extensions: booleans and integers stay.
    func withJSONExtensions() throws -> CloudEvent {
        var copy = self
        for element in extensions {
            switch element.value {
            case .boolean, .integer: continue
            default: try copy.extensions.set(element.name, to: .string(element.value.text))
            }
        }
        return copy
    }
}
