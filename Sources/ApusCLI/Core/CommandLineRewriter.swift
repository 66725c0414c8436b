// SPDX-License-Identifier: Apache-2.0

// Two things that swift-argument-parser does not do: options that belong to all commands may stand before the command
// (`apus --url U topic list`), and a mistyped command gets a suggestion.

import ApusModel
internal import ArgumentParser

/// Looks at a command line beside the parser.
enum CommandLineRewriter {
    /// A word that stands where a command should.
    struct UnknownCommand: Equatable {
        /// The word.
        var word: String
        /// The command before it, as it is typed.
        var parent: String
        /// What was probably meant.
        var suggestion: String?
    }

    private static let globalFlags: Set<String> = ["--json", "--no-color"]
    private static let globalOptions: Set<String> = ["--url", "--token-file", "--timeout"]

    /// The arguments with options of all commands moved behind the words that name the command.
    static func hoistOptions(_ arguments: [String]) -> [String] {
        let (moved, rest) = takeOptions(arguments)
        guard !moved.isEmpty else { return arguments }
        let depth = walk(rest).path.count - 1
        return rest.prefix(depth) + moved + rest.dropFirst(depth)
    }

    /// Options of all commands at the beginning of the line, and what follows them.
    private static func takeOptions(_ arguments: [String]) -> (options: [String], rest: [String]) {
        var moved: [String] = []
        var rest = arguments[...]
        while let first = rest.first {
            let name = String(first.prefix { $0 != "=" })
            if globalFlags.contains(first) || (globalOptions.contains(name) && name != first) {
                moved.append(first)
                rest = rest.dropFirst()
            } else if globalOptions.contains(first), rest.count > 1 {
                moved += rest.prefix(2)
                rest = rest.dropFirst(2)
            } else {
                break
            }
        }
        return (moved, Array(rest))
    }

    /// The words that name the command, beginning with `apus`.
    static func commandPath(_ arguments: [String]) -> [String] {
        walk(takeOptions(arguments).rest).path
    }

    /// The word that was meant as a command and is none; nil if the command line is wrong in another way.
    static func unknownCommand(_ arguments: [String]) -> UnknownCommand? {
        let arguments = takeOptions(arguments).rest
        let (path, subcommands) = walk(arguments)
        guard !subcommands.isEmpty, let word = arguments.dropFirst(path.count - 1).first,
            !word.hasPrefix("-"), word != "help"
        else { return nil }
        return UnknownCommand(
            word: word, parent: path.joined(separator: " "),
            suggestion: Suggestions.nearest(to: word, among: subcommands.map(name)))
    }

    /// Follows the words as far as they name commands.
    private static func walk(
        _ arguments: [String]
    ) -> (path: [String], subcommands: [any ParsableCommand.Type]) {
        var path = ["apus"]
        var subcommands = ApusCommand.configuration.subcommands
        for word in arguments {
            guard let next = subcommands.first(where: { answers($0, to: word) }) else { break }
            path.append(word)
            subcommands = next.configuration.subcommands
        }
        return (path, subcommands)
    }

    private static func answers(_ command: any ParsableCommand.Type, to word: String) -> Bool {
        name(command) == word || command.configuration.aliases.contains(word)
    }

    private static func name(_ command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? ""
    }
}
