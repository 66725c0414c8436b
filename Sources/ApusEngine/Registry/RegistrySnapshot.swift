// SPDX-License-Identifier: Apache-2.0

// What a snapshot is in the registry's log, written and read. Its records have keys, changes have none:
//
//   snapshot-begin   nothing; what was begun before and has no end is void
//   snapshot-part    a definition, as the change that makes it
//   snapshot-end     the offset from which on changes are to be put to what the parts say, in decimal
//
// Other changes may stand between the parts. An older form is one batch whose first record has the key `snapshot`, and that nothing has to be
// put to.

import ApusModel

/// A snapshot in the making, as far as it is not written yet.
struct RegistrySnapshot: Sendable {
    private enum Stage {
        case topics, subscriptions, rules, schedules, groups, connections, feeds, end, written
    }

    /// Where the log ended when this was all that was defined.
    let end: Offset
    private let definitions: Definitions
    private var stage: Stage?
    /// The names of this stage that are left, in falling order.
    private var names: [ResourceName] = []

    init(_ definitions: Definitions, end: Offset) { (self.definitions, self.end) = (definitions, end) }

    /// Whether there is nothing left.
    var isWritten: Bool { stage == .written }

    /// The next part, of about so many bytes or less; nil when there is nothing left.
    mutating func next(bytes: Int, at time: Timestamp) -> RecordBatch? {
        guard !isWritten else { return nil }
        var builder = RecordBatchBuilder(capacity: bytes + 4096)
        if stage == nil {
            builder.append(timestamp: time, key: Array(RegistryFold.begin.utf8), value: nil)
            enter(.topics)
        }
        while builder.length < bytes || builder.count == 0, !isWritten { add(to: &builder, at: time) }
        return builder.finish()
    }

    private mutating func add(to builder: inout RecordBatchBuilder, at time: Timestamp) {
        if let name = names.popLast() {
            guard let change = change(name) else { return }
            builder.append(timestamp: time, key: Array(RegistryFold.part.utf8), value: change.encoded())
            return
        }
        switch stage {
        case nil, .written: break
        case .topics: enter(.subscriptions)
        case .subscriptions: enter(.rules)
        case .rules: enter(.schedules)
        case .schedules: enter(.groups)
        case .groups: enter(.connections)
        case .connections: enter(.feeds)
        case .feeds: enter(.end)
        case .end:
            builder.append(
                timestamp: time, key: Array(RegistryFold.end.utf8), value: Array(String(end.rawValue).utf8))
            enter(.written)
        }
    }

    private mutating func enter(_ next: Stage) {
        stage = next
        names =
            switch next {
            case .topics: definitions.topics.keys.sorted(by: >)
            case .subscriptions: definitions.subscriptions.keys.sorted(by: >)
            case .rules: definitions.rules.keys.sorted(by: >)
            case .schedules: definitions.schedules.keys.sorted(by: >)
            case .groups: definitions.groups.keys.sorted(by: >)
            case .connections: definitions.connections.keys.sorted(by: >)
            case .feeds: definitions.feeds.keys.sorted(by: >)
            case .end, .written: []
            }
    }

    private func change(_ name: ResourceName) -> RegistryChange? {
        switch stage {
        case .topics: definitions.topics[name].map { .topic($0) }
        case .subscriptions: definitions.subscriptions[name].map { .subscription($0) }
        case .rules: definitions.rules[name].map { .rule($0) }
        case .schedules: definitions.schedules[name].map { .schedule($0) }
        case .groups: definitions.groups[name].map { .group($0) }
        case .connections: definitions.connections[name].map { .connection($0) }
        case .feeds: definitions.feeds[name].map { .feed($0) }
        case nil, .end, .written: nil
        }
    }
}

/// The registry's log read from its start.
struct RegistryFold {
    static let begin = "snapshot-begin"
    static let part = "snapshot-part"
    static let end = "snapshot-end"
    private static let whole = "snapshot"

    private(set) var definitions = Definitions()
    /// The logs of what was deleted.
    private(set) var gone: Set<LogID> = []
    /// What the parts of a snapshot say whose end was not read yet.
    private var draft: Definitions?
    /// The changes that a snapshot may have to be given when its end comes.
    private var recent: [(offset: Offset, change: RegistryChange)] = []

    /// Takes the next record.
    mutating func take(_ record: RecordView) throws(RegistryCodingError) {
        func hasKey(_ key: String) -> Bool { record.key?.elementsEqual(key.utf8) == true }
        let value = record.value.map { Array($0) } ?? []
        if hasKey(Self.begin) {
            draft = Definitions()
        } else if hasKey(Self.part) {
            draft?.apply(try RegistryChange(decoding: value))
        } else if hasKey(Self.end) {
            guard let number = Int64(String(decoding: value, as: UTF8.self)) else {
                throw RegistryCodingError(reason: "a snapshot does not end with an offset")
            }
            conclude(from: Offset(number))
        } else {
            if hasKey(Self.whole) { definitions = Definitions() }
            let change = try RegistryChange(decoding: value)
            apply(change)
            recent.append((record.offset, change))
        }
    }

    /// Puts a snapshot that has ended in the place of what was read, with the changes from `offset` on.
    private mutating func conclude(from offset: Offset) {
        guard let draft else { return }
        definitions = draft
        self.draft = nil
        recent.removeAll { $0.offset < offset }
        for (_, change) in recent { apply(change) }
    }

    private mutating func apply(_ change: RegistryChange) {
        gone.formUnion(change.logsGiven(definitions))
        definitions.apply(change)
    }
}
