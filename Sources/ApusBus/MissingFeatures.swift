// SPDX-License-Identifier: Apache-2.0

// What a program asks for and its broker lacks, told with who would have it, so that the answer is in the error.

/// Features that are asked for and that the broker lacks.
public struct MissingFeatures: Error, Sendable, Hashable, CustomStringConvertible {
    /// A feature, and what asks for it.
    public struct Need: Sendable, Hashable {
        /// What is lacking.
        public var feature: Feature
        /// What asks for it, as the program wrote it; nil when that is the call that fails.
        public var reason: String?

        /// A feature, and what asks for it.
        public init(feature: Feature, reason: String? = nil) {
            self.feature = feature
            self.reason = reason
        }
    }

    /// The broker, by its URL scheme.
    public var transport: String
    /// What it lacks.
    public var needs: [Need]
    /// The linked-in transports that have all of it, by URL scheme, with the setting that it takes; nil when it is not known which are linked in.
    public var alternatives: [String]?

    /// Features that are asked for and that the broker lacks.
    public init(transport: String, needs: [Need], alternatives: [String]? = nil) {
        self.transport = transport
        self.needs = needs
        self.alternatives = alternatives
    }

    public var description: String {
        let lacks = needs.map { need in
            need.reason.map { "\(need.feature.title) (\($0))" } ?? need.feature.title
        }.joined(separator: ", ")
        guard let alternatives else { return "\(transport): cannot do \(lacks)" }
        let others =
            alternatives.isEmpty
            ? "none of the transports linked in has that"
            : "these have: \(alternatives.joined(separator: ", "))"
        return "\(transport): cannot do \(lacks); \(others)"
    }
}
