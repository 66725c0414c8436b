// SPDX-License-Identifier: Apache-2.0

// Objects and arrays: members found by name, elements by place, each value looked at as it comes by.

import JSONText

extension Run {
    /// Applies a plan to the object at `position`.
    mutating func evaluateObject(_ plan: UnsafePointer<ObjectPlan>, marks: Marks) -> Bool {
        guard enter() else { return false }
        // Bits of the members that are there: in a word, or for very many in a reserved place.
        var present: UInt64 = 0
        let isWide = plan.pointee.tracked > 64
        var wide = Self.noMarks
        if isWide {
            // For the words that are cleared here, and the bits of required members that are looked at behind the last member.
            guard spend(Int(plan.pointee.tracked) >> 10 + Int(plan.pointee.required.count) >> 4) else {
                return false
            }
            wide = reserve(words: (Int(plan.pointee.tracked) + 63) >> 6)
        }
        let start = position
        let members = view.members + Int(plan.pointee.members.start)
        let known = Int(plan.pointee.members.count)
        let isSimple = plan.pointee.patterns.count == 0 && plan.pointee.names < 0 && marks.start < 0
        var expected = 0
        var count = 0
        while true {
            let (quote, name, found): (Int, StringPlace, Int)
            if expected < known, let place = passMember(members + expected, isFirst: count == 0) {
                (name, found) = (place, expected)
                quote = place.start &- 1
            } else {
                guard let more = nextMember(isFirst: count == 0) else { return false }
                guard more else { break }
                quote = position
                guard let place = scanString(), scanColon() else { return false }
                name = place
                found = known > 0 ? find(name, members: members, plan: plan) : -1
            }
            steps &-= 1
            var node = plan.pointee.additional
            if found >= 0 {
                expected = found &+ 1
                let member = members + found
                node = member.pointee.node >= 0 ? member.pointee.node : node
                if member.pointee.bit >= 0 {
                    if isWide {
                        mark(Int(member.pointee.bit), in: wide)
                    } else {
                        present |= 1 << UInt64(member.pointee.bit)
                    }
                }
            }
            if isSimple {
                guard node >= 0 ? evaluateContent(node) : skipValue() else { return false }
            } else {
                let declared = found >= 0 ? members[found].node : Node.none
                guard
                    applyMember(
                        plan, quote: quote, name: name, declared: declared, index: count, marks: marks)
                else { return false }
            }
            count &+= 1
        }
        depth &+= 1
        guard count >= plan.pointee.minimum, count <= plan.pointee.maximum else { return false }
        if isWide {
            for index in plan.pointee.required.range where !isMarked(Int(view.links[index]), in: wide) {
                return false
            }
        } else if present & plan.pointee.requiredMask != plan.pointee.requiredMask {
            return false
        }
        if plan.pointee.dependents.count > 0 {
            guard checkDependents(plan, from: start - 1, present: present, wide: wide, marks: marks) else {
                return false
            }
        }
        if isWide { release(wide) }
        return true
    }

    /// Applies to a member, whose value is at `position`, everything that its name is subject to.
    private mutating func applyMember(
        _ plan: UnsafePointer<ObjectPlan>, quote: Int, name: StringPlace, declared: Int32, index: Int,
        marks: Marks
    ) -> Bool {
        let start = position
        if plan.pointee.names >= 0 {
            position = quote
            guard evaluate(plan.pointee.names, marks: Self.noMarks), spend(bytes: position - quote) else {
                return false
            }
            position = start
        }
        var isEvaluated = false
        if declared >= 0 {
            guard evaluate(declared, marks: Self.noMarks) else { return false }
            isEvaluated = true
        }
        for place in plan.pointee.patterns.range {
            guard matches(name, regex: Int(view.patterns[place].regex)) else {
                guard failure == nil else { return false }
                continue
            }
            // The first look at the value is free.
            if isEvaluated { guard spend(bytes: position - start) else { return false } }
            position = start
            guard evaluate(view.patterns[place].node, marks: Self.noMarks) else { return false }
            isEvaluated = true
        }
        if !isEvaluated {
            if plan.pointee.additional >= 0 {
                guard evaluate(plan.pointee.additional, marks: Self.noMarks) else { return false }
                isEvaluated = true
            } else {
                guard skipValue() else { return false }
            }
        }
        if isEvaluated, marks.start >= 0 { mark(index, in: marks) }
        return true
    }

