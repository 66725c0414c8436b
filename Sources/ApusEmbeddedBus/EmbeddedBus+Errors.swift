// SPDX-License-Identifier: Apache-2.0

// What the engine says, as programs are told.

import ApusBus
import ApusEngine
import ApusModel
import ApusStorage

extension BusError {
    /// What a refusal of the engine means to a program.
    init(_ error: BrokerError, durability: ApusBus.Durability = .memory) {
        switch error {
        case .unknownTopic(let name): self = .unknown("topic '\(name)'")
        case .unknownPartition(let name, let number):
            self = .unknown("partition \(number) of topic '\(name)'")
        case .unknownSubscription(let name): self = .unknown("subscription '\(name)'")
        case .unknownRule(let name): self = .unknown("rule '\(name)'")
        case .unknownSchedule(let name): self = .unknown("recurring event '\(name)'")
        case .unknownConnection(let name): self = .unknown("connection '\(name)'")
        case .unknownFeed(let name): self = .unknown("feed '\(name)'")
        case .unknownWaitingEvent(let id): self = .unknown("event '\(id.prefix(80))' that waits for its time")
        case .conflict(let reason), .invalid(let reason): self = .invalid(reason)
        case .tooLarge(let bytes, let limit): self = .tooLarge(bytes: bytes, limit: limit)
        case .trimmed(let start): self = .trimmed(start: start.rawValue)
        case .beyondEnd, .corrupt, .storage, .violations: self = .refused("\(error)")
        case .unavailable(.stopping): self = .closed
        case .unavailable(.undecided): self = .undecided("\(error)")
        case .unavailable: self = .unavailable("\(error)")
        case .partial(let results):
            self = .partial(
                results.map { result in
                    result.map { receipt in
                        Receipt(
                            topic: receipt.topic.description, partition: receipt.partition,
                            offset: receipt.offset.rawValue, durability: durability,
                            isDuplicate: receipt.isDuplicate)
                    }.mapError { Failure(reason: $0.reason, isRetryable: true) }
                })
        }
    }

    /// Why a bus could not be opened.
    init(opening what: String, _ error: LogError) {
        switch error {
        case .failed(let reason), .undecided(let reason):
            self = .unavailable("\(what) cannot be opened: \(reason)")
        case .diskFull: self = .unavailable("\(what) cannot be opened: the disk is full")
        case .corrupt(let log, let offset, _, let reason):
            self = .refused("\(what) cannot be opened: log \(log) is damaged at offset \(offset): \(reason)")
        case .trimmed, .beyondEnd, .overloaded, .closed, .tooLarge, .unknownLog, .fenced:
            self = .refused("\(what) cannot be opened: \(error)")
        }
    }
}
