// SPDX-License-Identifier: Apache-2.0

// Is it JSON? The scanner's answer alone, for those who need nothing of what the text says.

/// The grammar of JSON, checked without keeping anything.
public enum JSONSyntax {
    /// Checks that the bytes are one JSON value with nothing but white space around it.
    ///
    /// - Throws: `JSONError` with the place and the rule.
    public static func check(_ bytes: UnsafeRawBufferPointer, depthLimit: Int = 128) throws(JSONError) {
        var scanner = JSONScanner(bytes, depthLimit: depthLimit)
        try scanner.skipValue()
        try scanner.expectEnd()
    }
}
