// SPDX-License-Identifier: Apache-2.0

// Definitions as the registry's log keeps them: one JSON object per change, readable with any Kafka tool. Durations are milliseconds
// here; unknown members are ignored so that an older server can read what a newer one wrote.

import ApusModel
import ApusRules
import ApusStorage
import ApusTransform
import ApusTransport
import CloudEvents
import JSONText

// MARK: Writing

extension RegistryChange {
    func encoded() -> [UInt8] {
        var writer = JSONWriter(capacity: 512)
        writer.beginObject()
        switch self {
        case .topic(let topic): topic.write(to: &writer)
        case .subscription(let subscription): subscription.write(to: &writer)
        case .rule(let rule): rule.write(to: &writer)
        case .topicDeleted(let name): writer.deletion("topic-deleted", name)
        case .subscriptionDeleted(let name): writer.deletion("subscription-deleted", name)
        case .ruleDeleted(let name): writer.deletion("rule-deleted", name)
        case .schedule(let schedule): schedule.write(to: &writer)
        case .scheduleDeleted(let name): writer.deletion("schedule-deleted", name)
        case .group(let group): group.write(to: &writer)
        case .groupDeleted(let name): writer.deletion("group-deleted", name)
        case .connection(let connection): connection.write(to: &writer)
        case .connectionDeleted(let name): writer.deletion("connection-deleted", name)
        case .feed(let feed): feed.write(to: &writer)
        case .feedDeleted(let name): writer.deletion("feed-deleted", name)
        }
        writer.endObject()
        return writer.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func deletion(_ change: String, _ name: ResourceName) {
        member("change", change)
        member("name", name.description)
    }

    fileprivate mutating func member(_ name: String, _ value: String?) {
        guard let value else { return }
        key(name)
        string(value)
    }

    fileprivate mutating func member(_ name: String, _ value: Int64?) {
        guard let value else { return }
        key(name)
        integer(value)
    }

    fileprivate mutating func member(_ name: String, _ offsets: [Offset]) {
        key(name)
        beginArray()
        for offset in offsets { integer(offset.rawValue) }
        endArray()
    }

    fileprivate mutating func member(_ name: String, _ transformation: Transformation?) {
        guard let transformation else { return }
        key(name)
        raw(Array(transformation.text.utf8))
    }
}

extension TopicDefinition {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("change", "topic")
        writer.member("name", name.description)
        writer.member("id", id.description)
        writer.member("created", created.rawValue)
        writer.member("partitions", Int64(settings.partitions))
        writer.member("durability", settings.durability.text)
        writer.member("retentionAge", settings.retentionAge?.milliseconds)
        writer.member("retentionBytes", settings.retentionBytes)
        writer.member("segmentBytes", Int64(settings.segmentBytes))
        if settings.segmentAge != Defaults.segmentAge {
            writer.member("segmentAge", settings.segmentAge.milliseconds)
        }
        if settings.batchBytesMax != Defaults.batchBytesMax {
            writer.member("batchBytesMax", Int64(settings.batchBytesMax))
        }
        writer.member("ttl", settings.ttl?.milliseconds)
        if let deduplication = settings.deduplication {
            writer.member("deduplicationWindow", deduplication.window.milliseconds)
            if case .attribute(let name) = deduplication.key { writer.member("deduplicationKey", name) }
        }
        if settings.timestamps != .producer { writer.member("timestamps", settings.timestamps.rawValue) }
        if settings.cleanup != .delete { writer.member("cleanup", settings.cleanup.rawValue) }
        let compaction = settings.compaction
        if compaction != CompactionSettings() {
            writer.member("deleteRetention", compaction.deleteRetention.milliseconds)
            writer.member("minCompactionLag", compaction.minLag.milliseconds)
            // In millionths.
            writer.member("dirtyRatio", Int64((compaction.dirtyRatio * 1e6).rounded()))
        }
        settings.schema.write(to: &writer)
        if holdsDeadLetters { writer.member("holdsDeadLetters", "true") }
    }
}

extension Durability {
    fileprivate var text: String {
        switch self {
        case .flush: "flush"
        case .none: "none"
        case .interval(let interval): "\(interval.milliseconds)"
        }
    }

    fileprivate init?(text: String) {
        switch text {
        case "flush": self = .flush
        case "none": self = .none
        default:
            guard let milliseconds = Int64(text) else { return nil }
            self = .interval(.milliseconds(milliseconds))
        }
    }
}

