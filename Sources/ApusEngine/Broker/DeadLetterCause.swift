// SPDX-License-Identifier: Apache-2.0

// Dead letters by who gave up, and why: a thousand failures with one cause are one thing to look at, and one thing to send back.

public import ApusModel

extension DeadLetter {
    /// Its reason with `…` for every figure but the status: reasons that differ in a time or a count alone are the same cause.
    public var cause: String { DeadLetter.cause(reason, status: status) }

    /// The cause that a reason tells.
    static func cause(_ reason: String, status: Int?) -> String {
        let status = status.map { Array(String($0).utf8) }
        let text = Array(reason.utf8)
        var cause: [UInt8] = []
        var index = 0
        func isDigit(_ place: Int) -> Bool {
            text.indices.contains(place) && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[place])
        }
        while index < text.count {
            guard isDigit(index) else {
                cause.append(text[index])
                index += 1
                continue
            }
            var end = index
            while isDigit(end) { end += 1 }
            if end < text.count, text[end] == UInt8(ascii: "."), isDigit(end + 1) {
                end += 1
                while isDigit(end) { end += 1 }
            }
            let figure = text[index..<end]
            cause += status.map { figure.elementsEqual($0) } == true ? Array(figure) : Array("…".utf8)
            index = end
        }
        return String(decoding: cause, as: UTF8.self)
    }
}

/// Dead letters that one subscription, rule or feed gave up for one cause.
public struct DeadLetterCause: Sendable, Hashable {
    /// Who gave up, and why: what makes letters one.
    public struct Key: Sendable, Hashable {
        /// The subscription that gave up.
        public var subscription: ResourceName?
        /// The rule that gave up.
        public var rule: ResourceName?
        /// The feed that gave up.
        public var feed: ResourceName?
        /// ``DeadLetter/cause``.
        public var cause: String

        /// What a letter has in common with others.
        public init(_ letter: DeadLetter) {
            (subscription, rule, feed) = (letter.subscription, letter.rule, letter.feed)
            cause = letter.cause
        }
    }

    /// Who gave up, and why.
    public var key: Key
    /// How many letters wait.
    public var count = 1
    /// When the first of them was given up.
    public var first: Timestamp
    /// When the last of them was given up.
    public var last: Timestamp
    /// The last one.
    public var sample: DeadLetter

    /// A cause with its first letter.
    public init(_ letter: DeadLetter) {
        (key, first, last, sample) = (Key(letter), letter.last, letter.last, letter)
    }

    /// Takes in another letter of the same cause.
    public mutating func add(_ letter: DeadLetter) {
        count += 1
        first = min(first, letter.last)
        guard letter.last >= last else { return }
        (last, sample) = (letter.last, letter)
    }
}

/// One step of going through dead letters by cause.
public struct DeadLetterCauses: Sendable {
    /// The causes, the most frequent first. Those of several steps belong together by their keys.
    public var causes: [DeadLetterCause]
    /// How many letters were looked at.
    public var looked: Int
    /// The id of the letter after which it goes on; nil when all were looked at.
    public var next: String?
}

extension Broker {
    /// Letters of a selection by cause: one step of bounded work, which goes on after the letter with the id `after`.
    public func deadLetterCauses(
        _ selection: DeadLetterSelection, after: String?
    ) async throws(BrokerError) -> DeadLetterCauses {
        var causes: [DeadLetterCause.Key: DeadLetterCause] = [:]
        var page = Page(limit: Defaults.pageLimitMax, after: after)
        var (looked, next) = (0, String?.none)
        // Pages have an end in bytes too: some of them are a step.
        for _ in 0..<4 {
            let letters = try await deadLetters(selection, page)
            for letter in letters {
                let key = DeadLetterCause.Key(letter)
                if causes[key]?.add(letter) == nil { causes[key] = DeadLetterCause(letter) }
            }
            looked += letters.count
            let isFull = letters.reduce(0) { $0 + $1.dataBytes } >= Page.bytesMax
            next = letters.count == page.limit || isFull ? letters.last?.id : nil
            guard let next else { break }
            page.after = next
        }
        let sorted = causes.values.sorted { ($1.count, $0.key.cause) < ($0.count, $1.key.cause) }
        return DeadLetterCauses(causes: sorted, looked: looked, next: next)
    }
}
