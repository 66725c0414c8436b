// SPDX-License-Identifier: Apache-2.0

// What a server is set to, as it tells: each value by the name of its option, with where it is from.

/// One thing that a server is set to.
public struct ServerSetting: Sendable, Hashable {
    /// Where a value is from.
    public enum Origin: String, Sendable, Hashable, CaseIterable {
        /// It was given on the command line.
        case flag
        /// It follows from variables or limits that the process has from its surroundings.
        case environment
        /// Nobody said anything else.
        case `default`
    }

    /// The name of its option without dashes, such as `journal-size`.
    public var name: String
    /// The value that counts, as the option takes it; nil for none. Never a secret.
    public var value: String?
    /// Where it is from.
    public var origin: Origin

    /// A setting.
    public init(_ name: String, _ value: String?, _ origin: Origin = .default) {
        self.name = name
        self.value = value
        self.origin = origin
    }
}
