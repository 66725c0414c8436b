// SPDX-License-Identifier: Apache-2.0

// `apus dev` and `apus serve`: the same server, for a desk and for a machine room.

internal import ApusModel
internal import ApusNetwork
internal import ApusServer
internal import ArgumentParser

/// `apus dev`.
struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev", abstract: "Start a server for development.",
        discussion: """
            EXAMPLES
              apus dev
              apus dev --listen 127.0.0.1:9000 --data ./events
              apus dev --listen 127.0.0.1:0 --port-file port.txt      any free port, for tests

            Listens on this machine only, keeps its data in your home folder, and makes topics when somebody publishes to
            them. Ctrl-C once finishes what is under way, twice ends at once.
            """)

    @OptionGroup var flags: ServeFlags

    func run() async throws {
        let session = Session.current
        let options = try await flags.resolved(isDevelopment: true)
        try await session.launcher.run(options) { addresses in
            for line in Greeting.lines(addresses, options: options, console: session.console) {
                session.console.note(line)
            }
        }
    }
}

/// `apus serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Start a server.",
        discussion: """
            EXAMPLES
              apus serve --data /var/lib/apus
              apus serve --listen 0.0.0.0:\(Defaults.port) --token-file /etc/apus/token
              apus serve --log-format json --log-level warning

            Refuses to listen beyond this machine without a token. The data folder is \(Defaults.dataDirectory) unless --data
            names another. SIGINT or SIGTERM once finishes what is under way, twice ends at once.
            """)

    @OptionGroup var flags: ServeFlags

    func run() async throws {
        let session = Session.current
        let options = try await flags.resolved(isDevelopment: false)
        try await session.launcher.run(options) { addresses in
            let list = addresses.http.map(\.description).joined(separator: ", ")
            let kafka = addresses.kafka.map(\.description).joined(separator: ", ")
            guard session.console.isErrorTerminal else { return }
            session.console.note(
                "apus listens on \(list)" + (kafka.isEmpty ? "" : ", for Kafka clients on \(kafka)"))
            if let page = addresses.dashboard { session.console.note("dashboard: \(page)") }
        }
    }
}

/// What `apus dev` says once it listens.
enum Greeting {
    /// Where the server is, and a few lines to copy.
    static func lines(_ addresses: ServerAddresses, options: ServeOptions, console: Console) -> [String] {
        guard let url = addresses.http.first?.url else { return [] }
        let token = options.token == nil ? "" : "-H \"authorization: Bearer $APUS_TOKEN\" "
        // Commands find the server by themselves where it is at its usual place.
        let environment = url == Defaults.url ? "" : "APUS_URL=\(url) "
        return [
            console.styled("apus", .bold) + " listens on \(url), data in \(options.dataDirectory)",
            "",
            "  dashboard  \(addresses.dashboard ?? url)",
            "  publish    curl \(url)/v1/topics/orders/events \(token)-H 'content-type: application/json' -d '{\"id\": 1}'",
            "  watch      \(environment)apus tail orders --from earliest",
            "  subscribe  \(environment)apus subscription create billing --topic orders",
        ] + addresses.kafka.prefix(1).map { "  kafka      kcat -b \($0) -t orders -C -o beginning" } + [""]
    }
}
