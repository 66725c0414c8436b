// SPDX-License-Identifier: Apache-2.0

// What a roused clause asks for besides, tried on what the visit noted. A condition can hold in two ways: because of a value that is there (a
// witness), or because nothing it mentions is there at all and that is what it wants. In an array, a witness is needed in one element, absence
// in all of them.
//
// The values of a node are chained from the last to the first, and those of one object stand together in the chain. Nested objects are gone
// through from the last to the first as well, so that their values are found in one walk along each chain.

extension MatchRun {
    private struct Verdict {
        var byWitness: Bool
        var byAbsence: Bool
        var holds: Bool { byWitness || byAbsence }
    }

    /// Whether all conditions that stand at a place hold in an object that has ended.
    @inline(__always)
    func holds(_ start: Int, _ length: Int, in object: UInt64) -> Bool {
        var index = start
        let end = index &+ length
        while index < end {
            let head = code[index &+ 1]
            let length = Int(head & ConditionCode.lengthMask)
            let verdict: Verdict
            if head & ConditionCode.isOnObjects == 0 {
                // What came after the object: no more than one batch.
                var number = memory.pointee.last[Int(code[index])]
                while number >= memory.pointee.base, memory.pointee.entry(number).parent > object {
                    number = memory.pointee.entry(number).previous
                }
                verdict = verdictOnValues(index, from: number, in: object)
            } else {
                memory.pointee.look &+= 1
                verdict = verdictOnObjects(index, in: object)
            }
            guard verdict.holds else { return false }
            index &+= 2 &+ length
        }
        return true
    }

    /// The verdict on the values of one object for the condition at `index`; the last of them is `number`.
    @inline(__always)
    private func verdictOnValues(_ index: Int, from number: UInt64, in object: UInt64) -> Verdict {
        let head = code[index &+ 1]
        var number = number
        var isAbsent = true
        let base = memory.pointee.base
        while number >= base {
            let entry = memory.pointee.entry(number)
            guard entry.parent == object else { break }
            if entry.kind != .object {
                isAbsent = false
                if passes(index &+ 2, index &+ 2 &+ Int(head & ConditionCode.lengthMask), entry) {
                    return Verdict(byWitness: head & ConditionCode.refuses == 0, byAbsence: false)
                }
            }
            number = entry.previous
        }
        return Verdict(
            byWitness: false,
            byAbsence: head & ConditionCode.refuses != 0
                || isAbsent && head & ConditionCode.acceptsAbsence != 0)
    }

    /// The verdict on all objects at a field of one object for the condition at `index`.
    private func verdictOnObjects(_ index: Int, in object: UInt64) -> Verdict {
        let head = code[index &+ 1]
        let end = index &+ 2 &+ Int(head & ConditionCode.lengthMask)
        var number = cursor(code[index], in: object)
        var isAbsent = head & ConditionCode.acceptsAbsence != 0
        let base = memory.pointee.base
        while number >= base {
            let entry = memory.pointee.entry(number)
            guard entry.parent == object else { break }
            if entry.kind == .object {
                let verdict = verdictOnAll(index &+ 2, end, in: number)
                if verdict.byWitness { return verdict }
                isAbsent = isAbsent && verdict.byAbsence
            }
            number = entry.previous
        }
        return Verdict(byWitness: false, byAbsence: isAbsent)
    }

    private func verdictOnAll(_ start: Int, _ end: Int, in object: UInt64) -> Verdict {
        var result = Verdict(byWitness: false, byAbsence: true)
        var index = start
        while index < end {
            let head = code[index &+ 1]
            let part =
                head & ConditionCode.isOnObjects == 0
                ? verdictOnValues(index, from: cursor(code[index], in: object), in: object)
                : verdictOnObjects(index, in: object)
            guard part.holds else { return Verdict(byWitness: false, byAbsence: false) }
            result.byWitness = result.byWitness || part.byWitness
            result.byAbsence = result.byAbsence && part.byAbsence
            index &+= 2 &+ Int(head & ConditionCode.lengthMask)
        }
        return result
    }

    /// The last entry at a node that is not after those in `object`. Within a look, objects come from the last to the first.
    @inline(__always)
    private func cursor(_ node: UInt32, in object: UInt64) -> UInt64 {
        let kept = memory.pointee.cursors[Int(node)]
        var number = kept.look == memory.pointee.look ? kept.entry : memory.pointee.last[Int(node)]
        while number >= memory.pointee.base, memory.pointee.entry(number).parent > object {
            number = memory.pointee.entry(number).previous
        }
        memory.pointee.cursors[Int(node)] = (memory.pointee.look, number)
        return number
    }

    // MARK: - Tests

    /// Whether a noted value passes any of the tests from one index to another.
    @inline(__always)
    private func passes(_ start: Int, _ end: Int, _ entry: MatchMemory.Entry) -> Bool {
        guard entry.isStored else {
            let bytes = UnsafeRawBufferPointer(
                start: UnsafeRawPointer(bitPattern: entry.start), count: Int(entry.count))
            return passes(start, end, MatchValue(kind: entry.kind, bytes: bytes))
        }
        return passesStored(start, end, entry)
    }

