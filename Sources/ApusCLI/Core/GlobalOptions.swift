// SPDX-License-Identifier: Apache-2.0

// Options that every command that talks to a server has, and what they and the environment amount to.

internal import ApusClient
internal import ApusModel
internal import ArgumentParser
internal import JSONText

/// Which server, as whom, and in what form the answer is wanted.
struct GlobalOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The server's address (env APUS_URL; default \(Defaults.url)).", valueName: "url"))
    var url: String?

    @Option(
        help: ArgumentHelp(
            "A file that holds the token (the token itself: env APUS_TOKEN).", valueName: "file"))
    var tokenFile: String?

    @Flag(help: "Print JSON, in the form that docs/cli.md describes.")
    var json = false

    @Flag(help: "No colours (as with env NO_COLOR).")
    var noColor = false

    @Option(
        help: ArgumentHelp("How long to wait for an answer (default 30s).", valueName: "duration"),
        transform: Parse.duration)
    var timeout: Duration?

    /// The console of the session, without colours if so wanted.
    var console: Console {
        var console = Session.current.console
        if noColor { console.usesColor = false }
        return console
    }

    /// How to reach the server: options before environment before defaults.
    func clientConfiguration(connections: Int = 8) async throws -> ApusClientConfiguration {
        let variables = Session.current.variables
        let address = url ?? variables["APUS_URL"].flatMap { $0.isEmpty ? nil : $0 } ?? Defaults.url
        guard address.hasPrefix("http://") || address.hasPrefix("https://") else {
            throw Failure(
                "'\(address)' is not the address of a server", fix: "write it as http://127.0.0.1:8222",
                status: .usage)
        }
        return ApusClientConfiguration(
            url: address, token: try await Token.find(file: tokenFile, variables: variables),
            requestTimeout: timeout ?? Defaults.commandTimeout, connections: connections)
    }

    /// Runs `body` with a client of the server, and turns its errors into failures.
    func withClient<Result: Sendable>(
        connections: Int = 8, _ body: (ApusClient) async throws -> Result
    ) async throws -> Result {
        let configuration = try await clientConfiguration(connections: connections)
        do {
            return try await ApusClient.run(configuration, body)
        } catch let error as ApusClientError {
            throw Failure(error)
        }
    }

    /// Prints an answer: as JSON if so wanted, otherwise as `text` tells it.
    func show(_ json: JSONValue, _ text: () -> [String]) {
        if self.json {
            console.print(json.description)
        } else {
            for line in text() { console.print(line) }
        }
    }

    /// Prints a table, or a remark where it would be empty.
    func show(_ table: Table, empty remark: String) {
        if table.isEmpty {
            console.note(remark)
        } else {
            for line in table.lines(on: console) { console.print(line) }
        }
    }
}

/// Tokens come from files and from the environment; a token on a command line would be seen by everybody on the machine.
enum Token {
    private static let bytesMax = 4096

    /// The token of a file, or of the environment; nil if there is none.
    static func find(file: String?, variables: [String: String]) async throws -> String? {
        guard let file else { return variables["APUS_TOKEN"].flatMap { $0.isEmpty ? nil : $0 } }
        let bytes = try await InputSource.withFile(file) { try await $0.readAll(limit: bytesMax) }
        let token = String(decoding: bytes, as: UTF8.self).trimmed()
        guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Failure(
                "\(file) holds no token", why: "a token is one line of printable ASCII without spaces",
                status: .usage)
        }
        return token
    }
}

extension String {
    /// Without white space at both ends.
    func trimmed() -> String {
        guard let first = firstIndex(where: { !$0.isWhitespace }),
            let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
