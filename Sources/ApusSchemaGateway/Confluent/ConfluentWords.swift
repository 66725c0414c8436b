// SPDX-License-Identifier: Apache-2.0

// Confluent's words for formats, compatibility and modes.

internal import ApusSchemas
internal import JSONSchemaEvolution

extension SchemaFormat {
    /// The format's name in Confluent's API, which has none for XML Schema.
    var confluentName: String {
        switch self {
        case .json: "JSON"
        case .avro: "AVRO"
        case .protobuf: "PROTOBUF"
        case .xsd: "XSD"
        }
    }

    /// The format of a `schemaType`; Avro where there is none.
    static func confluent(_ name: String?) -> SchemaFormat? {
        guard let name, !name.isEmpty else { return .avro }
        return allCases.first { $0.confluentName == name.uppercased() }
    }
}

extension SchemaCompatibility {
    /// The level's name in Confluent's API.
    var confluentName: String {
        switch self {
        case .none: "NONE"
        case .backward: "BACKWARD"
        case .backwardTransitive: "BACKWARD_TRANSITIVE"
        case .forward: "FORWARD"
        case .forwardTransitive: "FORWARD_TRANSITIVE"
        case .full: "FULL"
        case .fullTransitive: "FULL_TRANSITIVE"
        }
    }

    static func confluent(_ name: String) -> SchemaCompatibility? {
        allCases.first { $0.confluentName == name.uppercased() }
    }
}

extension SchemaMode {
    /// The mode's name in Confluent's API.
    var confluentName: String { rawValue.uppercased() }

    static func confluent(_ name: String) -> SchemaMode? {
        allCases.first { $0.confluentName == name.uppercased() }
    }
}
