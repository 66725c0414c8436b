// SPDX-License-Identifier: Apache-2.0

// What a command finds around itself: environment variables, console, standard input, the server it can start. A task-local
// value, because swift-argument-parser makes the commands and gives no way to hand them anything; tests put in their own.

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The surroundings of one run of a command.
package struct Session: Sendable {
    /// The surroundings of the command that is running in this task.
    @TaskLocal package static var current = Session.process

    /// The words of the command line, without the program's name.
    package var arguments: [String] = []
    /// Environment variables.
    package var variables: [String: String]
    /// Where to write.
    package var console: Console
    /// Standard input.
    package var input: InputSource
    /// How `dev` and `serve` become a server.
    package var launcher: ServerLauncher
    /// What `doctor` measures.
    package var probes: DoctorProbes

    /// The surroundings of a command.
    package init(
        variables: [String: String], console: Console, input: InputSource, launcher: ServerLauncher,
        probes: DoctorProbes
    ) {
        self.variables = variables
        self.console = console
        self.input = input
        self.launcher = launcher
        self.probes = probes
    }

    /// The process's own.
    package static let process: Session = {
        let variables = environment()
        return Session(
            variables: variables, console: .process(variables: variables), input: .standardInput,
            launcher: .linked, probes: .system)
    }()

    private static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let pointer = entry.pointee {
            let text = String(cString: pointer)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            entry = entry.advanced(by: 1)
        }
        return variables
    }
}
