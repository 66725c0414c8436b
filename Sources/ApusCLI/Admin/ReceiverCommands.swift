// SPDX-License-Identifier: Apache-2.0

// `apus subscription test`, `rotate-secret` and `retire-secrets`: the receiver of a subscription that pushes.

internal import ApusClient
internal import ArgumentParser
internal import JSONText

/// `apus subscription test`.
struct PushTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Send one event to where a subscription pushes, and see the answer.",
        discussion: """
            EXAMPLES
              apus subscription test hooks
              apus subscription test hooks --event order.json

            Sends an event of type apus.test, or the one of --event. Nothing is stored or counted, and it goes although the subscription is paused or its receiver is left alone; to an outside broker it is really published. Shows what was sent and what came back, secrets masked. Ends with 0 if the receiver took it and with 1 otherwise.
            """)

    @Argument(help: "The subscription.") var name: String

    @Option(help: "A file with the event in the JSON format (- for standard input).", completion: .file())
    var event: String?

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        var document: JSONValue?
        if let event { document = try await JSONFile.read(event) }
        let sent = document
        let answer = try await global.withClient { try await $0.testPush(name, event: sent) }
        let isDelivered = answer["outcome"]?.string == "delivered"
        global.show(answer) {
            let text = TraceText.AttemptText(answer)
            let verdict = Console.printable("\(name): \(text.verdict)")
            return [global.console.styled(verdict, isDelivered ? .green : .red)]
                + TraceText.AttemptText.details(answer.object ?? JSONObject()).map {
                    "  " + Console.printable($0)
                }
        }
        if !isDelivered { throw ExitCode(CommandStatus.failure.rawValue) }
    }
}

/// `apus subscription rotate-secret`.
struct RotateSecretCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-secret", abstract: "Make a new secret, and sign with it beside the old ones.",
        discussion: """
            EXAMPLES
              apus subscription rotate-secret hooks > hook.secret

            Prints the new secret, which cannot be seen again. From now on each request has a signature by it and one by each of those before, the last three at most. When the receiver knows it: apus subscription retire-secrets hooks.
            """)

    @Argument(help: "The subscription.") var name: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let (secret, inUse) = try await global.withClient { try await $0.rotateSecret(name) }
        global.show(
            [
                "subscription": .string(name), "secret": .string(secret),
                "secrets": .array(inUse.map { .string($0) }),
            ]
        ) { [secret] }
        guard !global.json else { return }
        global.console.note(
            "requests of subscription \(name) are signed with \(inUse.joined(separator: ", "))")
        if inUse.count > 1 {
            global.console.note(
                "when its receiver knows the new one: apus subscription retire-secrets \(name)")
        }
    }
}

/// `apus subscription retire-secrets`.
struct RetireSecretsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire-secrets", abstract: "Sign with the newest secret alone.",
        discussion: """
            EXAMPLES
              apus subscription retire-secrets hooks
            """)

    @Argument(help: "The subscription.") var name: String
    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let inUse = try await global.withClient { try await $0.retireSecrets(name) }
        global.show(["subscription": .string(name), "secrets": .array(inUse.map { .string($0) })]) {
            [
                inUse.isEmpty
                    ? "subscription \(name) has no secret: its requests are not signed"
                    : "requests of subscription \(name) are signed with \(inUse.joined(separator: ", "))"
            ]
        }
    }
}
