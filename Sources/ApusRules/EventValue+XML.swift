// SPDX-License-Identifier: Apache-2.0

// XML data as a tree, for explaining: what MatchRun visits in place, written out.

extension EventValue {
    private struct Element {
        var members: [(name: [UInt8], value: EventValue)] = []
        var text: [UInt8] = []
        var hasElements = false
        var name: XMLPass.Name

        /// The object with the element's attributes and elements, and its text.
        var value: EventValue {
            let own = Array(text[...].trimmed)
            let object = EventValue.object(members)
            return hasElements && own.isEmpty ? object : .several([object, .attribute(own)])
        }
    }

    /// The value of an XML document; nil if it is none, or has a document type declaration.
    init?(xml bytes: [UInt8]) {
        let value = bytes.withUnsafeBytes { Self.read(XMLPass($0)) }
        guard let value else { return nil }
        self = value
    }

    private static func read(_ pass: XMLPass) -> EventValue? {
        var pass = pass
        var document: [(name: [UInt8], value: EventValue)] = []
        var open: [Element] = []
        while let token = pass.next() {
            switch token {
            case .start(let name): open.append(Element(name: name))
            case .attribute(let name, let text):
                guard !pass.isDeclaration(name), !open.isEmpty else { continue }
                var value: [UInt8] = []
                pass.append(text, to: &value)
                for start in name.hasPrefix ? [name.local, name.start] : [name.start] {
                    open[open.count - 1].members.append(
                        ([0x40] + pass.bytes(start, name.end), .attribute(value)))
                }
            case .text(let text):
                if !open.isEmpty { pass.append(text, to: &open[open.count - 1].text) }
            case .tagEnd(isEmpty: false): break
            case .tagEnd(isEmpty: true), .end:
                guard let element = open.popLast() else { return nil }
                let name = element.name
                let value = element.value
                for start in name.hasPrefix ? [name.local, name.start] : [name.start] {
                    let member = (name: Array(pass.bytes(start, name.end)), value: value)
                    if open.isEmpty {
                        document.append(member)
                    } else {
                        open[open.count - 1].members.append(member)
                        open[open.count - 1].hasElements = true
                    }
                }
            case .endOfDocument: return .object(document)
            }
        }
        return nil
    }
}
