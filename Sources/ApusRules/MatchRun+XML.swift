// SPDX-License-Identifier: Apache-2.0

// The one pass over XML data. An element is an object that has its attributes (`@name`) and the elements inside it as fields, and a value, its
// own text. An element of the same name beside it is as a further element of an array.
//
// A pattern may name an element with its prefix or without. So an element may be a value of two nodes at once, and of two more for each of them
// further in: what is visited are the nodes that some pattern has, never more.

extension MatchRun {
    /// A node that the open element is a value of.
    private struct Active {
        var node: UInt32
        /// The frame of the object around the element.
        var outer: Int
        /// The element's own, nil if nothing is asked of what is inside.
        var frame: Int?
    }

    /// An open element.
    private struct Element {
        /// Its first node in the list of those that are active; it has those up to the end, or up to the first of an element inside it.
        var firstActive: Int
        var wantsText = false
        var hasElements = false
        /// Its text while that stands in one piece, and otherwise.
        var piece: XMLPass.Text?
        var joined: [UInt8] = []

        /// Adds a piece of the element's text.
        mutating func take(_ text: XMLPass.Text, _ pass: XMLPass) {
            if piece == nil, joined.isEmpty, !text.isCoded {
                piece = text
                return
            }
            if let piece { pass.append(piece, to: &joined) }
            piece = nil
            pass.append(text, to: &joined)
        }
    }

    /// Visits the values of XML data; false if it is not XML, or has a document type declaration.
    func visit(xml data: UnsafeRawBufferPointer, _ dataNode: UInt32) -> Bool {
        var pass = XMLPass(data)
        var actives = [Active(node: dataNode, outer: 0, frame: enter(dataNode, in: 0))]
        var elements = [Element(firstActive: 0)]
        var name: [UInt8] = []
        while let token = pass.next() {
            switch token {
            case .start(let name):
                elements[elements.count - 1].hasElements = true
                elements.append(open(name, pass, elements[elements.count - 1].firstActive, &actives))
            case .attribute(let attribute, let value):
                let first = elements[elements.count - 1].firstActive
                guard first < actives.count, !pass.isDeclaration(attribute) else { continue }
                visit(attribute, value, pass, actives[first...], &name)
            case .text(let text):
                if elements[elements.count - 1].wantsText { elements[elements.count - 1].take(text, pass) }
            case .tagEnd(let isEmpty):
                if isEmpty, let element = elements.popLast() { close(element, pass, &actives) }
            case .end:
                if let element = elements.popLast() { close(element, pass, &actives) }
            case .endOfDocument:
                if let frame = actives.first?.frame { leave(frame) }
                return true
            }
        }
        return false
    }

    private func open(
        _ name: XMLPass.Name, _ pass: XMLPass, _ first: Int, _ actives: inout [Active]
    ) -> Element {
        var element = Element(firstActive: actives.count)
        let local = pass.bytes(name.local, name.end)
        let full = pass.bytes(name.start, name.end)
        for index in first..<element.firstActive {
            guard let outer = actives[index].frame else { continue }
            for name in name.hasPrefix ? [local, full] : [local] {
                guard let node = child(of: actives[index].node, ByteTable.address(name), name.count) else {
                    continue
                }
                let frame = nodes[Int(node)].fields > 0 ? enter(node, in: outer) : nil
                actives.append(Active(node: node, outer: outer, frame: frame))
                element.wantsText = true
            }
        }
        return element
    }

    private func visit(
        _ attribute: XMLPass.Name, _ value: XMLPass.Text, _ pass: XMLPass, _ actives: ArraySlice<Active>,
        _ name: inout [UInt8]
    ) {
        for start in attribute.hasPrefix ? [attribute.local, attribute.start] : [attribute.start] {
            name.removeAll(keepingCapacity: true)
            name.append(0x40)
            name.append(contentsOf: pass.bytes(start, attribute.end))
            for active in actives {
                guard let frame = active.frame,
                    let node = name.withUnsafeBytes({
                        child(of: active.node, ByteTable.address($0), $0.count)
                    })
                else { continue }
                if value.isCoded {
                    var text: [UInt8] = []
                    pass.append(value, to: &text)
                    visit(stored: text, .attribute, at: node, in: frame)
                } else {
                    let value = MatchValue(kind: .attribute, bytes: pass.bytes(value.start, value.end))
                    visit(value, at: node, in: frame)
                }
            }
        }
    }

    private func close(_ element: Element, _ pass: XMLPass, _ actives: inout [Active]) {
        for active in actives[element.firstActive...].reversed() {
            if let frame = active.frame { leave(frame) }
        }
        if element.wantsText {
            let joined = element.joined[...].trimmed
            let plain = element.piece.map { pass.bytes($0.start, $0.end)[...].trimmed }
            // An element with elements inside has a value only if it has text of its own.
            if !element.hasElements || !(plain?.isEmpty ?? joined.isEmpty) {
                for active in actives[element.firstActive...] {
                    if let plain {
                        let value = MatchValue(
                            kind: .attribute, bytes: UnsafeRawBufferPointer(rebasing: plain))
                        visit(value, at: active.node, in: active.outer)
                    } else {
                        visit(stored: Array(joined), .attribute, at: active.node, in: active.outer)
                    }
                }
            }
        }
        actives.removeSubrange(element.firstActive...)
    }
}

extension RandomAccessCollection<UInt8> where SubSequence == Self {
    /// Without white space at the ends.
    var trimmed: Self {
        var rest = self
        while let first = rest.first, XMLPass.isSpace(first) { rest = rest.dropFirst() }
        while let last = rest.last, XMLPass.isSpace(last) { rest = rest.dropLast() }
        return rest
    }
}
