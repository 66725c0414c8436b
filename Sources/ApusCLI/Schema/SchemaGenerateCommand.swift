// SPDX-License-Identifier: Apache-2.0

// `apus schema generate`: code from a schema.

internal import ArgumentParser
internal import JSONText
internal import SwiftEventCode

extension SchemaCommand {
    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "generate", abstract: "Write code from a JSON Schema.",
            discussion: """
                EXAMPLES
                  apus schema generate swift order.json --name OrderPlaced --type com.shop.order.placed --topic orders
                """,
            subcommands: [Swift.self])
    }
}

extension SchemaCommand.Generate {
    struct Swift: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "swift", abstract: "Write an event struct of the Swift library.",
            discussion: """
                EXAMPLES
                  apus schema generate swift order.json --name OrderPlaced --type com.shop.order.placed --topic orders
                  apus schema generate swift order.json --name OrderPlaced --type com.shop.order.placed --topic orders \\
                    --key order_id --data-version 2 --check Sources/Shop/OrderPlaced.swift

                With --check nothing is printed: it ends with 1 if the file is not what would be written.
                """)

        @Argument(help: "A file with the schema (- for standard input).", completion: .file())
        var file: String

        @Option(help: ArgumentHelp("The name of the struct.", valueName: "name")) var name: String
        @Option(help: ArgumentHelp("The event's type on the wire.", valueName: "type")) var type: String
        @Option(help: ArgumentHelp("The event's topic.", valueName: "topic")) var topic: String
        @Option(help: ArgumentHelp("The member whose value is the event's key.", valueName: "member"))
        var key: String?
        @Option(help: ArgumentHelp("The version of the data (default 1).", valueName: "number"))
        var dataVersion = 1
        @Flag(help: "Write nothing as public.") var `internal` = false
        @Option(
            help: ArgumentHelp("A file that is to be in step with the schema.", valueName: "file"),
            completion: .file())
        var check: String?

        @OptionGroup var local: LocalOptions

        func run() async throws {
            let schema = try await JSONFile.read(file)
            var options = SwiftEventCode.Options(name: name, type: type, topic: topic)
            options.version = dataVersion
            options.key = key
            options.isPublic = !`internal`
            let text: String
            do throws(SwiftCodeError) {
                text = try SwiftEventCode.generate(schema, options: options)
            } catch {
                throw Failure("\(file) cannot become Swift code", why: error.description)
            }
            guard let check else { return local.console.write(Array(text.utf8)) }
            let written = try await InputSource.withFile(check) { try await $0.readAll(limit: 1 << 24) }
            // A licence or other remarks may stand before it.
            guard written.count >= text.utf8.count, written.suffix(text.utf8.count).elementsEqual(text.utf8)
            else {
                throw Failure(
                    "\(check) is not in step with \(file)",
                    fix: "write it anew with 'apus schema generate swift', without --check")
            }
        }
    }
}
