// SPDX-License-Identifier: Apache-2.0

// What is wrong with objects and arrays: what is missing in them, there are too many or too few of, or comes twice; and the way into their members.

import JSONText

extension Explanation {
    /// The members of the object, or the elements of the array, that begins at `start`: names and places of values.
    mutating func children(from start: Int) -> [(quote: Int, name: String, value: Int)] {
        run.position = start
        let isObject = run.byte(start) == 0x7B
        var children: [(quote: Int, name: String, value: Int)] = []
        guard run.enter() else { return [] }
        while true {
            let isFirst = children.isEmpty
            guard let more = isObject ? run.nextMember(isFirst: isFirst) : run.nextElement(isFirst: isFirst),
                more
            else { break }
            let quote = run.position
            var name = String(children.count)
            if isObject {
                guard let place = run.scanString(), run.scanColon() else { break }
                run.unescape(place)
                name = String(decoding: run.unescaped, as: UTF8.self)
            }
            run.skipWhitespace()
            children.append((quote, name, run.position))
            guard run.spend(isObject ? 8 + name.utf8.count >> 3 : 1), run.skipValue(),
                run.spend(bytes: run.position - quote)
            else { break }
        }
        run.depth += 1
        return children
    }

    /// Tells what is wrong with a child; a schema that accepts nothing is told by the keyword it stands at.
    mutating func explainChild(
        _ node: Int32, of parent: Int32, keyword: String, named name: String, at place: Int, isMember: Bool
    ) {
        path.append(name)
        run.depth -= 1
        if run.view.nodes[Int(node)].types == 0 {
            run.position = place
            if run.skipValue() {
                let what = isMember ? "the member '\(name)'" : "the element"
                add(parent, keyword, from: place, to: run.position, "\(what) is not allowed")
            }
        } else {
            explain(node, at: place)
        }
        run.depth += 1
        path.removeLast()
    }

    mutating func explainObject(
        _ id: Int32, _ plan: UnsafePointer<ObjectPlan>, _ start: Int, _ end: Int
    ) {
        let children = children(from: start)
        guard !isDone else { return }
        // Which members of the schema are there is noted by their bits; names become text only where they are told.
        let (known, tracked) = (plan.pointee.members.range, Int(plan.pointee.tracked))
        guard run.spend(known.count >> 2 + tracked >> 3) else { return }
        var memberOfBit = [Int](repeating: -1, count: tracked)
        for index in known {
            let bit = Int(run.view.members[index].bit)
            if bit >= 0, bit < tracked { memberOfBit[bit] = index }
        }
        var isThere = [Bool](repeating: false, count: tracked)
        let declared = children.map { run.member(named: $0.name, of: plan) }
        for case let index? in declared {
            let bit = Int(run.view.members[index].bit)
            if bit >= 0, bit < tracked { isThere[bit] = true }
        }
        func name(ofBit bit: Int32, _ run: borrowing Run) -> String {
            guard memberOfBit.indices.contains(Int(bit)), memberOfBit[Int(bit)] >= 0 else { return "" }
            let span = run.view.members[memberOfBit[Int(bit)]].name
            return String(
                decoding: UnsafeRawBufferPointer(
                    start: run.view.bytes + Int(span.start), count: Int(span.count)),
                as: UTF8.self)
        }
        func isMissing(_ bit: Int32) -> Bool { !isThere.indices.contains(Int(bit)) || !isThere[Int(bit)] }
        guard run.spend(Int(plan.pointee.required.count) >> 3) else { return }
        for link in plan.pointee.required.range where isMissing(run.view.links[link]) {
            guard !isDone else { break }
            let name = name(ofBit: run.view.links[link], run)
            add(id, "required", from: start, to: end, "the member '\(name)' is missing")
        }
        if children.count < plan.pointee.minimum {
            let least = Self.count(plan.pointee.minimum, "member")
            add(
                id, "minProperties", from: start, to: end,
                "must have at least \(least), has \(children.count)")
        }
        if children.count > plan.pointee.maximum {
            let most = Self.count(plan.pointee.maximum, "member")
            add(id, "maxProperties", from: start, to: end, "must have at most \(most), has \(children.count)")
        }
        guard run.spend(Int(plan.pointee.dependents.count) >> 3) else { return }
        for index in plan.pointee.dependents.range {
            let dependent = run.view.dependents[index]
            guard !isMissing(dependent.bit) else { continue }
            guard !isDone, run.spend(1 + Int(dependent.required.count) >> 3) else { return }
            for link in dependent.required.range where isMissing(run.view.links[link]) {
                guard !isDone else { break }
                let trigger = name(ofBit: dependent.bit, run)
                let needed = name(ofBit: run.view.links[link], run)
                let rule = dependent.keyword == .dependencies ? "dependencies" : "dependentRequired"
                add(id, rule, from: start, to: end, "with the member '\(trigger)' there must be '\(needed)'")
            }
            if dependent.node >= 0 { explain(dependent.node, at: start) }
        }
        for (child, member) in zip(children, declared) where !isDone {
            var isEvaluated = false
            if plan.pointee.names >= 0 {
                let before = found.count
                explain(plan.pointee.names, at: child.quote)
                if found.count > before {
                    found.removeLast(found.count - before)
                    path.append(child.name)
                    add(
                        id, "propertyNames", from: child.quote, to: child.quote + 1,
                        "the name '\(child.name)' is not allowed")
                    path.removeLast()
                }
            }
            if let index = member, run.view.members[index].node >= 0 {
                isEvaluated = true
                explainChild(
                    run.view.members[index].node, of: id,
                    keyword: "properties/" + JSONPointer.escape(child.name),
                    named: child.name, at: child.value, isMember: true)
            }
            for index in plan.pointee.patterns.range {
                guard !isDone else { return }
                let pattern = run.view.patterns[index]
                run.position = child.quote
                guard let place = run.scanString(), run.matches(place, regex: Int(pattern.regex)) else {
                    continue
                }
                isEvaluated = true
                let text = run.program.patternTexts[Int(pattern.regex)]
                explainChild(
                    pattern.node, of: id, keyword: "patternProperties/" + JSONPointer.escape(text),
                    named: child.name,
                    at: child.value, isMember: true)
            }
            if !isEvaluated, plan.pointee.additional >= 0 {
                explainChild(
                    plan.pointee.additional, of: id, keyword: "additionalProperties", named: child.name,
                    at: child.value,
                    isMember: true)
            }
        }
    }

