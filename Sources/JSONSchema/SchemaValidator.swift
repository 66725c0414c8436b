// SPDX-License-Identifier: Apache-2.0

// A compiled schema as its users hold it: shared by any number of threads, asked about documents by their bytes.

import JSONText

/// A compiled schema.
public struct SchemaValidator: Sendable {
    let program: Program

    init(program: Program) { self.program = program }

    /// Whether the document is JSON that the schema accepts. A document that cannot be judged within the limits is not.
    public func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var run = Run(bytes, program: program)
        return run.judge()
    }

    /// Whether the document is JSON that the schema accepts. A document that cannot be judged within the limits is not.
    public func isValid(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { isValid($0) } }

    /// Whether the schema accepts the document.
    ///
    /// - Throws: `ValidationError` if the document is not JSON, or cannot be judged within the limits. A document that is found
    ///   to break a rule before its end was seen is not accepted, whatever comes behind.
    public func accepts(_ bytes: UnsafeRawBufferPointer) throws(ValidationError) -> Bool {
        var run = Run(bytes, program: program)
        let accepted = run.judge()
        if let failure = run.failure { throw failure }
        return accepted
    }

    /// Whether the schema accepts the document; see `accepts(_:)` for bytes by address.
    public func accepts(_ bytes: [UInt8]) throws(ValidationError) -> Bool {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(ValidationError) -> Bool in try accepts(bytes) }
        }
        return try result.get()
    }

    /// What is wrong with a document: up to `limit` violations in the order of the document, none if the schema accepts it.
    ///
    /// This takes much longer than judging; of a very large document that breaks many rules only the first may be found.
    ///
    /// - Throws: `ValidationError` if the document is not JSON, or cannot be judged within the limits.
    public func violations(_ bytes: [UInt8], limit: Int = 20) throws(ValidationError) -> [Violation] {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(ValidationError) -> [Violation] in try violations(bytes, limit: limit) }
        }
        return try result.get()
    }

    /// What is wrong with a document; see the function for arrays.
    public func violations(
        _ bytes: UnsafeRawBufferPointer, limit: Int = 20
    ) throws(ValidationError) -> [Violation] {
        try refusal(of: bytes, limit: max(limit, 1)) ?? []
    }

    /// What is wrong with a document, or nil if the schema accepts it; judges once.
    ///
    /// - Parameter limit: how many violations are told at most; 0 if only the answer is wanted.
    /// - Throws: `ValidationError` if the document is not JSON, or cannot be judged within the limits.
    public func refusal(
        of bytes: UnsafeRawBufferPointer, limit: Int
    ) throws(ValidationError) -> [Violation]? {
        var run = Run(bytes, program: program)
        if run.judge() { return nil }
        let failure = run.failure
        guard limit > 0 else { return [] }
        // What is not JSON as a whole is told as that, wherever a rule is broken before.
        run = Run(bytes, program: program)
        if run.skipValue() {
            run.skipWhitespace()
            if run.position < run.end { _ = run.fail(.trailingBytes, at: run.position) }
        }
        if let failure = run.failure ?? failure { throw failure }
        var explanation = Explanation(bytes, program: program, limit: limit)
        return explanation.violations()
    }
}
