// SPDX-License-Identifier: Apache-2.0

// Runs whole command lines and catches what they write.

import ApusCLI
import Synchronization

/// What a command did.
struct CommandOutcome: Sendable {
    var status: CommandStatus
    var output: String
    var errors: String
}

/// Runs command lines in surroundings of the test's choice.
enum Command {
    /// Runs a command line, without the program's name.
    static func run(
        _ arguments: [String], input: String = "", variables: [String: String] = [:],
        launcher: ServerLauncher = ServerLauncher { _, _ in }, probes: DoctorProbes = .healthy
    ) async -> CommandOutcome {
        let written = Written()
        let console = Console { stream, bytes in written.append(bytes, to: stream) }
        let rest = Mutex(Array(input.utf8)[...])
        let source = InputSource { count in
            rest.withLock { rest in
                defer { rest = rest.dropFirst(count) }
                return Array(rest.prefix(count))
            }
        }
        let session = Session(
            variables: variables, console: console, input: source, launcher: launcher, probes: probes)
        let status = await ApusCLI.run(arguments, session: session)
        return CommandOutcome(status: status, output: written.text(.output), errors: written.text(.error))
    }
}

/// What went to the two streams.
final class Written: Sendable {
    private let streams = Mutex<(output: [UInt8], error: [UInt8])>(([], []))

    func append(_ bytes: [UInt8], to stream: Console.Stream) {
        streams.withLock { streams in
            switch stream {
            case .output: streams.output += bytes
            case .error: streams.error += bytes
            }
        }
    }

    func text(_ stream: Console.Stream) -> String {
        streams.withLock { String(decoding: stream == .output ? $0.output : $0.error, as: UTF8.self) }
    }
}

extension DoctorProbes {
    /// A machine with nothing wrong.
    static let healthy = {
        var probes = DoctorProbes(
            writability: { ($0, nil) }, flush: { _ in .microseconds(250) },
            space: { _ in (100 << 30, 200 << 30) },
            openFiles: { 65_536 }, answers: { _ in false }, now: { 1_795_000_000 }, lastChange: { _ in nil })
        probes.hasXMLSchema = { true }
        return probes
    }()
}

extension Console {
    /// A console without colours that keeps nothing.
    static let plain = Console { _, _ in }
}