extension SubscriptionDefinition {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("change", "subscription")
        writer.member("name", name.description)
        writer.member("id", id.description)
        writer.member("created", created.rawValue)
        writer.member("topic", settings.topic.description)
        writer.member("topicID", topicID.description)
        writer.member("startOffsets", startOffsets)
        if let endOffsets { writer.member("endOffsets", endOffsets) }
        writer.member("end", settings.end?.text)
        writer.member("rule", rule?.description)
        writer.member("kind", settings.kind.rawValue)
        writer.member("start", settings.start.text)
        writer.member("pattern", settings.pattern?.text)
        writer.member("lease", settings.lease.milliseconds)
        writer.member("inFlightMax", Int64(settings.inFlightMax))
        writer.member("attemptsMax", Int64(settings.attemptsMax))
        writer.member("retryInitial", settings.retry.initial.milliseconds)
        writer.member("retryMax", settings.retry.max.milliseconds)
        writer.retryExtras(settings.retry)
        writer.member("deadLetter", settings.deadLetter?.description)
        if let push = settings.push { writer.push("push", push) }
        if settings.isPaused { writer.member("paused", "true") }
        writer.member("ordering", settings.ordering?.by.text)
        if settings.ordering?.onDeadLetter == .block { writer.member("onDeadLetter", "block") }
        writer.member("fairness", settings.fairness?.by.text)
        if let weights = settings.fairness?.weights, !weights.isEmpty {
            writer.key("weights")
            writer.beginObject()
            for (key, weight) in weights.sorted(by: { $0.key < $1.key }) {
                writer.member(key, Int64(weight))
            }
            writer.endObject()
        }
        writer.member("priority", settings.priority)
        if settings.isTemporary { writer.member("temporary", "true") }
        if let limit = settings.expiresAfter { writer.member("expiresAfter", limit.milliseconds) }
        settings.alarm.write(to: &writer, used: used)
        writer.member("transformation", transformation)
    }
}

extension StartPosition {
    fileprivate var text: String {
        switch self {
        case .earliest: "earliest"
        case .latest: "latest"
        case .offset(let offset): "offset:\(offset)"
        case .time(let time): "time:\(time)"
        }
    }

    fileprivate init?(text: String) {
        switch text {
        case "earliest": self = .earliest
        case "latest": self = .latest
        default:
            let parts = text.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let number = Int64(parts[1]) else { return nil }
            switch parts[0] {
            case "offset": self = .offset(Offset(number))
            case "time": self = .time(Timestamp(milliseconds: number))
            default: return nil
            }
        }
    }
}

extension RuleDefinition {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("change", "rule")
        writer.member("name", name.description)
        writer.member("id", id.description)
        writer.member("created", created.rawValue)
        writer.member("topic", settings.topic.description)
        writer.member("pattern", settings.pattern.text)
        writer.member("startOffsets", startOffsets)
        if let changed { writer.member("changed", changed.rawValue) }
        if !settings.isEnabled { writer.member("disabled", "true") }
        writer.key("targets")
        writer.beginArray()
        for target in settings.targets {
            writer.beginObject()
            switch target.destination {
            case .topic(let name): writer.member("topic", name.description)
            case .webhook(let push): writer.push("webhook", push)
            }
            writer.member("transformation", target.transformation)
            writer.endObject()
        }
        writer.endArray()
    }
}

extension ScheduleDefinition {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("change", "schedule")
        writer.member("name", name.description)
        writer.member("id", id.description)
        writer.member("created", created.rawValue)
        writer.member("changed", changed.rawValue)
        writer.member("topic", settings.topic.description)
        writer.member("expression", settings.expression)
        writer.member("zone", settings.zone)
        writer.member(
            "event", String(decoding: CloudEventJSONFormat.encode(settings.template), as: UTF8.self))
        writer.member("key", settings.key)
        writer.member("start", settings.start?.rawValue)
        writer.member("end", settings.end?.rawValue)
        if !settings.isEnabled { writer.member("disabled", "true") }
        switch settings.catchUp {
        case .skip: writer.member("catchUp", 0)
        case .once: break
        case .all(let limit): writer.member("catchUp", Int64(limit))
        }
    }
}

// MARK: Reading

extension RegistryChange {
    init(decoding bytes: [UInt8]) throws(RegistryCodingError) {
        guard let value = try? JSONValue(parsing: bytes), let object = value.object else {
            throw RegistryCodingError(reason: "not a JSON object")
        }
        let members = Members(object: object)
        let name = try members.name("name")
        if let bridge = try RegistryChange(bridge: object, name) {
            self = bridge
            return
        }
        switch try members.text("change") {
        case "topic": self = .topic(try TopicDefinition(members, name))
        case "topic-deleted": self = .topicDeleted(name)
        case "subscription": self = .subscription(try SubscriptionDefinition(members, name))
        case "subscription-deleted": self = .subscriptionDeleted(name)
        case "rule": self = .rule(try RuleDefinition(members, name))
        case "rule-deleted": self = .ruleDeleted(name)
        case "schedule": self = .schedule(try ScheduleDefinition(members, name))
        case "schedule-deleted": self = .scheduleDeleted(name)
        case "group": self = .group(GroupDefinition(registry: members.object, name))
        case "group-deleted": self = .groupDeleted(name)
        case let other: throw RegistryCodingError(reason: "unknown change '\(other)'")
        }
    }
}

