// SPDX-License-Identifier: Apache-2.0

// `orders URL`: a shop on whichever broker the URL names. It places orders, some of which cannot be paid, and holds every one of them to its end: shipped,
// refused, or among the dead letters, exactly one of the three. Nothing in it knows what the broker is.

import Apus
import ApusTransports
import ArgumentParser
import Logging

@main
struct Orders: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orders",
        abstract: "A shop on the broker that a URL names; every order has to end exactly one way.")

    @Argument(help: "The broker: memory:, file:///folder, apus://host, amqp://host, aws://region…")
    var url = "memory:"

    @Option(help: "How many orders are placed.")
    var count = 100

    @Option(help: "How long all of them may take, in seconds.")
    var patience = 120

    func run() async throws {
        let bus = try await Bus.connect(
            url, transports: .every,
            options: .init(logger: Logger(label: "orders") { _ in SwiftLogNoOpLogHandler() }))
        let ledger = Ledger()
        let shop = try Shop(on: bus, paying: PaymentProvider(), noting: ledger)
        for consumer in shop.consumers { try await consumer.subscribe() }
        let run = String(UInt32.random(in: .min ... .max), radix: 36)
        let orders = (1...max(1, count)).map { number in
            OrderPlaced(orderID: "o-\(run)-\(number)", number: number, total: Double(number) + 0.5)
        }
        let isSound = try await withThrowingTaskGroup(of: Void.self, returning: Bool.self) { tasks in
            for consumer in shop.consumers { tasks.addTask { try await consumer.run() } }
            try await bus.publish(orders)
            let deadLettered = try await waitForEndings(of: orders, shop, ledger)
            for consumer in shop.consumers { consumer.stop() }
            try await tasks.waitForAll()
            // Only now nothing more can happen: an order that ends a second time does so before this.
            var endings = ledger.endings(of: orders.map(\.orderID))
            for order in deadLettered { endings[order]?.append(.deadLettered) }
            return report(orders, endings)
        }
        await bus.close()
        if !isSound { throw ExitCode(1) }
    }

    /// Waits until every order has ended, and says which are dead letters.
    private func waitForEndings(
        of orders: [OrderPlaced], _ shop: Shop, _ ledger: Ledger
    ) async throws -> [String] {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(patience)
        var endings: [String: [Ending]] = [:]
        var deadLettered: [String] = []
        repeat {
            try await Task.sleep(for: .milliseconds(250))
            endings = ledger.endings(of: orders.map(\.orderID))
            deadLettered = []
            // Dead letters are looked at when everything else has ended.
            let open = orders.filter { endings[$0.orderID]?.isEmpty ?? true }
            if open.allSatisfy({ PaymentProvider.isBroken($0.number) }) {
                for letter in try await shop.billing.deadLetters(limit: 10_000) {
                    if let order = letter.event.extensions[.partitionKey], endings[order] != nil {
                        endings[order]?.append(.deadLettered)
                        deadLettered.append(order)
                    }
                }
            }
        } while endings.values.contains(where: \.isEmpty) && clock.now < deadline
        return deadLettered
    }

    private func report(_ orders: [OrderPlaced], _ endings: [String: [Ending]]) -> Bool {
        for ending in Ending.allCases {
            print("\(ending.rawValue): \(endings.values.count { $0 == [ending] })")
        }
        var isSound = true
        for order in orders {
            let found = endings[order.orderID] ?? []
            if found.count != 1 {
                isSound = false
                print(
                    "\(order.orderID) ended \(found.count) ways: \(found.map(\.rawValue).joined(separator: ", "))"
                )
            } else if (found == [.deadLettered]) != PaymentProvider.isBroken(order.number) {
                isSound = false
                print("\(order.orderID) ended as \(found[0].rawValue)")
            }
        }
        print(
            isSound
                ? "all \(orders.count) orders ended exactly one way" : "NOT every order ended as it should")
        return isSound
    }
}
