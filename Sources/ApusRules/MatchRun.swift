// SPDX-License-Identifier: Apache-2.0

// A program at work on one event: the places of its arrays, looked up once. What runs for every field of every event then counts no references
// and asks no array for its bounds; all indexes come from the program itself, and pass JSONPass or XMLPass where they come from an event.

/// One event being matched. It must not outlive the call that it is made for.
struct MatchRun {
    let nodes: UnsafePointer<MatchProgram.Node>
    let nodeCount: Int
    let links: UnsafePointer<MatchProgram.Link>
    let steps: UnsafePointer<MatchProgram.Step>
    let code: UnsafePointer<UInt32>
    let tests: UnsafePointer<PatternTest?>
    let names: ByteTable.Reader
    let keys: ByteTable.Reader
    let ranges: RangeTree.Reader
    let windows: UnsafePointer<NumberWindow>
    let memory: UnsafeMutablePointer<MatchMemory>

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
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        let number = memory.pointee.note(.object, nothing, isStored: false, at: node, in: outer)
        memory.pointee.frames.append(
            MatchMemory.Frame(object: number, outer: outer, firstProbe: memory.pointee.probes.count))
        return memory.pointee.frames.count &- 1
    }

    /// Rouses a step because of a value in the object of a frame, or because the step before it holds there.
    @inline(__always)
    func rouse(_ number: UInt32, in frame: Int) {
        let step = steps[Int(number)]
        var frame = frame
        for _ in 0..<step.up { frame = memory.pointee.frames[frame].outer }
        let object = memory.pointee.frames[frame].object
        guard memory.pointee.roused[Int(number)].object != object else { return }
        memory.pointee.roused[Int(number)].object = object
        memory.pointee.work &+= 1
        guard step.codeLength > 0 else { return memory.pointee.matched.append(step.rule) }
        // The attributes alone do not settle it.
        if step.asksData { memory.pointee.needsData = true }
        let next = memory.pointee.frames[frame].firstHit
        memory.pointee.frames[frame].firstHit = UInt32(truncatingIfNeeded: memory.pointee.hits.count)
        memory.pointee.hits.append(MatchMemory.Hit(step: number, next: next))
    }

    /// Ends the object of a frame, which is the last one: what waited for it is tried.
    @inline(__always)
    func leave(_ frame: Int, isReadable: Bool = true) {
        runProbes(of: frame)
        // As with probes: first all is read that will be needed.
        var sink: UInt32 = 0
        var next = memory.pointee.frames[frame].firstHit
        while next != Self.none {
            let hit = memory.pointee.hits[Int(next)]
            sink ^= code[Int(steps[Int(hit.step)].code)]
            next = hit.next
        }
        memory.pointee.sink ^= UInt64(sink)
        next = memory.pointee.frames[frame].firstHit
        while next != Self.none {
            let hit = memory.pointee.hits[Int(next)]
            next = hit.next
            attempt(hit.step, in: frame, isReadable: isReadable)
        }
        memory.pointee.frames.removeLast()
    }

    /// Tries what a step asks of the object of a frame, which is ending.
    @inline(never)
    func attempt(_ number: UInt32, in frame: Int, isReadable: Bool) {
        let step = steps[Int(number)]
        guard isReadable || !step.asksData, holds(step, in: memory.pointee.frames[frame].object) else {
            return
        }
        guard step.next == Self.none else { return rouse(step.next, in: frame) }
        // Once for each event, however many elements of an array it holds in.
        guard memory.pointee.roused[Int(number)].event != memory.pointee.base else { return }
        memory.pointee.roused[Int(number)].event = memory.pointee.base
        memory.pointee.matched.append(step.rule)
    }

    /// Forgets objects whose end was not reached, and what waited for it.
    func abandon(framesAbove frame: Int) {
        memory.pointee.frames.count = frame + 1
        memory.pointee.probes.count = memory.pointee.frames[frame].firstProbe
    }
}
