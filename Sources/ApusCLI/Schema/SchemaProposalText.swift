// SPDX-License-Identifier: Apache-2.0

// What a server proposes from a topic's events: the schema as data, everything else as remarks.

internal import JSONText

/// A proposal as a command tells it.
enum SchemaProposalText {
    /// Prints the schema, and says what was found.
    ///
    /// - Throws: ``Failure`` when there are documents that the current schema refuses and nothing can be proposed that breaks no reader.
    static func show(_ proposal: JSONValue, _ global: GlobalOptions) throws {
        let console = global.console
        let (documents, refused) = (proposal["documents"]?.int64 ?? 0, proposal["refused"]?.int64 ?? 0)
        guard documents > 0 else {
            throw Failure(
                "there are no documents to make a schema of",
                why:
                    "\(proposal["looked"]?.int64 ?? 0) events were looked at, and none of them has data in JSON"
            )
        }
        let types = (proposal["types"]?.array ?? []).compactMap { $0["type"]?.string }
        console.note("\(documents) documents of type \(types.joined(separator: ", "))")
        if types.count > 1, proposal["type"]?.string == nil {
            console.note("they are of several types: --type makes a schema of one")
        }
        if proposal["truncated"]?.bool == true {
            console.note("the documents are too large or too deep: the schema says nothing of some places")
        }
        let subject = proposal["subject"]?.string ?? ""
        if let version = proposal["current"]?["version"]?.int64 {
            console.note("\(refused) of them are not accepted by version \(version) of \(subject)")
            for drift in proposal["drift"]?.array ?? [] {
                let (path, message) = (drift["path"]?.string ?? "", drift["message"]?.string ?? "")
                let count = drift["count"]?.int64 ?? 0
                console.note("  \(path.isEmpty ? "" : "\(path): ")\(message) (\(count) times)")
            }
            if let unexplained = proposal["unexplained"]?.int64, unexplained > 0 {
                console.note("\(unexplained) of them break rules that are not widened")
            }
        }
        if let report = proposal["compatibility"], report != .null {
            let mode = report["compatibility"]?.string ?? ""
            let verdict = report["compatible"]?.bool == true ? "compatible" : "not compatible"
            console.note("the new version is \(verdict) (\(mode)) with \(subject)")
            for difference in report["differences"]?.array ?? [] {
                console.note("  \(difference["path"]?.string ?? ""): \(difference["message"]?.string ?? "")")
            }
        }
        if let schema = proposal["schema"], schema != .null {
            console.write(schema.serialized(pretty: !global.json) + [0x0A])
        } else if refused > 0 {
            throw Failure(
                "no new version can be proposed", why: "none was found that certainly breaks no reader")
        }
    }
}
