// SPDX-License-Identifier: Apache-2.0

// `apus schema`: schemas of events, those of a server and those in files.

internal import ArgumentParser

/// `apus schema`.
struct SchemaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Register, check and compare schemas, infer them, and write code from them.",
        discussion: """
            EXAMPLES
              apus schema put orders-value order.json
              apus schema check orders-value order.json
              apus schema config orders-value --compatibility fullTransitive
              apus topic set orders --schema enforce
              apus schema compare order-1.json order-2.json --mode backward
              apus schema infer orders.ndjson
              apus schema generate swift order.json --name OrderPlaced --type com.shop.order.placed --topic orders
            """,
        subcommands: [
            Put.self, List.self, Show.self, Versions.self, Check.self, Config.self, Delete.self,
            Compare.self, Infer.self, Generate.self,
        ], aliases: ["schemas"])
}