    @inline(never)
    private func passesStored(_ start: Int, _ end: Int, _ entry: MatchMemory.Entry) -> Bool {
        // Taken out and put back, so that the memory stays writable while the text is read.
        var texts: [UInt8] = []
        swap(&texts, &memory.pointee.texts)
        let isPassed = texts.withUnsafeBytes { texts in
            let first = Int(entry.start)
            let bytes = UnsafeRawBufferPointer(rebasing: texts[first..<first + Int(entry.count)])
            return passes(start, end, MatchValue(kind: entry.kind, bytes: bytes))
        }
        swap(&texts, &memory.pointee.texts)
        return isPassed
    }

    /// Whether a value passes one test.
    @inline(__always)
    func passes(testAt index: Int, _ value: MatchValue) -> Bool {
        let head = code[index]
        // Mostly there is nothing to be tried.
        if head &>> 24 == ConditionCode.Operation.exists.rawValue { return true }
        guard let operation = ConditionCode.Operation(rawValue: head &>> 24) else { return false }
        memory.pointee.work &+= 1
        let operand = Int(head & ConditionCode.operandMask)
        // Or that a text begins or ends in a certain way, of which the key was only a part.
        guard operation == .prefix || operation == .suffix else {
            return passes(operation, operand, at: index &+ 1, value)
        }
        let start = operation == .prefix ? 0 : value.count &- operand
        return value.isText && value.count >= operand && equal(index &+ 1, value.bytes, from: start, operand)
    }

    /// Whether a value passes any of the tests from one index to another.
    private func passes(_ start: Int, _ end: Int, _ value: MatchValue) -> Bool {
        var index = start
        while index < end {
            let head = code[index]
            guard let operation = ConditionCode.Operation(rawValue: head &>> 24) else { return false }
            let operand = Int(head & ConditionCode.operandMask)
            memory.pointee.work &+= 1
            // A text that must be the same is what is mostly asked for.
            let isPassed =
                operation == .text
                ? isText(index &+ 1, value, operand) : passes(operation, operand, at: index &+ 1, value)
            if isPassed { return true }
            index &+= 1 &+ ConditionCode.length(operation, operand)
        }
        return false
    }

    @inline(never)
    private func passes(
        _ operation: ConditionCode.Operation, _ operand: Int, at index: Int, _ value: MatchValue
    ) -> Bool {
        let count = value.count
        switch operation {
        case .text: return isText(index, value, operand)
        case .prefix: return value.isText && count >= operand && equal(index, value.bytes, from: 0, operand)
        case .suffix:
            return value.isText && count >= operand
                && equal(index, value.bytes, from: count &- operand, operand)
        case .number:
            guard value.isNumber else { return false }
            let number = NumberText(value.bytes)
            let words = number.words
            return number.isShort
                && withUnsafeBytes(of: words) { equal(index, $0, from: 0, operand) }
        case .range: return isInRange(index, value)
        case .exists: return true
        case .never: return false
        case .wildcard: return value.isText && fits(index, index &+ operand, value.bytes)
        case .anythingBut: return !passes(index, index &+ operand, value)
        case .other:
            guard let test = tests[Int(code[index])] else { return false }
            return value.passes(test, memory)
        }
    }

    /// Whether a value is the text of so many bytes in the code.
    @inline(__always)
    private func isText(_ index: Int, _ value: MatchValue, _ count: Int) -> Bool {
        value.isText && value.count == count && equal(index, value.bytes, from: 0, count)
    }

    /// Whether a text in the code stands at a place of a value.
    @inline(__always)
    private func equal(_ index: Int, _ bytes: UnsafeRawBufferPointer, from start: Int, _ count: Int) -> Bool {
        ByteTable.equal(UnsafeRawPointer(code + index), ByteTable.address(bytes) + start, count)
    }

    /// Whether a text fits the wildcard whose pieces stand from one index to another.
    private func fits(_ index: Int, _ end: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let (head, tail) = (Int(code[index] & 0xFFFF), Int(code[index] &>> 16))
        var last = bytes.count &- tail
        guard last >= head, equal(index &+ 1, bytes, from: 0, head) else { return false }
        var index = index &+ 1 &+ (head &+ 3) &>> 2
        guard equal(index, bytes, from: last, tail) else { return false }
        index &+= (tail &+ 3) &>> 2
        // The first place where a piece fits leaves the most room for the rest.
        var start = head
        while index < end {
            let count = Int(code[index])
            last = bytes.count &- tail &- count
            while start <= last, !equal(index &+ 1, bytes, from: start, count) { start &+= 1 }
            guard start <= last else { return false }
            start &+= count
            index &+= 1 &+ (count &+ 3) &>> 2
        }
        return true
    }

    private func isInRange(_ index: Int, _ value: MatchValue) -> Bool {
        guard value.isNumber else { return false }
        let flags = code[index]
        let (number, isExact) = value.double
        let (low, high) = (double(index &+ 1), double(index &+ 3))
        guard number >= low, number <= high else { return false }
        guard isExact, flags & ConditionCode.isExact != 0 else {
            return passes(value, code[index &+ 5])
        }
        return !(flags & ConditionCode.isLowOpen != 0 && number == low)
            && !(flags & ConditionCode.isHighOpen != 0 && number == high)
    }

    private func double(_ index: Int) -> Double {
        Double(bitPattern: UInt64(code[index]) | UInt64(code[index &+ 1]) &<< 32)
    }
}
