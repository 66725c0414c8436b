// SPDX-License-Identifier: Apache-2.0

// A consumer, put together and checked: per topic the subscription to open and, for each kind of event, the way to its handler. Whatever is wrong with it, or
// asks for what the broker cannot do, is said here, before anything is consumed.

import ApusBus
import ApusRules
import CloudEvents

/// Why a consumer cannot be put together.
public enum AssemblyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// It asks for what the broker cannot do.
    case missing(MissingFeatures)
    /// Its parts do not fit together; says how.
    case invalid(String)

    public var description: String {
        switch self {
        case .missing(let features): features.description
        case .invalid(let reason): reason
        }
    }
}

/// The way of one kind of event to its handler.
final class HandlerRoute: Sendable {
    /// What is done with one event.
    struct Single: Sendable {
        /// All layers, and inside them decoding and the handler.
        let run: Middleware.Next
        /// How long `run` may take where no layers are around the handler, whose waiting would not count; nil where there are some, which look
        /// to the limit themselves, and where there is no limit.
        let limitAlone: Duration?
    }

    enum Body: Sendable {
        case single(Single)
        /// The batch of this number, among those of the topic.
        case batch(Int)
    }

    let body: Body
    let retry: RetryPolicy
    /// Looks at what the broker did not filter.
    let check: PatternCheck?
    let replies: Bool

    init(body: Body, retry: RetryPolicy, check: PatternCheck?, replies: Bool) {
        self.body = body
        self.retry = retry
        self.check = check
        self.replies = replies
    }
}

/// What is done with one topic.
struct TopicPlan: Sendable {
    var subscription: Subscription
    let routes: [String: [Int: HandlerRoute]]
    var batches: [Handle.Batch]
    /// The shortest time that a handler may take; nil when none has a limit.
    var shortestTimeout: Duration?
    /// The route for version 1 of the one type that is handled; nil when it is another version, or several types are handled.
    private let only: (type: String, route: HandlerRoute)?

    init(
        subscription: Subscription, routes: [String: [Int: HandlerRoute]], batches: [Handle.Batch],
        shortestTimeout: Duration?
    ) {
        self.subscription = subscription
        self.routes = routes
        self.batches = batches
        self.shortestTimeout = shortestTimeout
        only =
            routes.count == 1
            ? routes.first.flatMap { type, versions in versions[1].map { (type, $0) } } : nil
    }

    func route(for event: CloudEvent) throws(UnreadableEvent) -> HandlerRoute {
        // Most consumers have one: comparing it costs less than finding it.
        if let (type, route) = only, event.type == type, event.dataVersion == 1 { return route }
        guard let versions = routes[event.type] else { throw .unknownType(event.type) }
        let version = event.dataVersion
        guard let route = versions[version] else {
            throw .unknownVersion(type: event.type, version: version)
        }
        return route
    }
}

/// Puts a consumer together.
struct ConsumerAssembly {
    let bus: Bus
    let group: String
    let topic: String?
    let options: ConsumerOptions
    private var handles: [Handle] = []
    private var upcasters: [Upcaster] = []
    private var layers: [any Middleware] = []

    init(bus: Bus, group: String, topic: String?, options: ConsumerOptions, parts: [ConsumerPart]) {
        self.bus = bus
        self.group = group
        self.topic = topic
        self.options = options
        for part in parts {
            switch part {
            case .handle(let handle): handles.append(handle)
            case .upcaster(let upcaster): upcasters.append(upcaster)
            case .middleware(let layer): layers.append(layer)
            }
        }
    }

    func plans() throws(AssemblyError) -> [TopicPlan] {
        try check()
        do throws(MissingFeatures) { try bus.require(needs()) } catch { throw .missing(error) }
        var plans: [TopicPlan] = []
        var topics: [String] = []
        for handle in handles where !topics.contains(topic ?? handle.topic) {
            topics.append(topic ?? handle.topic)
        }
        if handles.isEmpty, let topic { topics = [topic] }
        for topic in topics {
            plans.append(try plan(topic, handles.filter { (self.topic ?? $0.topic) == topic }))
        }
        return plans
    }

    // MARK: Checks

