// SPDX-License-Identifier: Apache-2.0

// What `apus doctor` finds: one check, its verdict, and what to do.

package import JSONText

/// One check and its outcome.
package struct Check: Sendable, Hashable {
    /// How it came out.
    package enum Verdict: String, Sendable, Hashable {
        /// All is well.
        case ok
        /// It works, and could be better or may break soon.
        case warn
        /// It does not work, or does not keep what it promises.
        case fail
    }

    /// What was checked, in a word that stays the same between versions.
    package var name: String
    /// How it came out.
    package var verdict: Verdict
    /// What was found.
    package var what: String
    /// Why that matters; nil where all is well.
    package var why: String?
    /// What to do about it; nil where there is nothing to do.
    package var fix: String?

    /// One check and its outcome.
    package init(_ name: String, _ verdict: Verdict, _ what: String, why: String? = nil, fix: String? = nil) {
        self.name = name
        self.verdict = verdict
        self.what = what
        self.why = why
        self.fix = fix
    }

    /// The check as `--json` prints it.
    package var json: JSONValue {
        var object = JSONObject()
        object["name"] = .string(name)
        object["status"] = .string(verdict.rawValue)
        object["what"] = .string(what)
        object["why"] = why.map { .string($0) }
        object["fix"] = fix.map { .string($0) }
        return .object(object)
    }

    /// The check for people: one line, and two more where something is wrong.
    package func lines(on console: Console) -> [String] {
        let mark =
            switch verdict {
            case .ok: console.styled("ok  ", .green)
            case .warn: console.styled("warn", .yellow)
            case .fail: console.styled("fail", .red)
            }
        var lines = ["\(mark)  \(Console.printable(name)): \(Console.printable(what))"]
        if let why { lines.append("      why: " + Console.printable(why)) }
        if let fix { lines.append("      fix: " + Console.printable(fix)) }
        return lines
    }
}
