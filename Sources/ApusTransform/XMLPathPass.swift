// SPDX-License-Identifier: Apache-2.0

// One pass over XML data for all paths. Elements and attributes go by their local names, whatever their namespace; a name alone is the
// first element of that name, `[n]` another one, `[*]` all of them. The value of an element is the text in it, that of its children
// included.

import CloudEvents

/// A walk over an XML document that follows a set of paths.
struct XMLPathPass {
    /// An open element.
    private struct Frame {
        /// The nodes that it stands for.
        var nodes: [Int]
        /// How many children went to each node so far.
        var counts: [(node: Int, count: Int)] = []
        /// The findings whose text ends with it.
        var open: Range<Int>
    }

    private let paths: PathSet
    private var scanner: XMLScanner
    private var frames = [Frame(nodes: [0], open: 0..<0)]
    private var found: [Finding?] = []
    private var findings: Findings
    /// How many findings are open: text is kept only then.
    private var openCount = 0

    /// Finds the values that `paths` lead to.
    static func find(_ paths: PathSet, in data: UnsafeRawBufferPointer) throws(CloudEventError) -> Findings {
        var pass = XMLPathPass(paths: paths, scanner: try XMLScanner(data))
        try pass.run()
        pass.findings.take(pass.found)
        return pass.findings
    }

    /// What is wrong with a document, nil if nothing is.
    static func error(in document: [UInt8]) -> (reason: String, offset: Int)? {
        document.withUnsafeBytes { bytes in
            do throws(CloudEventError) {
                _ = try find(PathSet(), in: bytes)
                return nil
            } catch { return describe(error) }
        }
    }

    /// The reader's reason and place.
    static func describe(_ error: CloudEventError) -> (reason: String, offset: Int) {
        if case .malformedXML(let reason, let offset) = error.rule { return (reason, offset) }
        return (error.description, 0)
    }

    private init(paths: PathSet, scanner: XMLScanner) {
        self.paths = paths
        self.scanner = scanner
        findings = Findings(pathCount: paths.count)
        for path in paths.nodes[0].ends { found.append(Finding(path: path, value: .whole)) }
    }

    private mutating func run() throws(CloudEventError) {
        while true {
            switch try scanner.next() {
            case .start(let tag): try enter(tag)
            case .end: leave()
            case .text(let text): if openCount > 0 { findings.texts.append(contentsOf: text) }
            case .other: continue
            case .endOfDocument: return
            }
        }
    }

    private mutating func enter(_ tag: XMLStartTag) throws(CloudEventError) {
        let name = UnsafeRawBufferPointer(rebasing: scanner.bytes[tag.local])
        let parent = frames.count - 1
        var nodes: [Int] = []
        for place in frames[parent].nodes.indices {
            let node = paths.nodes[frames[parent].nodes[place]]
            if let child = node.child(named: name) { arrive(child, parent, isEvery: false, &nodes) }
            if let child = node.members { arrive(child, parent, isEvery: true, &nodes) }
        }
        guard !nodes.isEmpty || openCount > 0 else {
            try scanner.skipElement()
            return
        }
        noteAttributes(of: tag, nodes)
        let start = findings.texts.count
        let first = found.count
        for node in nodes {
            for path in paths.nodes[node].ends {
                found.append(Finding(path: path, value: .text(start..<start)))
            }
        }
        openCount += found.count - first
        frames.append(Frame(nodes: nodes, open: first..<found.count))
    }

    /// Adds what one more child for `node` stands for: a name by itself means the first only.
    private mutating func arrive(_ node: Int, _ parent: Int, isEvery: Bool, _ nodes: inout [Int]) {
        var index = 0
        if let place = frames[parent].counts.firstIndex(where: { $0.node == node }) {
            frames[parent].counts[place].count += 1
            index = frames[parent].counts[place].count
        } else {
            frames[parent].counts.append((node, 0))
        }
        if index == 0 || isEvery { nodes.append(node) }
        if let child = paths.nodes[node].child(at: index) { nodes.append(child) }
        if let child = paths.nodes[node].elements { nodes.append(child) }
    }

    private mutating func noteAttributes(of tag: XMLStartTag, _ nodes: [Int]) {
        for attribute in tag.attributes {
            let name = [UInt8(ascii: "@")] + scanner.bytes[attribute.local]
            for node in nodes {
                guard let child = name.withUnsafeBytes({ paths.nodes[node].child(named: $0) }) else {
                    continue
                }
                let start = findings.attributes.count
                findings.attributes.append(contentsOf: attribute.value)
                for path in paths.nodes[child].ends {
                    found.append(
                        Finding(path: path, value: .attribute(start..<findings.attributes.count)))
                }
            }
        }
    }

    private mutating func leave() {
        guard let frame = frames.popLast() else { return }
        for place in frame.open {
            if case .text(let range)? = found[place]?.value {
                found[place]?.value = .text(range.lowerBound..<findings.texts.count)
            }
        }
        openCount -= frame.open.count
    }
}
