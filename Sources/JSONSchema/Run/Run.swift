// SPDX-License-Identifier: Apache-2.0

// A run of a program over the bytes of one document. It moves through the text once, checks the JSON while it goes, and applies to
// each value what the schema says; only where several schemas look at the same value (references beside other rules,
// alternatives, negations, `contains`) are its bytes gone through again. Nothing is allocated for a value.
//
// Every function that consumes a value leaves `position` behind it and says whether the schema accepts it. `false` also stands for
// a failure, told by `failure`: whoever goes on after a `false` looks there first.

import JSONText

/// A run over one document. It borrows the bytes and the program: it must not outlive the closures that lent them.
struct Run: ~Copyable {
    let base: UnsafeRawPointer
    let end: Int
    let program: Program
    let view: ProgramView
    /// The next byte to look at.
    var position = 0
    var failure: ValidationError?
    /// Steps that are left.
    var steps: Int
    /// Levels that are left, of containers in containers and of schemas in schemas.
    var levels: Int
    var depth: Int
    /// Resources that were entered and not left, the outermost first; kept only if there are dynamic references.
    var scope: [Int32] = []
    /// Bits: members that are there, members and elements that are evaluated. Used like a stack.
    var bits: [UInt64] = []
    /// Elements of arrays whose elements must differ. Used like a stack.
    var elements: [Element] = []
    /// The bytes of a string whose escapes had to be resolved.
    var unescaped: [UInt8] = []

    struct Element {
        var hash: UInt64
        var start: Int
    }

    init(_ bytes: UnsafeRawBufferPointer, program: Program) {
        // An empty buffer may have no address; any will do, since nothing is read from it.
        base = bytes.baseAddress ?? UnsafeRawPointer(("" as StaticString).utf8Start)
        end = bytes.count
        self.program = program
        view = program.view
        steps = program.limits.steps
        levels = min(program.limits.evaluationDepth, 1_000)
        depth = min(max(program.limits.documentDepth, 1), 512)
    }

    @inline(__always)
    func byte(_ index: Int) -> UInt8 { base.load(fromByteOffset: index, as: UInt8.self) }

    /// Takes steps; false if there are none left.
    @inline(__always)
    mutating func spend(_ count: Int) -> Bool {
        steps &-= count
        if steps < 0 { return fail(.tooCostly(limit: program.limits.steps)) }
        return true
    }

    /// Takes steps for bytes that were looked at again. The first look at the document is what its size costs; each one more is counted, so that no
    /// number of schemas for one value gets its bytes for nothing.
    @inline(__always)
    mutating func spend(bytes: Int) -> Bool { spend(max(bytes, 0) >> 4) }

    /// Notes a failure, unless there is one already.
    @inline(never)
    mutating func fail(_ error: ValidationError) -> Bool {
        if failure == nil { failure = error }
        return false
    }

    @inline(never)
    mutating func fail(_ reason: JSONError.Reason, at offset: Int) -> Bool {
        fail(.notJSON(JSONError(reason, at: offset)))
    }

    @inline(never)
    mutating func failUnexpected(_ expected: JSONError.Expectation) -> Bool {
        position < end
            ? fail(.unexpectedByte(byte(position), expected: expected), at: position)
            : fail(.unexpectedEnd, at: position)
    }

    /// Judges the whole document.
    mutating func judge() -> Bool { judge(by: program.root) }

    /// Judges the whole document by one of the schemas in the program.
    mutating func judge(by node: Int32) -> Bool {
        guard evaluate(node, marks: Self.noMarks) else { return false }
        skipWhitespace()
        return position == end ? true : fail(.trailingBytes, at: position)
    }
}
