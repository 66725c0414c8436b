// SPDX-License-Identifier: Apache-2.0

// What cannot be taken back is asked for twice.

internal import ArgumentParser

/// `--yes`.
struct ConfirmationOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Do it without asking.")
    var yes = false

    /// Returns if the user wants it.
    ///
    /// - Throws: `Failure` if not, or if there is nobody to ask.
    func confirm(_ action: String, _ console: Console, session: Session = .current) async throws {
        if yes { return }
        guard session.input.isTerminal, console.isErrorTerminal else {
            throw Failure(
                "will not \(action) without being sure", why: "nobody is there to ask", fix: "--yes",
                status: .usage)
        }
        console.noteWithoutNewline("\(action)? [y/N] ")
        let answer = String(decoding: try await session.input.read(1024), as: UTF8.self).trimmed()
            .lowercased()
        guard answer == "y" || answer == "yes" else { throw Failure("nothing was done") }
    }
}