    mutating func explainArray(
        _ id: Int32, _ plan: UnsafePointer<ArrayPlan>, _ start: Int, _ end: Int
    ) {
        let children = children(from: start)
        if children.count < plan.pointee.minimum {
            let least = Self.count(plan.pointee.minimum, "element")
            add(id, "minItems", from: start, to: end, "must have at least \(least), has \(children.count)")
        }
        if children.count > plan.pointee.maximum {
            let most = Self.count(plan.pointee.maximum, "element")
            add(id, "maxItems", from: start, to: end, "must have at most \(most), has \(children.count)")
        }
        if plan.pointee.contains >= 0 {
            var matching: Int64 = 0
            for child in children {
                guard !isDone else { return }
                run.position = child.value
                if run.probe(plan.pointee.contains, marks: Run.noMarks) { matching += 1 }
                guard run.spend(bytes: run.position - child.value) else { return }
            }
            let what = "elements that match 'contains'"
            if matching < plan.pointee.minContains {
                let rule = plan.pointee.minContains == 1 ? "contains" : "minContains"
                add(
                    id, rule, from: start, to: end,
                    "must have at least \(plan.pointee.minContains) \(what), has \(matching)")
            }
            if matching > plan.pointee.maxContains {
                add(
                    id, "maxContains", from: start, to: end,
                    "must have at most \(plan.pointee.maxContains) \(what), has \(matching)")
            }
        }
        if plan.pointee.isUnique { explainUnique(id, children.map(\.value), start, end) }
        let prefix = Int(plan.pointee.prefix.count)
        for (index, child) in children.enumerated() where !isDone {
            let isPrefix = index < prefix
            let node = isPrefix ? run.view.links[Int(plan.pointee.prefix.start) + index] : plan.pointee.items
            guard node >= 0 else { continue }
            explainChild(
                node, of: id, keyword: isPrefix ? "prefixItems/\(index)" : "items", named: child.name,
                at: child.value,
                isMember: false)
        }
    }

    mutating func explainUnique(_ id: Int32, _ places: [Int], _ start: Int, _ end: Int) {
        var seen: [UInt64: [Int]] = [:]
        for (index, place) in places.enumerated() {
            var value = TextValue(run.base, place, run.end)
            let hash = value.hash()
            guard run.spend(8), run.spend(bytes: value.position - place) else { return }
            for other in seen[hash] ?? [] {
                guard run.spend(0) else { return }
                var left = TextValue(run.base, places[other], run.end)
                var right = TextValue(run.base, place, run.end)
                guard left.equals(&right, steps: &run.steps) else { continue }
                return add(
                    id, "uniqueItems", from: start, to: end, "the elements \(other) and \(index) are equal")
            }
            seen[hash, default: []].append(index)
        }
    }
}
