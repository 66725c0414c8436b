// SPDX-License-Identifier: Apache-2.0

// A schema applied to a value: its kind, its own rules, and the schemas that look at the same value.

import JSONText

/// Where the bits of evaluated members or elements are, in `Run.bits`; nowhere if nobody asks.
struct Marks {
    var start: Int
    var words: Int
}

extension Run {
    static var noMarks: Marks { Marks(start: -1, words: 0) }

    /// Applies a node to the value at `position`.
    mutating func evaluate(_ id: Int32, marks: Marks) -> Bool {
        let node = view.nodes + Int(id)
        steps &-= 1
        guard steps >= 0 else { return spend(0) }
        if node.pointee.isTrivial { return skipValue() }
        guard levels > 0 else { return fail(.tooDeep(limit: min(program.limits.evaluationDepth, 1_000))) }
        levels &-= 1
        skipWhitespace()
        guard position < end else { return failUnexpected(.value) }
        var accepted: Bool
        if view.hasDynamicReferences {
            let isNew = scope.last != node.pointee.resource
            if isNew { scope.append(node.pointee.resource) }
            accepted = evaluateUnscoped(node, marks: marks)
            if isNew { scope.removeLast() }
        } else {
            accepted = evaluateUnscoped(node, marks: marks)
        }
        levels &+= 1
        return accepted
    }

    @inline(__always)
    private mutating func evaluateUnscoped(_ node: UnsafePointer<Node>, marks: Marks) -> Bool {
        if node.pointee.hasRest {
            let rest =
                switch byte(position) {
                case 0x7B: node.pointee.unevaluatedProperties
                case 0x5B: node.pointee.unevaluatedItems
                default: Node.none
                }
            if rest >= 0 { return evaluateAll(node, unevaluated: rest, outer: marks) }
        }
        return apply(node, marks: marks)
    }

    /// Applies a node but for `unevaluatedProperties` and `unevaluatedItems`.
    @inline(__always)
    mutating func apply(_ node: UnsafePointer<Node>, marks: Marks) -> Bool {
        let start = position
        guard applyOwn(node, marks: marks) else { return false }
        if node.pointee.inPlace.count == 0 { return true }
        return applyInPlace(node, from: start, marks: marks)
    }

    /// Applies what a node says of a value itself.
    @inline(__always)
    mutating func applyOwn(_ node: UnsafePointer<Node>, marks: Marks) -> Bool {
        let start = position
        switch byte(start) {
        case 0x22:
            guard node.pointee.types & TypeBits.string != 0 else { return false }
            guard let place = scanString() else { return false }
            if node.pointee.strings.count > 0, !check(node, string: place) { return false }
            if node.pointee.values >= 0, !place.hasEscapes {
                return isAmong(view.tables + Int(node.pointee.values), string: place)
            }
        case 0x2D, 0x30...0x39:
            guard node.pointee.types & TypeBits.number != 0 else { return false }
            var isPlain = false
            guard scanNumber(isPlain: &isPlain) else { return false }
            if node.pointee.numbers.count > 0 || node.pointee.types & TypeBits.number != TypeBits.number,
                !check(node, numberFrom: start, isPlain: isPlain)
            {
                return false
            }
        case 0x7B:
            guard node.pointee.types & TypeBits.object != 0 else { return false }
            if node.pointee.object >= 0 {
                guard evaluateObject(view.objects + Int(node.pointee.object), marks: marks) else {
                    return false
                }
            } else {
                guard skipValue() else { return false }
            }
        case 0x5B:
            guard node.pointee.types & TypeBits.array != 0 else { return false }
            if node.pointee.array >= 0 {
                guard evaluateArray(view.arrays + Int(node.pointee.array), marks: marks) else { return false }
            } else {
                guard skipValue() else { return false }
            }
        default:
            let type = scanLiteral()
            guard node.pointee.types & type != 0 else { return false }
        }
        if node.pointee.values >= 0 {
            return isAmong(view.tables + Int(node.pointee.values), from: start)
        }
        return true
    }

    /// Applies the schemas of a node that look at the same value, which is behind `position` and began at `start`.
    @inline(never)
    mutating func applyInPlace(_ node: UnsafePointer<Node>, from start: Int, marks: Marks) -> Bool {
        let after = position
        for index in node.pointee.inPlace.range {
            let item = view.inPlace + index
            guard spend(bytes: after - start) else { return false }
            guard applyInPlace(item, from: start, marks: marks) else { return false }
        }
        position = after
        return true
    }

