// SPDX-License-Identifier: Apache-2.0

// What every BusTransport promises, as checks that any of them can be held against, in memory or over a network:
//
//     @Test(arguments: BusContract.all)
//     func `keeps the contract`(_ promise: BusContract.Promise) async throws {
//         try await promise.run(BusContract.Subject { try await MyTransport(...) })
//     }
//
// The broker may be shared and may have lived before: every run has names of its own. Waiting is by condition, up to `patience`.

public import ApusBus

/// The promises that every ``BusTransport`` keeps.
public enum BusContract {
    /// Why a transport does not keep the contract.
    public struct Violation: Error, CustomStringConvertible {
        /// What was expected and what happened.
        public let description: String
    }

    /// What is held against the contract.
    public struct Subject: Sendable {
        /// Opens a bus.
        public var open: @Sendable () async throws -> any BusTransport
        /// Opens the broker again after its bus was closed, with everything that it kept; nil where nothing is kept.
        public var reopen: (@Sendable () async throws -> any BusTransport)?
        /// How long to wait for what has to come before the promise counts as broken.
        public var patience: Duration

        /// A transport: how to open it, and how to open it again if it keeps what it was told.
        public init(
            patience: Duration = .seconds(60), reopen: (@Sendable () async throws -> any BusTransport)? = nil,
            open: @escaping @Sendable () async throws -> any BusTransport
        ) {
            self.open = open
            self.reopen = reopen
            self.patience = patience
        }
    }

    /// One named promise.
    public struct Promise: Sendable, CustomStringConvertible {
        /// What is promised, as a sentence.
        public let name: String
        /// Without which of these features there is no such promise.
        public let needs: Set<Feature>
        let body: @Sendable (Run) async throws -> Void

        init(_ name: String, needs: Feature..., body: @escaping @Sendable (Run) async throws -> Void) {
            self.name = name
            self.needs = Set(needs)
            self.body = body
        }

        /// In words, for reports.
        public var description: String { name }

        /// Holds a transport against the promise, if it has the features that the promise is about.
        ///
        /// - Returns: whether it has them.
        /// - Throws: ``Violation``, or what the transport threw and should not have.
        @discardableResult
        public func run(_ subject: Subject) async throws -> Bool {
            let bus = try await subject.open()
            guard needs.isSubset(of: bus.capabilities.features) else {
                await bus.close()
                return false
            }
            do {
                try await body(Run(bus: bus, subject: subject))
            } catch {
                await bus.close()
                throw error
            }
            await bus.close()
            return true
        }
    }

    /// All promises.
    public static let all: [Promise] =
        publishing + roundTrips + consuming + settling + leasing + ordering + filtering + starting
        + scheduling
        + replaying + routing + asking + transactions + refusing + ending
}
