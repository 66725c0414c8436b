// SPDX-License-Identifier: Apache-2.0

// The one pass over JSON data. It recurses only along the nodes of the program; everything else is skipped. An array is transparent: its
// elements are values of the node itself. A name that occurs twice in an object is treated as if its values stood in an array.

extension MatchRun {
    /// Visits the values of JSON data; false if it is not JSON.
    func visit(json data: UnsafeRawBufferPointer, _ dataNode: UInt32) -> Bool {
        let pass = JSONPass(data)
        guard let end = visit(0, dataNode, in: 0, depth: 0, pass) else { return false }
        return pass.skipWhitespace(end) == pass.end
    }

    /// Visits the value at or after `index` as a value of `node`, in the object of a frame; returns the position after it.
    private func visit(
        _ index: Int, _ node: UInt32, in frame: Int, depth: Int, _ pass: JSONPass
    ) -> Int? {
        guard let start = pass.next(index) else { return nil }
        switch pass.byte(start) {
        case 0x7B:
            guard nodes[Int(node)].fields > 0 else { return pass.skipValue(start, depth: depth) }
            return visitObject(start, node, in: frame, depth: depth, pass)
        case 0x5B: return visitArray(start, node, in: frame, depth: depth, pass)
        default: return visitScalar(start, node, in: frame, pass)
        }
    }

    private func visitObject(
        _ start: Int, _ node: UInt32, in outer: Int, depth: Int, _ pass: JSONPass
    ) -> Int? {
        guard depth < JSONPass.depthLimit, var index = pass.next(start &+ 1) else { return nil }
        let frame = enter(node, in: outer)
        var isOpen = pass.byte(index) != 0x7D
        // The node of the field before, if it has one.
        var before = Self.none
        while isOpen {
            let value: Int?
            if let (child, after) = expectedChild(of: node, after: before, index, pass) {
                before = child
                value = visit(after, child, in: frame, depth: depth &+ 1, pass)
            } else {
                guard let (name, after) = pass.name(index) else { return nil }
                if let child = child(of: node, name, pass) {
                    expect(child, in: node, after: before)
                    before = child
                    value = visit(after, child, in: frame, depth: depth &+ 1, pass)
                } else {
                    value = pass.skipValue(after, depth: depth &+ 1)
                }
            }
            guard let value, let separator = pass.next(value) else { return nil }
            isOpen = pass.byte(separator) == 0x2C
            guard isOpen || pass.byte(separator) == 0x7D else { return nil }
            index = isOpen ? separator &+ 1 : separator
        }
        leave(frame)
        return index &+ 1
    }

    private func visitArray(
        _ start: Int, _ node: UInt32, in frame: Int, depth: Int, _ pass: JSONPass
    ) -> Int? {
        guard depth < JSONPass.depthLimit, var index = pass.next(start &+ 1) else { return nil }
        var isOpen = pass.byte(index) != 0x5D
        while isOpen {
            guard let value = visit(index, node, in: frame, depth: depth &+ 1, pass),
                let separator = pass.next(value)
            else { return nil }
            isOpen = pass.byte(separator) == 0x2C
            guard isOpen || pass.byte(separator) == 0x5D else { return nil }
            index = isOpen ? separator &+ 1 : separator
        }
        return index &+ 1
    }

    /// The field that followed another one when that was last seen (or the first of the object), if it follows now: then its name is neither
    /// read nor looked up. Returns the place after its colon, too.
    @inline(__always)
    private func expectedChild(
        of node: UInt32, after before: UInt32, _ index: Int, _ pass: JSONPass
    ) -> (child: UInt32, after: Int)? {
        let expected =
            before == Self.none
            ? memory.pointee.expected[Int(node)].first : memory.pointee.expected[Int(before)].next
        // The memory may have been at work for another program: only what is so in this one counts.
        guard Int(expected) < nodeCount else { return nil }
        let field = nodes + Int(expected)
        let length = Int(field.pointee.nameLength)
        guard length > 0, field.pointee.parent == node, index &+ length &+ 2 < pass.end,
            pass.byte(index) == 0x22, pass.byte(index &+ 1 &+ length) == 0x22
        else { return nil }
        let words = ByteTable.words(pass.base + (index &+ 1), length)
        guard words.0 == field.pointee.name.0, words.1 == field.pointee.name.1,
            let colon = pass.next(index &+ length &+ 2), pass.byte(colon) == 0x3A
        else { return nil }
        return (expected, colon &+ 1)
    }

    @inline(__always)
    private func expect(_ child: UInt32, in node: UInt32, after before: UInt32) {
        if before == Self.none {
            memory.pointee.expected[Int(node)].first = child
        } else {
            memory.pointee.expected[Int(before)].next = child
        }
    }

    @inline(__always)
    private func child(of node: UInt32, _ name: JSONPass.Text, _ pass: JSONPass) -> UInt32? {
        guard name.hasEscapes else {
            return child(of: node, pass.base + name.start, name.end &- name.start)
        }
        return pass.unescaped(name).withUnsafeBytes { child(of: node, ByteTable.address($0), $0.count) }
    }

    @inline(__always)
    private func visitScalar(
        _ start: Int, _ node: UInt32, in frame: Int, _ pass: JSONPass
    ) -> Int? {
        let kind: MatchValue.Kind
        let end: Int?
        switch pass.byte(start) {
        case 0x22:
            guard let text = pass.text(at: start) else { return nil }
            visitText(text, node, in: frame, pass)
            return text.end &+ 1
        case 0x74: (kind, end) = (.yes, pass.endOf("true", at: start))
        case 0x66: (kind, end) = (.no, pass.endOf("false", at: start))
        case 0x6E: (kind, end) = (.null, pass.endOf("null", at: start))
        default: (kind, end) = (.number, pass.endOfScalar(at: start))
        }
        guard let end else { return nil }
        let bytes = UnsafeRawBufferPointer(start: pass.base + start, count: end &- start)
        visit(MatchValue(kind: kind, bytes: bytes), at: node, in: frame)
        return end
    }

    @inline(__always)
    private func visitText(
        _ text: JSONPass.Text, _ node: UInt32, in frame: Int, _ pass: JSONPass
    ) {
        guard text.hasEscapes else {
            let bytes = UnsafeRawBufferPointer(start: pass.base + text.start, count: text.end &- text.start)
            return visit(MatchValue(kind: .text, bytes: bytes), at: node, in: frame)
        }
        let unescaped = pass.unescaped(text)
        visit(stored: unescaped, .text, at: node, in: frame)
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
