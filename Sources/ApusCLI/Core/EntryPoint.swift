// SPDX-License-Identifier: Apache-2.0

// From the command line to an exit status: parse, run, and say what went wrong in one form.

internal import ArgumentParser
internal import JSONText

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The commands of `apus`.
public enum ApusCLI {
    /// Runs the process's command line and ends the process.
    public static func main() async -> Never {
        exit(await run(Array(CommandLine.arguments.dropFirst()), session: .process).rawValue)
    }

    /// Runs a command line, without the program's name, in a session.
    package static func run(_ arguments: [String], session: Session) async -> CommandStatus {
        var session = session
        session.arguments = arguments
        return await Session.$current.withValue(session) {
            let report = ErrorReport(console: session.console, asJSON: arguments.contains("--json"))
            if arguments.prefix(2) == ["help", "exit-codes"] {
                session.console.print(exitCodesHelp)
                return .ok
            }
            // The parser answers `help` for a word that is no command with the help of all.
            if arguments.first == "help",
                let typo = CommandLineRewriter.unknownCommand(Array(arguments.dropFirst()))
            {
                return report.show(Failure(typo), arguments: arguments)
            }
            do {
                var command = try ApusCommand.parseAsRoot(CommandLineRewriter.hoistOptions(arguments))
                if var asynchronous = command as? any AsyncParsableCommand {
                    try await asynchronous.run()
                } else {
                    try command.run()
                }
                return .ok
            } catch {
                return report.show(error, arguments: arguments)
            }
        }
    }

    /// What `apus help exit-codes` prints.
    package static var exitCodesHelp: String {
        let lines = CommandStatus.allCases.map { status in
            let number = String(status.rawValue)
            return String(repeating: " ", count: 5 - number.count) + number + "  " + status.meaning
        }
        return (["EXIT CODES"] + lines).joined(separator: "\n")
    }
}

extension Failure {
    /// What a mistyped command means.
    fileprivate init(_ typo: CommandLineRewriter.UnknownCommand) {
        self.init(
            "there is no command '\(typo.word)'", why: typo.suggestion.map { "did you mean '\($0)'?" },
            fix: "\(typo.parent) --help", status: .usage)
    }
}

/// Tells the user why a command did not do its work.
struct ErrorReport {
    let console: Console
    let asJSON: Bool

    /// Shows the error and returns how the command ends.
    func show(_ error: any Error, arguments: [String]) -> CommandStatus {
        switch error {
        case let failure as Failure: return show(failure)
        case is CancellationError: return show(Failure("interrupted", status: .interrupted))
        case let exit as ExitCode: return CommandStatus(rawValue: exit.rawValue) ?? .failure
        default: break
        }
        if ApusCommand.exitCode(for: error).isSuccess {
            console.print(ApusCommand.fullMessage(for: error))  // help and version are thrown, too
            return .ok
        }
        guard Self.isAboutUsage(error) else {
            return show(Failure(String(describing: error)))
        }
        return show(usageFailure(error, arguments))
    }

    private static func isAboutUsage(_ error: any Error) -> Bool {
        ApusCommand.exitCode(for: error) == .validationFailure
    }

    private func usageFailure(_ error: any Error, _ arguments: [String]) -> Failure {
        if let typo = CommandLineRewriter.unknownCommand(arguments) {
            return Failure(typo)
        }
        let message = ApusCommand.message(for: error)
        let path = CommandLineRewriter.commandPath(arguments).joined(separator: " ")
        return Failure(message, fix: "\(path) --help", status: .usage)
    }

    private func show(_ failure: Failure) -> CommandStatus {
        if asJSON {
            var object = JSONObject()
            object["what"] = .string(failure.what)
            object["why"] = failure.why.map { .string($0) }
            object["fix"] = failure.fix.map { .string($0) }
            object["exit"] = .number(JSONNumber(failure.status.rawValue))
            console.note((["error": .object(object)] as JSONValue).description)
        } else {
            for line in Self.lines(failure, console) { console.note(line) }
        }
        return failure.status
    }

    private static func lines(_ failure: Failure, _ console: Console) -> [String] {
        var lines = [console.styled("error:", .red) + " " + Console.printable(failure.what)]
        if let why = failure.why { lines.append("  why: " + Console.printable(why)) }
        if let fix = failure.fix { lines.append("  try: " + Console.printable(fix)) }
        return lines
    }
}
