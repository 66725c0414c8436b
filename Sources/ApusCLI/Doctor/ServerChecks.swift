// SPDX-License-Identifier: Apache-2.0

// What `apus doctor` asks a running server.

internal import ApusClient
internal import JSONText

/// Checks that a server makes of itself.
enum ServerChecks {
    /// What the server finds wrong with itself.
    static func diagnosis(_ client: ApusClient) async throws(ApusClientError) -> [Check] {
        try checks(of: try await client.diagnosis())
    }

    /// The checks of a diagnosis.
    static func checks(of diagnosis: JSONValue) throws(ApusClientError) -> [Check] {
        guard let findings = diagnosis["findings"]?.array else {
            throw ApusClientError(
                .unexpectedAnswer, what: "the server's diagnosis has no findings",
                hint: "check that the server's version fits this program's")
        }
        guard !findings.isEmpty else {
            return [Check("diagnosis", .ok, "the server finds nothing that needs attention")]
        }
        return findings.map(check)
    }

    private static func check(_ finding: JSONValue) -> Check {
        let verdict: Check.Verdict =
            switch finding["severity"]?.string {
            case "error": .fail
            case "warning": .warn
            default: .ok
            }
        return Check(
            finding["subject"]?.string ?? "diagnosis", verdict,
            finding["finding"]?.string ?? finding.description,
            fix: finding["hint"]?.string)
    }

    /// Whether everything stored is as it was written.
    static func verify(_ client: ApusClient) async throws(ApusClientError) -> [Check] {
        judge(try await client.verify())
    }

    /// What a verification means.
    static func judge(_ result: VerifyResult) -> [Check] {
        let what =
            "\(Decimal.grouped(result.batches)) batches (\(SizeText.format(Int(result.bytes)))) were checked"
        guard !result.damage.isEmpty else { return [Check("checksums", .ok, "\(what), none is damaged")] }
        return result.damage.map { damage in
            Check(
                "checksums", .fail, damage, why: "the disk or the memory changed what was written",
                fix:
                    "readers skip the damaged batch; restore it from a copy, and check disk (smartctl) and memory"
            )
        }
    }

    /// What it means that the server could not be asked.
    static func failure(_ name: String, _ error: ApusClientError) -> Check {
        Check(name, .fail, error.what, why: error.why, fix: error.hint)
    }
}
