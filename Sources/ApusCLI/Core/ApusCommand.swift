// SPDX-License-Identifier: Apache-2.0

// The tree of commands.

internal import ArgumentParser

/// The version of this build.
package enum Version {
    /// As `apus --version` prints it.
    package static let text = "0.1.0"
}

/// `apus`.
struct ApusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "An event bus in one binary.",
        discussion: """
            EXAMPLES
              apus dev                                     start a server for development
              apus publish orders '{"id": 1}'              publish an event
              apus tail orders --from earliest             see events arrive
              apus subscription create billing --topic orders
              apus receive billing --ack                   take events off a subscription
              apus rule set vip --topic orders --pattern '{"type": ["vip"]}' --to-topic vip
              apus doctor                                  find out what is wrong

            'apus help exit-codes' lists what scripts can test; docs/cli.md has an example for every command.
            """,
        version: Version.text,
        groupedSubcommands: [
            CommandGroup(name: "Server:", subcommands: [DevCommand.self, ServeCommand.self]),
            CommandGroup(
                name: "Events:",
                subcommands: [
                    PublishCommand.self, TailCommand.self, GetCommand.self, ReceiveCommand.self,
                    ReplayCommand.self, TraceCommand.self,
                ]),
            CommandGroup(
                name: "Administration:",
                subcommands: [
                    TopicCommand.self, SubscriptionCommand.self, RuleCommand.self, DeadLetterCommand.self,
                    ScheduleCommand.self, DelayedCommand.self, GroupCommand.self,
                    ConnectionCommand.self, FeedCommand.self, ClientCommand.self,
                ]),
            CommandGroup(
                name: "Schemas:",
                subcommands: [SchemaCommand.self, EventCommand.self, AsyncAPICommand.self]),
            CommandGroup(
                name: "Health:",
                subcommands: [
                    StatusCommand.self, TopCommand.self, ExplainCommand.self, DoctorCommand.self,
                    BenchCommand.self,
                ]),
            CommandGroup(
                name: "Shell:", subcommands: [CompletionsCommand.self]),
        ])
}

/// `apus completions`.
struct CompletionsCommand: ParsableCommand {
    /// Shells that there are scripts for.
    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish
    }

    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print a script that completes commands in your shell.",
        discussion: """
            EXAMPLES
              apus completions bash > ~/.local/share/bash-completion/completions/apus
              apus completions zsh > ~/.zfunc/_apus
              apus completions fish > ~/.config/fish/completions/apus.fish
            """)

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() {
        let shell: CompletionShell =
            switch self.shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        Session.current.console.print(ApusCommand.completionScript(for: shell))
    }
}
