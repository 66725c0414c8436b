import ApusEngine
import ApusModel
import ApusStorage
import ApusTesting
import CloudEvents
import Foundation
import Logging

final class Box<T>: @unchecked Sendable { var value: T? }

func drive<T: Sendable>(_ engine: Engine, _ body: @escaping @Sendable () async throws -> T) -> T {
    let box = Box<T>()
    let semaphore = DispatchSemaphore(value: 0)
    Task { box.value = try! await body(); semaphore.signal() }
    while semaphore.wait(timeout: .now()) == .timedOut { _ = engine.turn(); usleep(0) }
    return box.value!
}

func memory() -> Int {
    let text = try! String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    for line in text.split(separator: "\n") where line.hasPrefix("VmRSS") {
        return Int(line.split(whereSeparator: { !$0.isNumber })[0])! * 1024
    }
    return 0
}

let clock = ManualClock()
let store = MemoryLogStore()
let mode = CommandLine.arguments.dropFirst().first ?? "off"
let count = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 300_000
let engine = try Engine(
    store: store, clock: clock, entropy: Entropy(seed: 1), options: EngineOptions(),
    logger: Logger(label: "b") { _ in SwiftLogNoOpLogHandler() }, dispatcher: ScriptedTarget(), isDriven: true)
let topic = try ResourceName("t")
let name = try ResourceName("s")
_ = drive(engine) { try await engine.createTopic(topic, TopicSettings()) }
var settings = SubscriptionSettings(topic: topic, start: .earliest)
settings.inFlightMax = 100_000
#if ORDER
switch mode {
case "ordering", "failing", "distinct": settings.ordering = OrderingSettings()
case "fairness", "noisy": settings.fairness = FairnessSettings()
case "priority": settings.priority = "priority"
default: break
}
#endif
let chosen = settings
_ = drive(engine) { try await engine.createSubscription(name, chosen) }
let data = CloudEventData(text: String(repeating: "x", count: 200))
var number = 0
let group = 100
func key(_ n: Int) -> String {
    switch mode {
    case "failing": n % 10 == 0 ? "good\(n / 10 % 50)" : "bad"
    case "noisy": n < count * 9 / 10 ? "noisy" : "quiet\(n % 50)"
    case "distinct": "k\(n)"
    default: "k\(n % 5_000)"
    }
}
let start0 = ContinuousClock.now
for start in stride(from: 0, to: count, by: group) {
    _ = drive(engine) {
        if mode == "off" || mode == "fairness" || mode == "priority" || mode == "ordering" || mode == "distinct" {
            for n in stride(from: start, to: start + group, by: 20) {
                let events = try (n..<n + 20).map {
                    var event = try CloudEvent(id: "e\($0)", source: "/s", type: "t", data: data)
                    try event.extensions.set("priority", to: .string("\($0 % 10)"))
                    return event
                }
                _ = try await engine.publish(events, to: topic, key: key(n / 20))
            }
        } else {
            let events = try (start..<start + group).map { try CloudEvent(id: "e\($0)", source: "/s", type: "t", data: data) }
            if mode == "failing" {
                _ = try await engine.publish(Array(events.prefix(90)), to: topic, key: "bad")
                _ = try await engine.publish(Array(events.suffix(10)), to: topic, key: "good\(start / 100 % 50)")
            } else {
                _ = try await engine.publish(events, to: topic, key: key(start))
            }
        }
    }
}
print("published", count, ContinuousClock.now - start0)
let before = memory()
let start = ContinuousClock.now
var got = 0
var firstQuiet: Int?
let limit = mode == "failing" ? count / 10 : count
while got < limit {
    let events = drive(engine) { try await engine.receive(name, limit: 100, wait: .zero, lease: nil) }
    if events.isEmpty { print("empty at", got); for _ in 0..<20 { _ = engine.turn() }; if got == limit { break }; continue }
    var good: [String] = []
    for event in events {
        if event.stored.key == "bad" {
            _ = drive(engine) { try await engine.settle(name, leases: [event.lease], verdict: .release(delay: .seconds(40_000), counted: true)) }
        } else {
            good.append(event.lease)
            if firstQuiet == nil, event.stored.key?.hasPrefix("quiet") == true { firstQuiet = got }
        }
    }
    let leases = good
    if !leases.isEmpty { _ = drive(engine) { try await engine.settle(name, leases: leases, verdict: .acknowledge) } }
    got += good.count
}
let time = ContinuousClock.now - start
let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
print("mode \(mode): \(got) received and settled in \(time), \(Int(Double(got) / seconds))/s, rss +\((memory() - before) >> 10) KiB", firstQuiet.map { "first quiet after \($0)" } ?? "")
if mode == "failing" {
    print(try engine.subscription(name).backlog, "behind, cursor", try engine.subscription(name).positions[0])
    #if ORDER
    let s = ContinuousClock.now
    let again = try Engine(
        store: store, clock: clock, entropy: Entropy(seed: 2), options: EngineOptions(),
        logger: Logger(label: "b") { _ in SwiftLogNoOpLogHandler() }, dispatcher: ScriptedTarget(), isDriven: true)
    print("restart", ContinuousClock.now - s)
    let r = drive(again) { try await again.receive(name, limit: 1, wait: .zero, lease: nil) }
    print("first receive", r.count, ContinuousClock.now - s)
    #endif
}
