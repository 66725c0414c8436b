// SPDX-License-Identifier: Apache-2.0

// The one pass over JSON data. It recurses only along the nodes of the program; everything else is skipped. An array is transparent: its
// elements are values of the node itself. A name that occurs twice in an object is treated as if its values stood in an array.

extension MatchRun {
    /// Visits the values of JSON data; false if it is not JSON.
    func visitJSON(_ dataNode: UInt32) -> Bool {
        guard let end = value(0, dataNode, in: 0, depth: 0) else { return false }
        return pass.skipWhitespace(end) == pass.end
    }

    /// Visits the value at or after `index` as a value of `node`, in the object of a frame; returns the position after it.
    @inline(__always)
    private func value(_ index: Int, _ node: UInt32, in frame: Int, depth: Int) -> Int? {
        guard let start = pass.next(index) else { return nil }
        let first = pass.byte(start)
        if first == 0x22 { return text(start, node, in: frame) }
        if first &- 0x30 <= 9 || first == 0x2D { return number(start, node, in: frame) }
        return other(start, node, in: frame, depth: depth)
    }

    /// Visits a value that is neither a text nor a number.
    @inline(never)
    private func other(_ start: Int, _ node: UInt32, in frame: Int, depth: Int) -> Int? {
        let kind: MatchValue.Kind
        let end: Int?
        // First and by itself, because it is what comes most: the way of a switch is harder to guess.
        if pass.byte(start) == 0x7B {
            guard nodes[Int(node)].fields > 0 else { return pass.skipValue(start, depth: depth) }
            return object(start, node, in: frame, depth: depth)
        }
        switch pass.byte(start) {
        case 0x5B: return array(start, node, in: frame, depth: depth)
        case 0x74: (kind, end) = (.yes, pass.endOf("true", at: start))
        case 0x66: (kind, end) = (.no, pass.endOf("false", at: start))
        case 0x6E: (kind, end) = (.null, pass.endOf("null", at: start))
        default: return nil
        }
        guard let end else { return nil }
        visit(MatchValue(kind: kind, start: pass.base + start, count: end &- start), at: node, in: frame)
        return end
    }

    // MARK: - Containers

    private func object(_ start: Int, _ node: UInt32, in outer: Int, depth: Int) -> Int? {
        guard depth < JSONPass.depthLimit, var index = pass.next(start &+ 1) else { return nil }
        let frame = enter(node, in: outer)
        var isOpen = pass.byte(index) != 0x7D
        var last = MatchMemory.beginning(of: node)
        while isOpen {
            var child = memory.pointee.expected[last]
            var after = index
            if isOpening(child, of: node, index) {
                after &+= Int(nodes[Int(child)].opening.count)
            } else {
                guard let other = self.child(of: node, last, index) else { return nil }
                (child, after) = other
            }
            let value: Int?
            if child != Self.none {
                last = MatchMemory.following(child)
                value = self.value(after, child, in: frame, depth: depth &+ 1)
            } else {
                value = pass.skipMember(after, depth: depth &+ 1)
            }
            guard let value, let separator = pass.next(value) else { return nil }
            isOpen = pass.byte(separator) == 0x2C
            guard isOpen || pass.byte(separator) == 0x7D else { return nil }
            index = separator
            guard isOpen else { break }
            guard let next = pass.next(separator &+ 1) else { return nil }
            index = next
        }
        leave(frame)
        return index &+ 1
    }

    private func array(_ start: Int, _ node: UInt32, in frame: Int, depth: Int) -> Int? {
        guard depth < JSONPass.depthLimit, var index = pass.next(start &+ 1) else { return nil }
        var isOpen = pass.byte(index) != 0x5D
        while isOpen {
            guard let value = value(index, node, in: frame, depth: depth &+ 1),
                let separator = pass.next(value)
            else { return nil }
            isOpen = pass.byte(separator) == 0x2C
            guard isOpen || pass.byte(separator) == 0x5D else { return nil }
            index = isOpen ? separator &+ 1 : separator
        }
        return index &+ 1
    }

