// SPDX-License-Identifier: Apache-2.0

// Times as AWS writes them: compact in signatures, RFC 3339 in documents.

internal import CloudEvents

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

enum AWSTime {
    /// Seconds since 1970, by the clock on the wall.
    static var now: Int64 { Int64(time(nil)) }

    /// `YYYYMMDDTHHMMSSZ`.
    static func compact(_ seconds: Int64) -> String {
        let text = CloudEventTimestamp(secondsSinceEpoch: seconds)?.description ?? "19700101T000000Z"
        return text.filter { $0 != "-" && $0 != ":" }
    }

    /// Seconds since 1970 of an RFC 3339 time; nil for anything else.
    static func seconds(_ text: String) -> Int64? {
        CloudEventTimestamp(text)?.secondsSinceEpoch
    }
}