/// The members of one change, each read with the error it deserves.
private struct Members {
    var object: JSONObject

    func text(_ name: String) throws(RegistryCodingError) -> String {
        guard let text = object[name]?.string else { throw RegistryCodingError(reason: "no text '\(name)'") }
        return text
    }

    func number(_ name: String) throws(RegistryCodingError) -> Int64 {
        guard let number = optionalNumber(name) else {
            throw RegistryCodingError(reason: "no number '\(name)'")
        }
        return number
    }

    func optionalNumber(_ name: String) -> Int64? { object[name]?.number?.int64 }
    func time(_ name: String) -> Timestamp? { optionalNumber(name).map { Timestamp(milliseconds: $0) } }

    func milliseconds(_ name: String) throws(RegistryCodingError) -> Duration {
        .milliseconds(try number(name))
    }

    func name(_ member: String) throws(RegistryCodingError) -> ResourceName {
        let text = try text(member)
        do { return try ResourceName(text) } catch { throw RegistryCodingError(reason: error.description) }
    }

    func optionalName(_ member: String) throws(RegistryCodingError) -> ResourceName? {
        object[member] == nil ? nil : try name(member)
    }

    func id(_ member: String) throws(RegistryCodingError) -> LogID {
        guard let id = LogID(try text(member)) else {
            throw RegistryCodingError(reason: "no identity '\(member)'")
        }
        return id
    }

    func offsets(_ member: String) -> [Offset] {
        (object[member]?.array ?? []).compactMap { $0.number?.int64.map { Offset($0) } }
    }

    func pattern(_ member: String) throws(RegistryCodingError) -> Pattern? {
        guard let text = object[member]?.string else { return nil }
        do { return try Pattern(parsing: text) } catch {
            throw RegistryCodingError(reason: "pattern: \(error)")
        }
    }

    func eventKey(_ member: String) throws(RegistryCodingError) -> EventKey? {
        guard let text = object[member]?.string else { return nil }
        guard let key = EventKey(text) else {
            throw RegistryCodingError(reason: "'\(member)' is neither 'key' nor an attribute")
        }
        return key
    }

    func ordering() throws(RegistryCodingError) -> OrderingSettings? {
        guard let by = try eventKey("ordering") else { return nil }
        let isBlocking = object["onDeadLetter"]?.string == AfterDeadLetter.block.rawValue
        return OrderingSettings(by: by, onDeadLetter: isBlocking ? .block : .proceed)
    }

    func fairness() throws(RegistryCodingError) -> FairnessSettings? {
        guard let by = try eventKey("fairness") else { return nil }
        var settings = FairnessSettings(by: by)
        for member in object["weights"]?.object?.members ?? [] {
            settings.weights[member.name] = member.value.number?.int64.map { Int($0) }
        }
        return settings
    }

    func transformation(_ member: String) throws(RegistryCodingError) -> Transformation? {
        guard let value = object[member] else { return nil }
        do { return try Transformation(value) } catch {
            throw RegistryCodingError(reason: "\(error)")
        }
    }

    func push(_ value: JSONValue?) throws(RegistryCodingError) -> PushSettings? {
        guard let object = value?.object else { return nil }
        return try PushSettings(registry: object)
    }
}

extension TopicDefinition {
    fileprivate init(_ members: Members, _ name: ResourceName) throws(RegistryCodingError) {
        guard let durability = Durability(text: try members.text("durability")) else {
            throw RegistryCodingError(reason: "unknown durability")
        }
        self.init(
            name: name, id: try members.id("id"),
            created: Timestamp(milliseconds: try members.number("created")),
            settings: TopicSettings(
                partitions: Int(try members.number("partitions")), durability: durability,
                retentionAge: members.optionalNumber("retentionAge").map { .milliseconds($0) },
                retentionBytes: members.optionalNumber("retentionBytes"),
                segmentBytes: Int(try members.number("segmentBytes")),
                segmentAge: members.optionalNumber("segmentAge").map { .milliseconds($0) }
                    ?? Defaults.segmentAge,
                batchBytesMax: members.optionalNumber("batchBytesMax").map { Int($0) }
                    ?? Defaults.batchBytesMax,
                ttl: members.optionalNumber("ttl").map { .milliseconds($0) },
                deduplication: members.optionalNumber("deduplicationWindow").map { window in
                    DeduplicationSettings(
                        window: .milliseconds(window),
                        key: members.object["deduplicationKey"]?.string.map { .attribute($0) } ?? .identity)
                },
                timestamps: members.object["timestamps"]?.string.flatMap { TimestampSource(rawValue: $0) }
                    ?? .producer,
                cleanup: members.object["cleanup"]?.string.flatMap { CleanupPolicy(rawValue: $0) } ?? .delete,
                compaction: CompactionSettings(
                    deleteRetention: members.optionalNumber("deleteRetention").map { .milliseconds($0) }
                        ?? Defaults.compactionDeleteRetention,
                    minLag: .milliseconds(members.optionalNumber("minCompactionLag") ?? 0),
                    dirtyRatio: members.optionalNumber("dirtyRatio").map { Double($0) / 1e6 }
                        ?? Defaults.compactionDirtyRatio)),
            holdsDeadLetters: members.object["holdsDeadLetters"] != nil)
        settings.schema = SchemaSettings(registry: members.object)
    }
}

