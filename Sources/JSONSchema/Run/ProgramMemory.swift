// SPDX-License-Identifier: Apache-2.0

// The arrays of a program as plain memory: a run follows their addresses without touching a reference count. The memory is written when
// the program is made and never again, so any number of threads share it.

/// The addresses of a program's arrays.
struct ProgramView {
    let nodes: UnsafePointer<Node>
    let strings: UnsafePointer<StringCheck>
    let numbers: UnsafePointer<NumberCheck>
    let inPlace: UnsafePointer<InPlace>
    let objects: UnsafePointer<ObjectPlan>
    let arrays: UnsafePointer<ArrayPlan>
    let members: UnsafePointer<MemberPlan>
    let patterns: UnsafePointer<PatternPlan>
    let dependents: UnsafePointer<DependentPlan>
    let tables: UnsafePointer<ValueTable>
    let entries: UnsafePointer<ValueEntry>
    /// Indexes of nodes and bits.
    let links: UnsafePointer<Int32>
    let slots: UnsafePointer<Int32>
    /// Names, numbers and values as text.
    let bytes: UnsafePointer<UInt8>
    let regexPlans: UnsafePointer<RegexPlan>
    let regexClasses: UnsafePointer<UInt8>
    let regexRows: UnsafePointer<UInt16>
    let hasDynamicReferences: Bool
}

/// A compiled schema with everything it refers to.
final class Program: @unchecked Sendable {
    let root: Int32
    let limits: SchemaLimits
    let view: ProgramView
    let regexes: [Regex]
    /// For each anchor of dynamic references, who answers to it.
    let anchors: [[DynamicAnchor]]
    /// For messages: where each node stands in its schema.
    let locations: [String]
    let patternTexts: [String]

    init(
        root: Int32, limits: SchemaLimits, parts: ProgramParts, regexes: [Regex], anchors: [[DynamicAnchor]],
        locations: [String], patternTexts: [String]
    ) {
        self.root = root
        self.limits = limits
        self.regexes = regexes
        self.anchors = anchors
        self.locations = locations
        self.patternTexts = patternTexts
        var plans: [RegexPlan] = []
        var classes: [UInt8] = []
        var rows: [UInt16] = []
        for regex in regexes {
            plans.append(
                RegexPlan(
                    classes: Int32(classes.count), rows: Int32(rows.count),
                    width: Int32(regex.table?.width ?? 0),
                    start: regex.table?.start ?? 0, acceptsEmpty: regex.table?.acceptsEmpty ?? false))
            classes += regex.table?.classes ?? []
            rows += regex.table?.rows ?? []
        }
        view = ProgramView(
            nodes: Self.keep(parts.nodes), strings: Self.keep(parts.strings),
            numbers: Self.keep(parts.numbers),
            inPlace: Self.keep(parts.inPlace), objects: Self.keep(parts.objects),
            arrays: Self.keep(parts.arrays),
            members: Self.keep(parts.members), patterns: Self.keep(parts.patterns),
            dependents: Self.keep(parts.dependents), tables: Self.keep(parts.tables),
            entries: Self.keep(parts.entries), links: Self.keep(parts.links), slots: Self.keep(parts.slots),
            bytes: Self.keep(parts.bytes), regexPlans: Self.keep(plans), regexClasses: Self.keep(classes),
            regexRows: Self.keep(rows), hasDynamicReferences: !anchors.isEmpty)
    }

    deinit {
        view.nodes.deallocate()
        view.strings.deallocate()
        view.numbers.deallocate()
        view.inPlace.deallocate()
        view.objects.deallocate()
        view.arrays.deallocate()
        view.members.deallocate()
        view.patterns.deallocate()
        view.dependents.deallocate()
        view.tables.deallocate()
        view.entries.deallocate()
        view.links.deallocate()
        view.slots.deallocate()
        view.bytes.deallocate()
        view.regexPlans.deallocate()
        view.regexClasses.deallocate()
        view.regexRows.deallocate()
    }

    /// A copy that stays where it is. `BitwiseCopyable`: nothing is to be destroyed with it.
    private static func keep<Element: BitwiseCopyable>(_ array: [Element]) -> UnsafePointer<Element> {
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: max(array.count, 1))
        memory.initialize(from: array, count: array.count)
        return UnsafePointer(memory)
    }
}
