// SPDX-License-Identifier: Apache-2.0

// The other direction: a schema from a Swift type, by what values of it become when they are encoded. Types say nothing of themselves when a
// program runs; samples do.

public import JSONSchemaEvolution
public import JSONText

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Schemas of Swift types.
public enum EventSchema {
    /// The schema of what the samples are encoded to.
    ///
    /// It knows what the samples show: give one with every optional set, and one with none, so that members that need not be there are found, and one
    /// for each case of an enumeration. Every sample is accepted by it.
    ///
    /// - Throws: what encoding a sample throws; `JSONError` if that is not JSON.
    public static func of(
        _ samples: [any Encodable], options: SchemaInference.Options = SchemaInference.Options()
    ) throws -> JSONValue {
        var inference = SchemaInference(options: options)
        let encoder = JSONEncoder()
        for sample in samples { inference.add(try JSONValue(parsing: [UInt8](encoder.encode(sample)))) }
        return inference.schema
    }
}
