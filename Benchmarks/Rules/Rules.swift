// SPDX-License-Identifier: Apache-2.0

// Matching on one core: events per second against any number of rules, and what adding and removing one rule takes while there are so many.
// Prints one line of JSON for each number of rules and size of event; `ratio` is to one rule on the same size in the same run, `ratio_to_five` to five
// rules that the event matches, as it does about five of any number. The one and the five are measured on the events of the largest number. One rule
// is each of the five alone, one after the other: what one costs depends on where in the event it looks, and of what kind it is.
//
//     swift run -c release rules --seconds 2 --rounds 3

import ApusRules
import Foundation

@main
struct Rules {
    static func main() {
        let options = Options(CommandLine.arguments)
        for round in 1...options.rounds {
            for bytes in options.bytes {
                var (one, five) = (0.0, 0.0)
                for count in options.rules {
                    let figures = measure(rules: count, bytes: bytes, options)
                    if count == 1 { one = figures.eventsPerSecond }
                    if count == 5 { five = figures.eventsPerSecond }
                    print(
                        """
                        {"round": \(round), "rules": \(count), "bytes": \(bytes), \
                        "events_per_s": \(Int(figures.eventsPerSecond)), \
                        "ratio": \(one > 0 ? rounded(figures.eventsPerSecond / one) : 0), \
                        "ratio_to_five": \(five > 0 ? rounded(figures.eventsPerSecond / five) : 0), \
                        "matches_per_event": \(rounded(figures.matchesPerEvent)), "compile_ms": \(rounded(figures.compile)), \
                        "bytes_per_rule": \(figures.bytesPerRule), "add_us": \(rounded(figures.add.mean)), \
                        "add_us_max": \(rounded(figures.add.worst)), "remove_us": \(rounded(figures.remove.mean)), \
                        "remove_us_max": \(rounded(figures.remove.worst))}
                        """)
                }
            }
        }
    }

    static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

    struct Options {
        var rules = [1, 5, 1_000, 100_000]
        var bytes = [1 << 10, 10 << 10]
        /// How many different events there are, which come one after the other, again and again.
        var events = 256
        var seconds = 2.0
        var rounds = 1

        init(_ arguments: [String]) {
            var rest = arguments.dropFirst()
            while let name = rest.popFirst(), let value = rest.popFirst() {
                switch name {
                case "--rules": rules = value.split(separator: ",").compactMap { Int($0) }
                case "--bytes": bytes = value.split(separator: ",").compactMap { Int($0) }
                case "--events": events = Int(value) ?? events
                case "--seconds": seconds = Double(value) ?? seconds
                case "--rounds": rounds = Int(value) ?? rounds
                default: print("unknown option \(name)")
                }
            }
        }
    }

    struct Times {
        var mean = 0.0
        var worst = 0.0
        private var count = 0.0

        /// Notes what a body takes of a core, which is what another thread would have to wait at least.
        mutating func note(_ body: () -> Void) {
            let start = Rules.processorSeconds()
            body()
            let time = (Rules.processorSeconds() - start) * 1e6
            count += 1
            mean += (time - mean) / count
            worst = max(worst, time)
        }
    }

    struct Figures {
        var eventsPerSecond = 0.0
        var matchesPerEvent = 0.0
        /// Milliseconds for all rules, one after the other.
        var compile = 0.0
        /// Of the matcher, beside the patterns.
        var bytesPerRule = 0
        /// Microseconds for one rule.
        var add = Times()
        var remove = Times()
    }

    private static func measure(rules count: Int, bytes: Int, _ options: Options) -> Figures {
        guard count == 1 else { return measure(rules: count, only: nil, bytes: bytes, options) }
        let each = Crowd.few(5).map { measure(rules: 1, only: $0, bytes: bytes, options) }
        var figures = each[0]
        // Of the times, not of the speeds.
        figures.eventsPerSecond = Double(each.count) / each.reduce(0) { $0 + 1 / $1.eventsPerSecond }
        return figures
    }

    private static func measure(rules count: Int, only: Pattern?, bytes: Int, _ options: Options) -> Figures {
        let eventsOf = count <= 5 ? options.rules.max() ?? count : count
        var crowd = Crowd(rules: eventsOf, seed: 42)
        var patterns: [Pattern] = []
        while patterns.count < eventsOf {
            if let pattern = crowd.rule() { patterns.append(pattern) }
        }
        if count <= 5 { patterns = only.map { [$0] } ?? Crowd.few(count) }
        var figures = Figures()
        let clock = ContinuousClock()
        let memory = residentBytes()
        var matcher = RuleMatcher()
        figures.compile =
            microseconds(
                clock.measure { matcher = RuleMatcher(patterns.enumerated().map { ($0, $1) }) }) / 1000
        figures.bytesPerRule = (residentBytes() - memory) / count
        let events = Events((0..<options.events).map { _ in (crowd.attributes(), crowd.data(bytes: bytes)) })
        var scratch = MatchScratch()
        var matched = 0
        for event in 0..<events.count { events.match(event, matcher, &scratch, &matched) }
        var rounds = 0
        let start = processorSeconds()
        let seconds = only == nil ? options.seconds : options.seconds / 5
        while processorSeconds() - start < seconds {
            for event in 0..<events.count { events.match(event, matcher, &scratch, &matched) }
            rounds += 1
        }
        figures.eventsPerSecond = Double(rounds * events.count) / (processorSeconds() - start)
        figures.matchesPerEvent = Double(matched) / Double((rounds + 1) * events.count)
        change(&matcher, &crowd, count, &figures)
        return figures
    }

    /// Adds rules to those there are, and takes them away again.
    private static func change(
        _ matcher: inout RuleMatcher, _ crowd: inout Crowd, _ count: Int, _ figures: inout Figures
    ) {
        let more = (0..<2000).compactMap { _ in crowd.rule() }
        for (index, pattern) in more.enumerated() {
            figures.add.note { matcher.add(id: count + index, pattern: pattern) }
        }
        for index in more.indices {
            figures.remove.note { matcher.remove(id: count + index) }
        }
    }

    /// What this process has used of a core: what others do on the machine counts less than by the clock on the wall.
    static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    static func microseconds(_ duration: Duration) -> Double { duration / .microseconds(1) }

    static func residentBytes() -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * 4096
    }
}

/// Events as bytes in place, as the matcher is given them.
final class Events {
    private let block: UnsafeMutableRawBufferPointer
    private var inputs: [MatchInput] = []

    var count: Int { inputs.count }

    init(_ events: [(attributes: [(name: String, value: String)], data: [UInt8])]) {
        let length = events.reduce(0) { sum, event in
            event.attributes.reduce(sum + event.data.count) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        }
        block = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 8)
        var end = 0
        for event in events {
            var input = MatchInput()
            for (name, value) in event.attributes {
                input.append(name: place(Array(name.utf8), &end), value: place(Array(value.utf8), &end))
            }
            input.data = place(event.data, &end)
            inputs.append(input)
        }
    }

    deinit { block.deallocate() }

    private func place(_ bytes: [UInt8], _ end: inout Int) -> UnsafeRawBufferPointer {
        let range = end..<end + bytes.count
        UnsafeMutableRawBufferPointer(rebasing: block[range]).copyBytes(from: bytes)
        end = range.upperBound
        return UnsafeRawBufferPointer(rebasing: block[range])
    }

    func match(
        _ index: Int, _ matcher: borrowing RuleMatcher, _ scratch: inout MatchScratch, _ matched: inout Int
    ) {
        matcher.forEachMatch(inputs[index], scratch: &scratch) { _ in matched += 1 }
    }
}