    private func check() throws(AssemblyError) {
        guard !group.isEmpty else { throw .invalid("a consumer needs the name of a group") }
        guard (1...10_000).contains(options.concurrency) else {
            throw .invalid("concurrency has to be from 1 to 10,000, not \(options.concurrency)")
        }
        guard (1...1_000_000).contains(options.prefetchOrDefault) else {
            throw .invalid("prefetch has to be from 1 to 1,000,000, not \(options.prefetchOrDefault)")
        }
        guard options.lease > .zero else { throw .invalid("a lease has to be longer than nothing") }
        for policy in [options.retry] + handles.compactMap(\.retry)
        where policy.attemptsMax > RetryPolicy.attemptsLimit {
            throw .invalid(
                "an event is handled \(RetryPolicy.attemptsLimit) times at most, and not \(policy.attemptsMax)"
            )
        }
        if handles.isEmpty {
            guard topic != nil, options.selection == .everything, case .handle = options.unknown else {
                throw .invalid("a consumer needs a handler, or a topic and what to do with all events of it")
            }
        }
        if let id = options.transactions {
            guard !id.isEmpty else { throw .invalid("transactions need an id") }
            // It would note events as handled whose transaction is not made yet.
            guard options.inbox == nil else {
                throw .invalid("transactions make handling exactly once: an inbox has no place beside them")
            }
            guard !handles.contains(where: { if case .batch = $0.body { true } else { false } }) else {
                throw .invalid(
                    "transactions are of single events: give batch handlers a consumer of their own")
            }
        }
        if !layers.isEmpty, handles.contains(where: { if case .batch = $0.body { true } else { false } }) {
            throw .invalid(
                "middleware stands around single events: give batch handlers a consumer of their own")
        }
        for handle in handles {
            if case .batch = handle.body, !handle.layers.isEmpty {
                throw .invalid(
                    "middleware stands around single events, and \(handle.type) is handled in batches")
            }
            if handle.type.isEmpty || (topic ?? handle.topic).isEmpty {
                throw .invalid(
                    "events need a type and a topic; one of \(handle.type), \(handle.topic) is empty")
            }
        }
        if options.selection == .everything, handles.contains(where: { $0.filter?.place == .broker }) {
            throw .invalid(
                "a consumer of everything cannot filter in the broker, which would hold back the rest: evaluate in the client"
            )
        }
    }

    private func needs() -> [MissingFeatures.Need] {
        var needs: [MissingFeatures.Need] = []
        if options.ordering == .byKey {
            needs.append(.init(feature: .orderByKey, reason: "ordering: .byKey"))
        }
        if let id = options.transactions {
            needs.append(.init(feature: .transactions, reason: "transactions: \"\(id)\""))
        }
        if options.start == .earliest { needs.append(.init(feature: .replay, reason: "start: .earliest")) }
        if handles.contains(where: { ($0.retry ?? options.retry).waits }) {
            needs.append(.init(feature: .delayedRetry, reason: "a retry policy with waits"))
        }
        if handles.contains(where: { $0.filter?.place == .broker }) {
            needs.append(.init(feature: .filterByContent, reason: "a filter evaluated in the broker"))
        }
        return needs
    }

    // MARK: One topic

