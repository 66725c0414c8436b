// SPDX-License-Identifier: Apache-2.0

// The one pass over JSON data. It recurses only along the nodes of the program; everything else is skipped.
// An array is transparent: its elements are values of the node itself. A name that occurs twice in an object
// is treated as if its values stood in an array.

extension MatchProgram {
    /// Visits the data's values for the object with this serial; false if the data is not JSON.
    func visit(data: UnsafeRawBufferPointer, _ serial: UInt64, _ scratch: inout MatchScratch) -> Bool {
        let pass = JSONPass(data)
        guard let end = visit(0, dataNode, serial, depth: 0, pass, &scratch) else { return false }
        return pass.skipWhitespace(end) == pass.end
    }

    /// Visits the value at or after `index` as a value of `node`; returns the position after it.
    private func visit(
        _ index: Int, _ node: UInt32, _ serial: UInt64, depth: Int, _ pass: JSONPass,
        _ scratch: inout MatchScratch
    ) -> Int? {
        guard let start = pass.next(index) else { return nil }
        switch pass.byte(start) {
        case 0x7B:
            guard nodes[Int(node)].hasFields else { return pass.skipValue(start, depth: depth) }
            return visitObject(start, node, serial, depth: depth, pass, &scratch)
        case 0x5B: return visitArray(start, node, serial, depth: depth, pass, &scratch)
        default: return visitScalar(start, node, serial, pass, &scratch)
        }
    }

    private func visitObject(
        _ start: Int, _ node: UInt32, _ outer: UInt64, depth: Int, _ pass: JSONPass,
        _ scratch: inout MatchScratch
    ) -> Int? {
        guard depth < JSONPass.depthLimit, var index = pass.next(start &+ 1) else { return nil }
        let serial = scratch.nextSerial()
        let base = scratch.hits.count
        var isOpen = pass.byte(index) != 0x7D
        while isOpen {
            guard let (name, after) = pass.name(index) else { return nil }
            let value =
                if let child = child(of: node, name, pass) {
                    visit(after, child, serial, depth: depth &+ 1, pass, &scratch)
                } else {
                    pass.skipValue(after, depth: depth &+ 1)
                }
            guard let value, let separator = pass.next(value) else { return nil }
            isOpen = pass.byte(separator) == 0x2C
            guard isOpen || pass.byte(separator) == 0x7D else { return nil }
            index = isOpen ? separator &+ 1 : separator
        }
        leaveObject(base, serial, outer, &scratch)
        return index &+ 1
    }

    private func visitArray(
        _ start: Int, _ node: UInt32, _ serial: UInt64, depth: Int, _ pass: JSONPass,
        _ scratch: inout MatchScratch
    ) -> Int? {
        guard depth < JSONPass.depthLimit, var index = pass.next(start &+ 1) else { return nil }
        var isOpen = pass.byte(index) != 0x5D
        while isOpen {
            guard let value = visit(index, node, serial, depth: depth &+ 1, pass, &scratch),
                let separator = pass.next(value)
            else { return nil }
            isOpen = pass.byte(separator) == 0x2C
            guard isOpen || pass.byte(separator) == 0x5D else { return nil }
            index = isOpen ? separator &+ 1 : separator
        }
        return index &+ 1
    }

    @inline(__always)
    private func child(of node: UInt32, _ name: JSONPass.Text, _ pass: JSONPass) -> UInt32? {
        guard name.hasEscapes else {
            return child(of: node, pass.base + name.start, name.end &- name.start)
        }
        return pass.unescaped(name).withUnsafeBytes { child(of: node, ByteTable.address($0), $0.count) }
    }

    private func visitScalar(
        _ start: Int, _ node: UInt32, _ serial: UInt64, _ pass: JSONPass, _ scratch: inout MatchScratch
    ) -> Int? {
        let number = nodes[Int(node)].leaf
        guard number != Self.none else { return pass.endOfScalar(at: start) }
        let leaf = leaves[Int(number)]
        let end: Int?
        switch pass.byte(start) {
        case 0x22:
            guard let text = pass.text(at: start) else { return nil }
            visitText(text, leaf, serial, pass, &scratch)
            return text.end &+ 1
        case 0x74:
            end = pass.endOf("true", at: start)
            if end != nil { testLiteral(leaf.trueList, at: leaf, serial, &scratch) }
        case 0x66:
            end = pass.endOf("false", at: start)
            if end != nil { testLiteral(leaf.falseList, at: leaf, serial, &scratch) }
        case 0x6E:
            end = pass.endOf("null", at: start)
            if end != nil { testLiteral(leaf.nullList, at: leaf, serial, &scratch) }
        default:
            end = pass.endOfScalar(at: start)
            guard let end else { return nil }
            testNumber(
                UnsafeRawBufferPointer(start: pass.base + start, count: end &- start), at: leaf, serial,
                &scratch)
        }
        return end
    }

    @inline(__always)
    private func visitText(
        _ text: JSONPass.Text, _ leaf: Leaf, _ serial: UInt64, _ pass: JSONPass, _ scratch: inout MatchScratch
    ) {
        guard text.hasEscapes else {
            let bytes = UnsafeRawBufferPointer(start: pass.base + text.start, count: text.end &- text.start)
            return testText(bytes, at: leaf, serial, &scratch)
        }
        pass.unescaped(text).withUnsafeBytes { testText($0, at: leaf, serial, &scratch) }
    }
}
