// SPDX-License-Identifier: Apache-2.0

// The server about itself.

public import JSONText

/// What a verification of everything stored found.
public struct VerifyResult: Sendable, Hashable {
    /// Batches that were checked.
    public var batches: Int64
    /// Bytes that were checked.
    public var bytes: Int64
    /// What is damaged, for a person.
    public var damage: [String]
    /// The answer as it came.
    public var json: JSONValue

    init(_ json: JSONValue) throws(ApusClientError) {
        let fields = try JSONFields(json, "an answer to verify")
        batches = fields.optionalInteger("batches") ?? 0
        bytes = fields.optionalInteger("bytes") ?? 0
        damage = try fields.array("damage").map { $0.string ?? $0.description }
        self.json = json
    }
}

extension ApusClient {
    /// Version, uptime, counts and disk.
    public func status() async throws(ApusClientError) -> JSONValue {
        try await send(APIRequest(.get, "v1", "status")).json()
    }

    /// What the server is set to, with where each value is from.
    public func settings() async throws(ApusClientError) -> JSONValue {
        try await send(APIRequest(.get, "v1", "settings")).json()
    }

    /// What the server finds wrong with itself, as it comes.
    public func diagnosis() async throws(ApusClientError) -> JSONValue {
        try await send(APIRequest(.get, "v1", "diagnosis")).json()
    }

    /// Has the server check the checksums of every segment, which takes as long as reading all of them.
    public func verify(timeout: Duration = .seconds(3600)) async throws(ApusClientError) -> VerifyResult {
        var request = APIRequest(.post, "v1", "verify")
        request.timeout = timeout
        return try VerifyResult(try await send(request).json())
    }
}