    private mutating func applyInPlace(_ item: UnsafePointer<InPlace>, from start: Int, marks: Marks) -> Bool
    {
        let nodes = view.links + Int(item.pointee.nodes.start)
        let count = Int(item.pointee.nodes.count)
        switch item.pointee.kind {
        case .all:
            for index in 0..<count {
                position = start
                guard evaluate(nodes[index], marks: marks), spend(bytes: position - start) else {
                    return false
                }
            }
            return true
        case .not:
            position = start
            let accepted = probe(nodes[0], marks: Self.noMarks)
            return failure == nil && !accepted
        case .any:
            var isAny = false
            for index in 0..<count {
                position = start
                if attempt(nodes[index], marks: marks) {
                    isAny = true
                    // What the others evaluate counts too, if somebody asks.
                    if marks.start < 0 { return true }
                }
                guard failure == nil, spend(bytes: position - start) else { return false }
            }
            return isAny
        case .one:
            // The bits of a second success do no harm: then all is lost anyway.
            var isOne = false
            for index in 0..<count {
                position = start
                if attempt(nodes[index], marks: marks) {
                    if isOne { return false }
                    isOne = true
                }
                guard failure == nil, spend(bytes: position - start) else { return false }
            }
            return isOne
        case .condition:
            position = start
            let holds = attempt(nodes[0], marks: marks)
            guard failure == nil else { return false }
            let next = holds ? nodes[1] : nodes[2]
            guard next >= 0 else { return true }
            guard spend(bytes: position - start) else { return false }
            position = start
            return evaluate(next, marks: marks)
        case .dynamic:
            position = start
            return evaluate(target(of: item), marks: marks)
        }
    }

    /// Applies a node whose marks count only if it accepts.
    private mutating func attempt(_ id: Int32, marks: Marks) -> Bool {
        guard marks.start >= 0 else { return probe(id, marks: marks) }
        guard spend(marks.words) else { return false }
        let own = reserve(words: marks.words)
        let accepted = probe(id, marks: own)
        if accepted { merge(own, into: marks) }
        release(own)
        return accepted
    }

    /// Applies a node where `false` is not the end of it: what was left open on the way is as before.
    mutating func probe(_ id: Int32, marks: Marks) -> Bool {
        let before = (levels, depth, scope.count, bits.count, elements.count)
        if evaluate(id, marks: marks) { return true }
        levels = before.0
        depth = before.1
        scope.removeLast(scope.count - before.2)
        bits.removeLast(bits.count - before.3)
        elements.removeLast(elements.count - before.4)
        return false
    }

    /// Where a dynamic reference leads: to the outermost resource in the scope that answers to its anchor.
    mutating func target(of item: UnsafePointer<InPlace>) -> Int32 {
        let anchors = program.anchors[Int(item.pointee.anchor)]
        steps &-= scope.count
        for resource in scope {
            if let found = anchors.first(where: { $0.resource == resource }) { return found.node }
        }
        return view.links[Int(item.pointee.nodes.start)]
    }
}

// MARK: - What is left unevaluated

extension Run {
    /// Applies a node with all its rules, then the last of them to the members or elements that no other looked at.
    @inline(never)
    private mutating func evaluateAll(_ node: UnsafePointer<Node>, unevaluated: Int32, outer: Marks) -> Bool {
        let start = position
        guard let count = countContent(), spend(bytes: 2 * (position - start)) else { return false }
        position = start
        let own = reserve(words: (count + 63) >> 6)
        guard spend(count), apply(node, marks: own) else {
            release(own)
            return false
        }
        let after = position
        position = start
        let accepted = evaluateRest(unevaluated, marks: own)
        if accepted, outer.start >= 0 { merge(own, into: outer) }
        release(own)
        if accepted { position = after }
        return accepted
    }

    /// Applies `id` to what is not marked in the object or array at `position`, and marks it.
    private mutating func evaluateRest(_ id: Int32, marks: Marks) -> Bool {
        let isObject = byte(position) == 0x7B
        guard enter() else { return false }
        var index = 0
        while true {
            let isFirst = index == 0
            guard let more = isObject ? nextMember(isFirst: isFirst) : nextElement(isFirst: isFirst) else {
                return false
            }
            guard more else { break }
            if isObject { guard scanString() != nil, scanColon() else { return false } }
            if isMarked(index, in: marks) {
                guard skipValue() else { return false }
            } else {
                guard evaluate(id, marks: Self.noMarks) else { return false }
                mark(index, in: marks)
            }
            index += 1
        }
        depth &+= 1
        return true
    }

    /// How many members or elements the object or array at `position` has; passes over it.
    mutating func countContent() -> Int? {
        let isObject = byte(position) == 0x7B
        guard enter() else { return nil }
        var count = 0
        while true {
            guard let more = isObject ? nextMember(isFirst: count == 0) : nextElement(isFirst: count == 0)
            else {
                return nil
            }
            guard more else { break }
            if isObject { guard scanString() != nil, scanColon() else { return nil } }
            guard skipValue() else { return nil }
            count += 1
        }
        depth &+= 1
        return count
    }

    @inline(__always)
    mutating func reserve(words: Int) -> Marks {
        let marks = Marks(start: bits.count, words: words)
        bits.append(contentsOf: repeatElement(0, count: words))
        return marks
    }

    @inline(__always)
    mutating func release(_ marks: Marks) {
        bits.removeLast(bits.count - marks.start)
    }

    @inline(__always)
    mutating func mark(_ index: Int, in marks: Marks) {
        bits[marks.start + (index >> 6)] |= 1 << UInt64(index & 63)
    }

    func isMarked(_ index: Int, in marks: Marks) -> Bool {
        bits[marks.start + (index >> 6)] & 1 << UInt64(index & 63) != 0
    }

    mutating func merge(_ own: Marks, into outer: Marks) {
        for word in 0..<outer.words { bits[outer.start + word] |= bits[own.start + word] }
    }
}
