// SPDX-License-Identifier: Apache-2.0

// All paths of a transformation as one tree, so that one pass over the data finds what any of them leads to.

/// The paths into the data, merged where they begin alike.
struct PathSet: Sendable {
    /// A place on one or more paths.
    struct Node: Sendable {
        var names: [(name: [UInt8], node: Int)] = []
        var indices: [(index: Int, node: Int)] = []
        var elements: Int?
        var members: Int?
        /// The paths that end here.
        var ends: [Int] = []
        /// The paths that end here or below.
        var below: [Int] = []

        var isEnd: Bool { names.isEmpty && indices.isEmpty && elements == nil && members == nil }

        /// The child for a name, nil if no path goes there.
        func child(named name: UnsafeRawBufferPointer) -> Int? {
            for (candidate, node) in names
            where candidate.count == name.count && candidate.elementsEqual(name) {
                return node
            }
            return nil
        }

        /// The child for a place in a list.
        func child(at index: Int) -> Int? { indices.first { $0.index == index }?.node }
    }

    /// The first is the data itself.
    private(set) var nodes = [Node()]
    /// How many paths there are; they are known by their number.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    /// Whether every path leads to the data as a whole.
    var isShallow: Bool { nodes[0].isEnd }

    /// Adds a path and returns its number.
    mutating func insert(_ steps: [EventPath.Step]) -> Int {
        let path = count
        count += 1
        var place = 0
        nodes[place].below.append(path)
        for step in steps {
            place = child(of: place, for: step)
            nodes[place].below.append(path)
        }
        nodes[place].ends.append(path)
        return path
    }

    private mutating func child(of place: Int, for step: EventPath.Step) -> Int {
        let fresh = nodes.count
        switch step {
        case .name(let name):
            if let known = nodes[place].names.first(where: { $0.name == name }) { return known.node }
            nodes[place].names.append((name, fresh))
        case .index(let index):
            if let known = nodes[place].child(at: index) { return known }
            nodes[place].indices.append((index, fresh))
        case .elements:
            if let known = nodes[place].elements { return known }
            nodes[place].elements = fresh
        case .members:
            if let known = nodes[place].members { return known }
            nodes[place].members = fresh
        }
        nodes.append(Node())
        return fresh
    }
}
