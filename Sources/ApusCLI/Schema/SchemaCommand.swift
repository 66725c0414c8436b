// SPDX-License-Identifier: Apache-2.0

// `apus schema`: schemas of events.

internal import ArgumentParser

/// `apus schema`.
struct SchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Compare and infer schemas, and write code from them.",
        discussion: """
            EXAMPLES
              apus schema compare order-1.json order-2.json --mode backward
              apus schema infer orders.ndjson
              apus schema generate swift order.json --name OrderPlaced --type com.shop.order.placed --topic orders
            """,
        subcommands: [Compare.self, Infer.self, Generate.self])
}
