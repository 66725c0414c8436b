// SPDX-License-Identifier: Apache-2.0

// A program at work on one event: the places of its arrays, looked up once. What runs for every field of every event then counts no references
// and asks no array for its bounds; all indexes come from the program itself, and pass JSONPass or XMLPass where they come from an event.

/// One event being matched. It must not outlive the call that it is made for.
struct MatchRun {
    let nodes: UnsafePointer<MatchProgram.Node>
    let nodeCount: Int
    let code: UnsafePointer<UInt32>
    let tests: UnsafePointer<PatternTest?>
    let names: ByteTable.Reader
    let keys: ByteTable.Reader
    let ranges: RangeTree.Reader
    let memory: UnsafeMutablePointer<MatchMemory>
    /// The data, if that is JSON.
    let pass: JSONPass

    static let none = MatchProgram.none

    /// The node below another one with a name.
    @inline(__always)
    func child(of node: UInt32, _ name: UnsafeRawPointer, _ count: Int) -> UInt32? {
        guard nodes[Int(node)].nameBits & MatchProgram.nameBit(name, count) != 0 else { return nil }
        return names.value(node, name, count)
    }

    // MARK: - Objects

    /// Begins an object at a node; returns its frame.
    @inline(__always)
    func enter(_ node: UInt32, in outer: Int) -> Int {
        if memory.pointee.entries.count >= memory.pointee.batchEnd { runBatch() }
        let number = memory.pointee.note(objectAt: node, in: outer)
        memory.pointee.frames.append(
            MatchMemory.Frame(object: number, outer: UInt32(truncatingIfNeeded: outer)))
        return memory.pointee.frames.count &- 1
    }

    /// Ends the object of a frame. What waited for it is tried later, with others.
    @inline(__always)
    func leave(_ frame: Int) {
        memory.pointee.frames[frame].hasEnded = true
        memory.pointee.ended.append(UInt32(truncatingIfNeeded: frame))
    }

    /// Rouses a step because of a value in the object of a frame, or because the step before it holds there.
    @inline(__always)
    func rouse(_ number: UInt32, in frame: Int) {
        let step = ConditionCode.step(at: code + Int(number))
        let frame = outer(frame, Int(step.up))
        guard memory.pointee.roused.insert(number, memory.pointee.frames[frame].object) else { return }
        memory.pointee.work &+= 1
        guard step.length > 0 else { return memory.pointee.matched.append(step.rule) }
        // The attributes alone do not settle it.
        if step.asksData { memory.pointee.needsData = true }
        let next = memory.pointee.frames[frame].firstHit
        memory.pointee.frames[frame].firstHit = UInt32(truncatingIfNeeded: memory.pointee.hits.count)
        memory.pointee.hits.append(MatchMemory.Hit(step: number, next: next))
    }

    /// The frame so many objects further out.
    @inline(__always)
    private func outer(_ frame: Int, _ distance: Int) -> Int {
        // Mostly two at most, and how many cannot be guessed; around the event there is the event.
        let first = Int(memory.pointee.frames[frame].outer)
        var result = distance == 0 ? frame : first
        result = distance < 2 ? result : Int(memory.pointee.frames[first].outer)
        if distance > 2 {
            for _ in 2..<distance { result = Int(memory.pointee.frames[result].outer) }
        }
        return result
    }

    // MARK: - Batches

    /// Looks at all that may have been found since the last time: keys are looked up, and what waits for objects that have ended is tried.
    ///
    /// With a hundred thousand rules a program is far larger than the caches near the processor, and what there is to do is mostly waiting. So
    /// all places are asked for as soon as they are known, and looked at only when the event has been passed over, or a good part of it.
    @inline(never)
    func runBatch(isReadable: Bool = true) {
        runProbes()
        let ended = memory.pointee.ended
        for index in 0..<ended.count {
            let frame = Int(ended[index])
            var next = memory.pointee.frames[frame].firstHit
            while next != Self.none {
                let hit = memory.pointee.hits[Int(next)]
                next = hit.next
                attempt(hit.step, in: frame, isReadable: isReadable)
            }
        }
        memory.pointee.ended.count = 0
        // The event's own stays.
        while memory.pointee.frames.count > 1,
            memory.pointee.frames[memory.pointee.frames.count &- 1].hasEnded
        {
            memory.pointee.frames.removeLast()
        }
        memory.pointee.batchEnd = memory.pointee.entries.count &+ memory.pointee.batchEntries
    }

    /// Tries what a step asks of the object of a frame, which has ended.
    @inline(never)
    func attempt(_ number: UInt32, in frame: Int, isReadable: Bool) {
        let step = ConditionCode.step(at: code + Int(number))
        guard isReadable || !step.asksData,
            holds(
                Int(number) &+ ConditionCode.stepHead, Int(step.length),
                in: memory.pointee.frames[frame].object)
        else { return }
        guard step.next == Self.none else { return rouse(step.next, in: frame) }
        // Once for each event, however many elements of an array it holds in.
        guard memory.pointee.roused.insert(lastStep: number) else { return }
        memory.pointee.matched.append(step.rule)
    }

    /// Forgets all objects but the event itself, and what waited for them.
    func abandon() {
        memory.pointee.probes.count = 0
        memory.pointee.ended.count = 0
        memory.pointee.frames.count = 1
    }
}
