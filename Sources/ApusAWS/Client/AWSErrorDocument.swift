// SPDX-License-Identifier: Apache-2.0

// Errors as services write them: JSON with `__type` and `message`, or XML with `Code` and `Message`.

internal import JSONText

enum AWSErrorDocument {
    /// The error that an answer tells.
    ///
    /// - Parameter queryError: `x-amzn-query-error`, by which SQS gives the code that its older clients know.
    static func read(_ body: [UInt8], status: Int, queryError: String?) -> AWSError {
        var code: String?
        var message: String?
        if body.first == UInt8(ascii: "<") {
            if let document = try? AWSDocument(body) {
                code = document.first("Code")
                message = document.first("Message")
            }
        } else if let document = try? JSONValue(parsing: body) {
            let type = document["__type"]?.string ?? document["code"]?.string
            // The name stands behind the namespace, and before an address of its documentation.
            code = type?.split(separator: "#").last.map { String($0.prefix { $0 != ":" }) }
            message = document["message"]?.string ?? document["Message"]?.string
        }
        if code == nil { code = queryError.map { String($0.prefix { $0 != ";" }) } }
        return AWSError(
            kind: .service(code: code ?? "Unknown", status: status),
            message: message ?? "no reason was given")
    }
}