    /// Passes over the comma, the name and the colon of a member if they are written without white space and it is this one; nil
    /// leaves everything as it is. Most documents name members in the order of the schema, so the next one is tried first.
    @inline(__always)
    private mutating func passMember(_ member: UnsafePointer<MemberPlan>, isFirst: Bool) -> StringPlace? {
        guard member.pointee.isPlain else { return nil }
        var quote = position
        if !isFirst {
            guard quote < end, byte(quote) == 0x2C else { return nil }
            quote &+= 1
        }
        let length = Int(member.pointee.name.count)
        let after = quote &+ length &+ 3
        guard after <= end,
            TextBytes.equal(
                base + quote, view.bytes + Int(member.pointee.name.start) - 1, length &+ 3)
        else { return nil }
        position = after
        return StringPlace(start: quote &+ 1, end: after &- 2, hasEscapes: false, isPlain: false)
    }

    /// The member with this name, or -1.
    private mutating func find(
        _ name: StringPlace, members: UnsafePointer<MemberPlan>, plan: UnsafePointer<ObjectPlan>
    ) -> Int {
        if name.hasEscapes { return findEscaped(name, members: members, plan: plan) }
        return find(base + name.start, name.end &- name.start, members: members, plan: plan)
    }

    private mutating func find(
        _ name: UnsafeRawPointer, _ length: Int, members: UnsafePointer<MemberPlan>,
        plan: UnsafePointer<ObjectPlan>
    ) -> Int {
        let hash = TextBytes.hash(name, length)
        let mask = Int(plan.pointee.slots.count) &- 1
        let slots = view.slots + Int(plan.pointee.slots.start)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let index = Int(slots[slot]) &- 1
            let member = members + index
            if member.pointee.hash == UInt32(truncatingIfNeeded: hash),
                Int(member.pointee.name.count) == length,
                TextBytes.equal(name, view.bytes + Int(member.pointee.name.start), length)
            {
                return index
            }
            // Names may be chosen so that all have one place.
            steps &-= 1
            slot = (slot &+ 1) & mask
        }
        return -1
    }

    @inline(never)
    private mutating func findEscaped(
        _ name: StringPlace, members: UnsafePointer<MemberPlan>, plan: UnsafePointer<ObjectPlan>
    ) -> Int {
        unescape(name)
        let unescaped = self.unescaped
        return unescaped.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else {
                return find(self.base, 0, members: members, plan: plan)
            }
            return find(base, bytes.count, members: members, plan: plan)
        }
    }

    /// The index in `members` of the one with this name; for explaining.
    mutating func member(named name: String, of plan: UnsafePointer<ObjectPlan>) -> Int? {
        guard plan.pointee.members.count > 0 else { return nil }
        let first = Int(plan.pointee.members.start)
        let bytes = Array(name.utf8)
        let found = bytes.withUnsafeBytes {
            find($0.baseAddress ?? base, $0.count, members: view.members + first, plan: plan)
        }
        return found >= 0 ? first + found : nil
    }

    /// Checks what members that are there ask for.
    private mutating func checkDependents(
        _ plan: UnsafePointer<ObjectPlan>, from start: Int, present: UInt64, wide: Marks, marks: Marks
    ) -> Bool {
        let after = position
        func isPresent(_ bit: Int32, _ run: borrowing Run) -> Bool {
            wide.start >= 0 ? run.isMarked(Int(bit), in: wide) : present & 1 << UInt64(bit) != 0
        }
        guard spend(Int(plan.pointee.dependents.count) >> 3) else { return false }
        for index in plan.pointee.dependents.range {
            let dependent = view.dependents[index]
            guard isPresent(dependent.bit, self) else { continue }
            guard spend(Int(dependent.required.count) >> 3) else { return false }
            for link in dependent.required.range {
                guard isPresent(view.links[link], self) else { return false }
            }
            guard dependent.node >= 0 else { continue }
            guard spend(bytes: after - start) else { return false }
            position = start
            guard evaluate(dependent.node, marks: marks) else { return false }
        }
        position = after
        return true
    }

    /// Applies a plan to the array at `position`.
    mutating func evaluateArray(_ plan: UnsafePointer<ArrayPlan>, marks: Marks) -> Bool {
        guard enter() else { return false }
        let prefix = Int(plan.pointee.prefix.count)
        let firstElement = elements.count
        var count = 0
        var matching: Int64 = 0
        while true {
            guard let more = nextElement(isFirst: count == 0) else { return false }
            guard more else { break }
            steps &-= 1
            let start = position
            let node =
                count < prefix ? view.links[Int(plan.pointee.prefix.start) + count] : plan.pointee.items
            if node >= 0 {
                guard evaluateContent(node) else { return false }
                if marks.start >= 0 { mark(count, in: marks) }
            } else {
                guard skipValue() else { return false }
            }
            if plan.pointee.contains >= 0, matching <= plan.pointee.maxContains || marks.start >= 0 {
                let after = position
                position = start
                if probe(plan.pointee.contains, marks: Self.noMarks) {
                    matching += 1
                    if marks.start >= 0, plan.pointee.containsEvaluates { mark(count, in: marks) }
                }
                guard failure == nil, spend(bytes: after - start) else { return false }
                position = after
            }
            if plan.pointee.isUnique {
                guard spend((position - start) >> 4) else { return false }
                var text = TextValue(base, start, end)
                elements.append(Element(hash: text.hash(), start: start))
            }
            count &+= 1
        }
        depth &+= 1
        guard count >= plan.pointee.minimum, count <= plan.pointee.maximum else { return false }
        if plan.pointee.contains >= 0 {
            guard matching >= plan.pointee.minContains, matching <= plan.pointee.maxContains else {
                return false
            }
        }
        if plan.pointee.isUnique {
            guard areDifferent(from: firstElement) else { return false }
            elements.removeLast(elements.count - firstElement)
        }
        return true
    }

    /// Whether no two of the elements from `first` on are equal. Those with different hashes are not.
    private mutating func areDifferent(from first: Int) -> Bool {
        let count = elements.count - first
        guard count > 1 else { return true }
        if count <= 8 {
            for left in first..<elements.count - 1 {
                for right in left + 1..<elements.count where elements[left].hash == elements[right].hash {
                    if areEqual(elements[left].start, elements[right].start) { return false }
                    guard failure == nil else { return false }
                }
            }
            return true
        }
        // A hash table of indexes, reserved where the bits are.
        var size = 16
        while size < count * 2 { size *= 2 }
        guard spend(size >> 3) else { return false }
        let slots = reserve(words: size)
        for index in 0..<count {
            let element = elements[first + index]
            var slot = Int(truncatingIfNeeded: element.hash ^ element.hash >> 32) & (size - 1)
            while bits[slots.start + slot] != 0 {
                let other = elements[first + Int(bits[slots.start + slot]) - 1]
                guard spend(1) else { return false }
                if other.hash == element.hash {
                    if areEqual(other.start, element.start) { return false }
                    guard failure == nil else { return false }
                }
                slot = (slot + 1) & (size - 1)
            }
            bits[slots.start + slot] = UInt64(index + 1)
        }
        release(slots)
        return true
    }

    private mutating func areEqual(_ left: Int, _ right: Int) -> Bool {
        var left = TextValue(base, left, end)
        var right = TextValue(base, right, end)
        let isEqual = left.equals(&right, steps: &steps)
        return spend(0) && isEqual
    }
}
