// SPDX-License-Identifier: Apache-2.0

// The one place where the commands and the server meet: options go in, a running server comes out.

/// Starts a server and returns when it has stopped.
package struct ServerLauncher: Sendable {
    /// Told once, when the server listens, with the addresses that it was given.
    package typealias Listening = @Sendable ([ListenAddress]) -> Void

    /// Runs a server until it is told to stop by a signal; throws if it cannot start, or fails.
    package var run: @Sendable (ServeOptions, _ listening: @escaping Listening) async throws -> Void

    /// A way to start a server.
    package init(run: @escaping @Sendable (ServeOptions, @escaping Listening) async throws -> Void) {
        self.run = run
    }

    /// The server that is linked into this program.
    package static let linked = ServerLauncher { _, _ in
        throw Failure("this build of apus has no server", fix: "use a build that has the server module")
    }
}
