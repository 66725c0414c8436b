// SPDX-License-Identifier: Apache-2.0

// Event Grid's filters as patterns: the subject, the event types, and advanced filters, of which all have to hold.

import JSONText

/// The bounds within which Event Grid accepts a filter.
public struct EventGridFilterLimits: Sendable, Hashable {
    /// Length of the text, in bytes.
    public var textBytesMax = 64 * 1024
    /// Advanced filters.
    public var filtersMax = 25
    /// Values over all advanced filters; a range is one.
    public var valuesMax = 25
    /// Event types.
    public var typesMax = 1000
    /// Characters (Unicode scalars) of a text.
    public var charactersMax = 512
    /// Names in a key, `data` included.
    public var keyLevelsMax = 16

    /// Event Grid's own limits; those on lengths that it does not state are Apus's.
    public init() {}
}

extension Pattern {
    /// Makes a pattern of an Event Grid filter: the object that is called `filter` in an event subscription, or `filtersConfiguration` in a
    /// subscription to a namespace topic.
    ///
    /// - Parameters:
    ///   - text: the filter, in JSON.
    ///   - limits: what it may cost; Event Grid's own if not given.
    /// - Throws: `RuleLanguageError` with the reason, the member and the place.
    public init(
        eventGridFilter text: String, limits: EventGridFilterLimits = EventGridFilterLimits()
    ) throws(RuleLanguageError) {
        try self.init(eventGridFilter: Array(text.utf8), limits: limits)
    }

    /// Makes a pattern of an Event Grid filter.
    ///
    /// - Parameters:
    ///   - text: the filter, in JSON, as UTF-8.
    ///   - limits: what it may cost; Event Grid's own if not given.
    /// - Throws: `RuleLanguageError` with the reason, the member and the place.
    public init(
        eventGridFilter text: [UInt8], limits: EventGridFilterLimits = EventGridFilterLimits()
    ) throws(RuleLanguageError) {
        var filter = EventGridFilter(limits: limits)
        try JSONForm.read(text, in: .eventGridFilter, bytesMax: limits.textBytesMax) {
            form throws(RuleLanguageError) in try filter.read(&form)
        }
        self.init(root: filter.condition.object)
    }
}

/// A filter while it is read.
struct EventGridFilter {
    private let limits: EventGridFilterLimits
    private var subjectStart: [UInt8] = []
    private var subjectEnd: [UInt8] = []
    private var isSubjectCaseSensitive = false
    private var types: [[UInt8]]?
    private var advanced: [Condition] = []
    private var filterCount = 0
    private var valueCount = 0

    private static let members = [
        "subjectBeginsWith", "subjectEndsWith", "isSubjectCaseSensitive", "includedEventTypes",
        "enableAdvancedFilteringOnArrays", "advancedFilters", "filters",
    ]

    init(limits: EventGridFilterLimits) { self.limits = limits }

    // MARK: - Reading

    mutating func read(_ form: inout JSONForm) throws(RuleLanguageError) {
        // Taken out, since the closures cannot hold an inout of the whole.
        var filter = self
        try form.readObject(.unexpected("something else", expected: "an object")) {
            form, name, start throws(RuleLanguageError) in
            guard Self.members.contains(name) else {
                throw form.error(.unknownMember(name, known: Self.members), at: start)
            }
            // The control plane writes null for what is not set.
            guard try !form.skipNull() else { return }
            try filter.readMember(name, &form)
        }
        self = filter
    }

    private mutating func readMember(_ name: String, _ form: inout JSONForm) throws(RuleLanguageError) {
        switch name {
        case "subjectBeginsWith": subjectStart = try readText(name, &form)
        case "subjectEndsWith": subjectEnd = try readText(name, &form)
        case "isSubjectCaseSensitive":
            isSubjectCaseSensitive = try form.readBool(.invalidMember(name, expected: "true or false"))
        case "includedEventTypes": types = try readTypes(&form)
        case "enableAdvancedFilteringOnArrays":
            // Arrays always stand for their elements.
            _ = try form.readBool(.invalidMember(name, expected: "true or false"))
        default:
            var filter = self
            try form.readArray(.invalidMember(name, expected: "a list of filters")) {
                form throws(RuleLanguageError) in try filter.readAdvanced(&form)
            }
            self = filter
        }
    }

    private mutating func readTypes(_ form: inout JSONForm) throws(RuleLanguageError) -> [[UInt8]]? {
        let invalid = RuleLanguageError.Reason.invalidMember(
            "includedEventTypes", expected: "a list of types")
        var types: [[UInt8]] = []
        let limit = limits.typesMax
        let filter = self
        try form.readArray(invalid) { form throws(RuleLanguageError) in
            guard types.count < limit else { throw form.error(.tooMany("event types", limit: limit)) }
            types.append(try filter.readText("includedEventTypes", &form))
        }
        // An empty list restricts nothing, as no list does.
        return types.isEmpty || types.contains { $0.elementsEqual("All".utf8) } ? nil : types
    }

    private func readText(_ name: String, _ form: inout JSONForm) throws(RuleLanguageError) -> [UInt8] {
        _ = try form.kind()
        let start = form.scanner.position
        let text = try form.readString(.invalidMember(name, expected: "a string"))
        guard text.count(where: { $0 & 0xC0 != 0x80 }) <= limits.charactersMax else {
            throw form.error(.tooMany("characters in a text", limit: limits.charactersMax), at: start)
        }
        return text
    }

    private mutating func readAdvanced(_ form: inout JSONForm) throws(RuleLanguageError) {
        filterCount += 1
        guard filterCount <= limits.filtersMax else {
            throw form.error(.tooMany("advanced filters", limit: limits.filtersMax))
        }
        form.path.append(String(filterCount - 1))
        _ = try form.kind()
        let start = form.scanner.position
        var filter = EventGridAdvancedFilter(limits: limits)
        try form.readObject(.unexpected("something else", expected: "an object")) {
            form, name, start throws(RuleLanguageError) in try filter.readMember(name, start, &form)
        }
        advanced.append(try filter.condition(&valueCount, form, from: start))
        form.path.removeLast()
    }

    // MARK: - To a condition

    var condition: Condition {
        var conditions: [Condition] = []
        if let types {
            conditions.append(.attribute("type", types.map { .equals(.string($0)) }))
        }
        if !subjectStart.isEmpty {
            conditions.append(
                .attribute(
                    "subject",
                    [isSubjectCaseSensitive ? .prefix(subjectStart) : .prefixIgnoringCase(subjectStart)]))
        }
        if !subjectEnd.isEmpty {
            conditions.append(
                .attribute(
                    "subject",
                    [isSubjectCaseSensitive ? .suffix(subjectEnd) : .suffixIgnoringCase(subjectEnd)]))
        }
        return .all(of: conditions + advanced)
    }
}
