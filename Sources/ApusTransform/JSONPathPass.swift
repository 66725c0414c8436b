// SPDX-License-Identifier: Apache-2.0

// One pass over JSON data for all paths. Every byte is checked, nothing is built: the values are noted as ranges.

import JSONText

/// A walk over JSON text that follows a set of paths.
struct JSONPathPass {
    private let paths: PathSet
    private var scanner: JSONScanner
    /// The nodes that the value at hand stands for: a stack of groups, one group for each level.
    private var active = [0]
    /// A finding is taken back when the name of a member on its way comes again: the last one counts.
    private var found: [Finding?] = []

    /// Finds the values that `paths` lead to.
    static func find(_ paths: PathSet, in data: UnsafeRawBufferPointer) throws(JSONError) -> Findings {
        var pass = JSONPathPass(
            paths: paths, scanner: JSONScanner(data, depthLimit: TransformationLimits.dataDepthMax))
        try pass.visit(0..<1)
        try pass.scanner.expectEnd()
        var findings = Findings(pathCount: paths.count)
        findings.take(pass.found)
        return findings
    }

    private init(paths: PathSet, scanner: JSONScanner) {
        self.paths = paths
        self.scanner = scanner
    }

    /// Reads the next value, which stands for `group` of the active nodes.
    private mutating func visit(_ group: Range<Int>) throws(JSONError) {
        let kind = try scanner.peekKind()
        let start = scanner.position
        let first = found.count
        var goesOn = false
        for place in group {
            for path in paths.nodes[active[place]].ends {
                found.append(Finding(path: path, value: .json(start..<start, kind)))
            }
            goesOn = goesOn || !paths.nodes[active[place]].isEnd
        }
        let last = found.count
        switch kind {
        case .object where goesOn: try visitMembers(group)
        case .array where goesOn: try visitElements(group)
        default: try scanner.skipValue()
        }
        for place in first..<last { found[place]?.value = .json(start..<scanner.position, kind) }
    }

    private mutating func visitMembers(_ group: Range<Int>) throws(JSONError) {
        var seen: [(node: Int, found: Range<Int>)] = []
        try scanner.beginObject()
        while let slice = try scanner.nextName() {
            let top = active.count
            let decoded = slice.hasEscapes ? scanner.utf8(slice) : []
            let plain = scanner.bytes(slice.range)
            for place in group {
                let node = active[place]
                let child =
                    slice.hasEscapes
                    ? decoded.withUnsafeBytes { paths.nodes[node].child(named: $0) }
                    : paths.nodes[node].child(named: plain)
                if let child { active.append(child) }
            }
            let named = top..<active.count
            for place in group {
                if let members = paths.nodes[active[place]].members { active.append(members) }
            }
            for place in named {
                guard let earlier = seen.firstIndex(where: { $0.node == active[place] }) else { continue }
                takeBack(active[place], seen[earlier].found)
                seen.remove(at: earlier)
            }
            let first = found.count
            let firstSeen = seen.count
            for place in named { seen.append((active[place], first..<first)) }
            try visitOrSkip(from: top)
            for place in firstSeen..<seen.count { seen[place].found = first..<found.count }
        }
    }

    /// Forgets what was found below `node`, among the findings of one member.
    private mutating func takeBack(_ node: Int, _ range: Range<Int>) {
        for place in range {
            if let finding = found[place], paths.nodes[node].below.contains(finding.path) {
                found[place] = nil
            }
        }
    }

    private mutating func visitElements(_ group: Range<Int>) throws(JSONError) {
        var index = 0
        try scanner.beginArray()
        while try scanner.nextElement() {
            let top = active.count
            for place in group {
                if let child = paths.nodes[active[place]].child(at: index) { active.append(child) }
                if let child = paths.nodes[active[place]].elements { active.append(child) }
            }
            try visitOrSkip(from: top)
            index += 1
        }
    }

    private mutating func visitOrSkip(from top: Int) throws(JSONError) {
        guard active.count > top else {
            try scanner.skipValue()
            return
        }
        try visit(top..<active.count)
        active.removeLast(active.count - top)
    }
}