extension SubscriptionDefinition {
    fileprivate init(_ members: Members, _ name: ResourceName) throws(RegistryCodingError) {
        guard let kind = SubscriptionKind(rawValue: try members.text("kind")),
            let start = StartPosition(text: try members.text("start"))
        else { throw RegistryCodingError(reason: "unknown kind or start") }
        self.init(
            name: name, id: try members.id("id"),
            created: Timestamp(milliseconds: try members.number("created")),
            settings: SubscriptionSettings(
                topic: try members.name("topic"), kind: kind, start: start,
                end: members.object["end"]?.string.flatMap { StartPosition(text: $0) },
                pattern: try members.pattern("pattern"),
                lease: try members.milliseconds("lease"), inFlightMax: Int(try members.number("inFlightMax")),
                attemptsMax: Int(try members.number("attemptsMax")),
                retry: RetrySettings(
                    initial: try members.milliseconds("retryInitial"),
                    max: try members.milliseconds("retryMax"),
                    schedule: RetrySettings.schedule(registry: members.object),
                    ageMax: members.optionalNumber("retryAgeMax").map { .milliseconds($0) }),
                deadLetter: try members.optionalName("deadLetter"),
                push: try members.push(members.object["push"]),
                isPaused: members.object["paused"] != nil,
                ordering: try members.ordering(), fairness: try members.fairness(),
                priority: members.object["priority"]?.string),
            topicID: try members.id("topicID"), startOffsets: members.offsets("startOffsets"),
            rule: try members.optionalName("rule"),
            endOffsets: members.object["endOffsets"] == nil ? nil : members.offsets("endOffsets"),
            transformation: try members.transformation("transformation"))
        settings.isTemporary = members.object["temporary"] != nil
        settings.expiresAfter = members.optionalNumber("expiresAfter").map { .milliseconds($0) }
        settings.alarm = AlarmSettings(registry: members.object)
        used = members.time("used")
    }
}

extension RuleDefinition {
    fileprivate init(_ members: Members, _ name: ResourceName) throws(RegistryCodingError) {
        var targets: [RuleTarget] = []
        for value in members.object["targets"]?.array ?? [] {
            guard let object = value.object else {
                throw RegistryCodingError(reason: "a target is no object")
            }
            let target = Members(object: object)
            let transformation = try target.transformation("transformation")
            if let push = try target.push(object["webhook"]) {
                targets.append(.webhook(push, transformation: transformation))
            } else {
                targets.append(.topic(try target.name("topic"), transformation: transformation))
            }
        }
        guard let pattern = try members.pattern("pattern") else {
            throw RegistryCodingError(reason: "no pattern")
        }
        self.init(
            name: name, id: try members.id("id"),
            created: Timestamp(milliseconds: try members.number("created")),
            settings: RuleSettings(
                topic: try members.name("topic"), pattern: pattern, targets: targets,
                isEnabled: members.object["disabled"] == nil),
            startOffsets: members.offsets("startOffsets"), changed: members.time("changed"))
    }
}

extension ScheduleDefinition {
    fileprivate init(_ members: Members, _ name: ResourceName) throws(RegistryCodingError) {
        let template: CloudEvent
        do { template = try CloudEventJSONFormat.decode(Array(try members.text("event").utf8)) } catch {
            throw RegistryCodingError(reason: "event: \(error)")
        }
        let created = Timestamp(milliseconds: try members.number("created"))
        self.init(
            name: name, id: try members.id("id"), created: created,
            settings: ScheduleSettings(
                topic: try members.name("topic"), expression: try members.text("expression"),
                zone: try members.text("zone"), template: template, key: members.object["key"]?.string,
                start: members.time("start"), end: members.time("end"),
                isEnabled: members.object["disabled"] == nil,
                catchUp: members.optionalNumber("catchUp").map { $0 == 0 ? .skip : .all(limit: Int($0)) }
                    ?? .once),
            changed: members.time("changed") ?? created)
    }
}