    private func plan(_ topic: String, _ handles: [Handle]) throws(AssemblyError) -> TopicPlan {
        var routes: [String: [Int: HandlerRoute]] = [:]
        var batches: [Handle.Batch] = []
        var timeouts: [Duration] = []
        var conditions: [String] = []
        var isFiltering = false
        for handle in handles {
            guard routes[handle.type]?[handle.version] == nil else {
                throw .invalid("two handlers for version \(handle.version) of \(handle.type)")
            }
            let limit: Duration? =
                switch handle.timeout {
                case .inherited: options.timeout
                case .own(let limit): limit
                }
            if let limit {
                guard limit > .zero else {
                    throw .invalid("a timeout of \(handle.type) is not longer than nothing")
                }
                if case .single = handle.body { timeouts.append(limit) }
            }
            let sources = chains(to: handle, handles)
            let types = Set([handle.type] + sources.compactMap(\.first?.from.type)).sorted()
            let (check, condition) = try filter(handle, types)
            conditions.append(condition)
            isFiltering = isFiltering || (handle.filter != nil && check == nil)
            let retry = handle.retry ?? options.retry
            switch handle.body {
            case .batch(var batch):
                batch.limit = limit
                routes[handle.type, default: [:]][handle.version] = HandlerRoute(
                    body: .batch(batches.count), retry: retry, check: check, replies: false)
                batches.append(batch)
            case .single(let single):
                for chain in [[]] + sources {
                    let kind = chain.first?.from ?? Upcaster.Kind(type: handle.type, version: handle.version)
                    routes[kind.type, default: [:]][kind.version] = HandlerRoute(
                        body: .single(self.single(around: single.after(chain), handle, limit)), retry: retry,
                        check: check, replies: single.replies)
                }
            }
        }
        let attemptsMax =
            handles.map { ($0.retry ?? options.retry).attemptsMax }.max() ?? options.retry.attemptsMax
        let prefetch = max(
            options.prefetchOrDefault, options.concurrency, (batches.map(\.size).max() ?? 0) * 2)
        let subscription = Subscription(
            group: group, topic: topic,
            types: options.selection == .everything ? nil : Set(routes.keys),
            pattern: isFiltering ? union(conditions) : nil,
            // Retries wait in their place: a copy elsewhere would not be of the transaction.
            ordering: options.transactions == nil ? options.ordering : .byKey, prefetch: prefetch,
            lease: options.lease, attemptsMax: attemptsMax, deadLetter: options.deadLetter,
            start: options.start)
        return TopicPlan(
            subscription: subscription, routes: routes, batches: batches, shortestTimeout: timeouts.min())
    }

    /// The layers around a handler: the consumer's, its own, and innermost the time that it may take.
    private func single(
        around handler: @escaping Middleware.Next, _ handle: Handle, _ limit: Duration?
    ) -> HandlerRoute.Single {
        let layers = layers + handle.layers
        guard !layers.isEmpty else { return HandlerRoute.Single(run: handler, limitAlone: limit) }
        guard let limit else {
            return HandlerRoute.Single(run: layers.chain(around: handler), limitAlone: nil)
        }
        let timed: Middleware.Next = { context in
            guard let slot = context.storage.slot else { return try await handler(context) }
            slot.begin(at: context.bus.clock.uptime, limit: limit, place: context.storage.place)
            do { try await handler(context) } catch {
                // The layers are told what it was, and not how it shows: whatever a handler makes of being cancelled.
                guard let limit = slot.end() else { throw error }
                throw HandlerTimeout(limit: limit)
            }
            slot.end()
        }
        return HandlerRoute.Single(run: layers.chain(around: timed), limitAlone: nil)
    }

    /// All chains of upcasters that end in what a handler takes, from kinds that no handler takes itself; the shortest from each.
    private func chains(to handle: Handle, _ handles: [Handle]) -> [[Upcaster]] {
        let handled = Set(handles.map { Upcaster.Kind(type: $0.type, version: $0.version) })
        var found: [[Upcaster]] = []
        var seen = handled
        var ends: [(kind: Upcaster.Kind, chain: [Upcaster])] = [
            (Upcaster.Kind(type: handle.type, version: handle.version), [])
        ]
        while let (kind, chain) = ends.first {
            ends.removeFirst()
            for upcaster in upcasters where upcaster.to == kind && seen.insert(upcaster.from).inserted {
                found.append([upcaster] + chain)
                ends.append((upcaster.from, [upcaster] + chain))
            }
        }
        return found
    }

    // MARK: Filters

    /// What this program has to look at, and what the broker may: one object of an event pattern for each handler.
    private func filter(
        _ handle: Handle, _ types: [String]
    ) throws(AssemblyError) -> (PatternCheck?, String) {
        let ofTypes = #"{"type":\#(PatternText.list(types))}"#
        guard let filter = handle.filter else { return (nil, ofTypes) }
        let pattern: Pattern
        do throws(BusError) { pattern = try PatternCheck.parse(try filter.pattern()) } catch {
            throw .invalid("the filter of \(handle.type): \(error)")
        }
        let isInBroker =
            filter.place == .broker
            || (filter.place == .either && options.selection == .handledTypes
                && bus.capabilities.features.contains(.filterByContent))
        guard isInBroker else { return (PatternCheck(pattern), ofTypes) }
        return (nil, #"{"$and":[\#(ofTypes),\#(pattern.text)]}"#)
    }

    private func union(_ conditions: [String]) -> String {
        conditions.count == 1 ? conditions[0] : #"{"$or":[\#(conditions.joined(separator: ","))]}"#
    }
}