    /// Whether a field begins at `index` that is expected there, because it followed the one before when that was last seen (or was the first of the
    /// object): then its name is neither read nor looked up.
    @inline(__always)
    private func isOpening(_ child: UInt32, of node: UInt32, _ index: Int) -> Bool {
        // The memory may have been at work for another program: only what is so in this one counts.
        guard Int(child) < nodeCount, index &+ MatchProgram.Opening.length <= pass.end else { return false }
        let field = nodes + Int(child)
        return field.pointee.parent == node
            && MatchProgram.Opening.stands(
                UnsafeRawPointer(field).assumingMemoryBound(to: MatchProgram.Opening.self),
                at: pass.base + index)
    }

    /// The field whose name is at `index`, `none` if nothing is asked of it, and the place after its colon; it is expected next time.
    @inline(never)
    private func child(of node: UInt32, _ last: Int, _ index: Int) -> (child: UInt32, after: Int)? {
        guard let (name, after) = pass.name(index) else { return nil }
        guard let child = field(of: node, name) else { return (Self.none, after) }
        memory.pointee.expected[last] = child
        return (child, after)
    }

    @inline(__always)
    private func field(of node: UInt32, _ name: JSONPass.Text) -> UInt32? {
        guard name.hasEscapes else {
            let bytes = pass.base + name.start
            // Here, because most names that are met here are not wanted.
            guard nodes[Int(node)].nameBits & MatchProgram.nameBit(bytes, name.end &- name.start) != 0 else {
                return nil
            }
            return child(of: node, bytes, name.end &- name.start)
        }
        return escapedField(of: node, name)
    }

    @inline(never)
    private func escapedField(of node: UInt32, _ name: JSONPass.Text) -> UInt32? {
        pass.unescaped(name).withUnsafeBytes { child(of: node, ByteTable.address($0), $0.count) }
    }

    // MARK: - Scalars

    @inline(__always)
    private func text(_ start: Int, _ node: UInt32, in frame: Int) -> Int? {
        // Most texts that rules ask for are short: then one look at sixteen bytes says where they end.
        if let end = pass.endOfShortText(at: start &+ 1) {
            visit(text: pass.base + (start &+ 1), end &- start &- 1, at: node, in: frame)
            return end &+ 1
        }
        return longText(start, node, in: frame)
    }

    @inline(never)
    private func longText(_ start: Int, _ node: UInt32, in frame: Int) -> Int? {
        guard let text = pass.plainText(at: start) ?? pass.text(at: start) else { return nil }
        if text.hasEscapes {
            visit(escaped: text, at: node, in: frame)
        } else {
            visit(text: pass.base + text.start, text.end &- text.start, at: node, in: frame)
        }
        return text.end &+ 1
    }

    @inline(never)
    private func visit(escaped text: JSONPass.Text, at node: UInt32, in frame: Int) {
        visit(stored: pass.unescaped(text), .text, at: node, in: frame)
    }

    @inline(__always)
    private func number(_ start: Int, _ node: UInt32, in frame: Int) -> Int? {
        // Mostly what stands before the point is all that counts.
        if nodes[Int(node)].asksForWholeNumbersOnly, let (whole, end) = pass.wholeNumber(at: start) {
            visit(whole: whole, pass.base + start, end &- start, at: node, in: frame)
            return end
        }
        guard let number = pass.number(at: start) else { return nil }
        visit(number, at: start, node, in: frame)
        return number.end
    }

    /// Visits a text that does not stand in the event as it is.
    func visit(
        stored text: [UInt8], _ kind: MatchValue.Kind, at node: UInt32, in frame: Int
    ) {
        memory.pointee.texts += text
        text.withUnsafeBytes {
            visit(MatchValue(kind: kind, bytes: $0), at: node, in: frame, isStored: true)
        }
    }
}
