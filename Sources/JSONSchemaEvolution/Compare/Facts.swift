// SPDX-License-Identifier: Apache-2.0

// What follows from a conjunction, put together: the tightest bounds, all that is said of members and elements, and the choices that
// are still open. Everything that is not understood is left out, so that the facts hold for more values than the conjunction does,
// never for fewer.

import JSONSchema
import JSONText

struct Facts {
    struct Bound: Hashable {
        var value: ExactNumber
        var isExclusive: Bool
    }

    /// What one schema says of an object's members.
    struct ObjectGroup {
        var properties: [String: [Atom]] = [:]
        /// The names of `properties` in the order of the schema.
        var names: [String] = []
        var patterns: [(text: String, atoms: [Atom])] = []
        /// What holds for the members that nothing above is about; nil if nothing is said of them.
        var additional: [Atom]?
    }

    /// What one schema says of an array's elements.
    struct ArrayGroup {
        var prefix: [[Atom]] = []
        var items: [Atom] = []
    }

    struct Containing {
        var place: Place
        var least: Int
        var greatest: Int?
    }

    var kinds = Kinds.all
    var values: [JSONValue]?
    var excluded: [JSONValue] = []
    var low: Bound?
    var high: Bound?
    var multiples: [ExactNumber] = []
    var notMultiples: [ExactNumber] = []
    var minLength = 0
    var maxLength: Int?
    var patterns: [String] = []
    var antipatterns: [String] = []
    var formats: [String] = []
    var antiformats: [String] = []
    private(set) var required: [String] = []
    private(set) var requiredNames: Set<String> = []
    var absent: Set<String> = []
    var minProperties = 0
    var maxProperties: Int?
    var groups: [ObjectGroup] = []
    var nameRules: [Atom] = []
    var members: [(name: String, atoms: [Atom])] = []
    var dependentRequired: [(name: String, names: [String])] = []
    var arrays: [ArrayGroup] = []
    var items: [(index: Int, atoms: [Atom])] = []
    var minItems = 0
    var maxItems: Int?
    var isUnique = false
    var containing: [Containing] = []
    /// Of each, at least one alternative holds.
    var choices: [[[Atom]]] = []
    var holds: [Place] = []
    var fails: [Place] = []
    /// How much work they were.
    var weight = 0

    /// What nothing satisfies.
    var isContradiction: Bool { kinds.isEmpty }

    mutating func contradict() { kinds = [] }

    // MARK: Putting together

    mutating func raise(_ value: ExactNumber, isExclusive: Bool) {
        let bound = Bound(value: value, isExclusive: isExclusive)
        guard let low else { return self.low = bound }
        if low.value < value || low.value == value && isExclusive { self.low = bound }
    }

    mutating func lower(_ value: ExactNumber, isExclusive: Bool) {
        let bound = Bound(value: value, isExclusive: isExclusive)
        guard let high else { return self.high = bound }
        if value < high.value || high.value == value && isExclusive { self.high = bound }
    }

    mutating func limit(_ bound: WritableKeyPath<Facts, Int?>, to value: Int) {
        self[keyPath: bound] = min(self[keyPath: bound] ?? value, value)
    }

    mutating func require(_ name: String) {
        if requiredNames.insert(name).inserted { required.append(name) }
    }

    /// Follows what was put together to what is plain from it.
    mutating func settle() {
        if multiples.contains(where: \.isInteger) { kinds.remove(.fraction) }
        if !kinds.contains(.fraction) {
            // Of whole numbers only the next whole number counts.
            if let bound = low, let next = bound.value.isInteger ? bound.value : bound.value.ceiling {
                let step = bound.isExclusive && bound.value.isInteger ? next.adding(ExactNumber(1)) : next
                if let step { low = Bound(value: step, isExclusive: false) }
            }
            if let bound = high, let next = bound.value.isInteger ? bound.value : bound.value.floor {
                let step = bound.isExclusive && bound.value.isInteger ? next.adding(ExactNumber(-1)) : next
                if let step { high = Bound(value: step, isExclusive: false) }
            }
        }
        if let low, let high {
            if high.value < low.value || high.value == low.value && (low.isExclusive || high.isExclusive) {
                kinds.subtract(.number)
            }
        }
        // A multiple of something is not a multiple of nothing that divides it.
        for divisor in notMultiples where multiples.contains(where: { $0.isMultiple(of: divisor) }) {
            kinds.subtract(.number)
        }
        if notMultiples.contains(where: { ExactNumber(1).isMultiple(of: $0) }) { kinds.remove(.integer) }
        if let maxLength, maxLength < minLength { kinds.remove(.string) }
        if patterns.contains(where: antipatterns.contains) { kinds.remove(.string) }
        if formats.contains(where: antiformats.contains) { kinds.remove(.string) }
        followRequired()
        if required.contains(where: absent.contains) { kinds.remove(.object) }
        minProperties = max(minProperties, required.count)
        if let maxProperties, maxProperties < minProperties { kinds.remove(.object) }
        for item in containing { minItems = max(minItems, item.least) }
        if let maxItems, maxItems < minItems { kinds.remove(.array) }
        for value in excluded {
            switch value {
            case .null: kinds.remove(.null)
            case .bool(let first) where excluded.contains(.bool(!first)): kinds.remove(.bool)
            default: break
            }
        }
        if holds.contains(where: fails.contains) { contradict() }
    }

    private mutating func followRequired() {
        // Chains that are longer are nobody's; what is not followed is only not known.
        for _ in 0..<32 {
            let count = required.count
            for dependent in dependentRequired where requiredNames.contains(dependent.name) {
                dependent.names.forEach { require($0) }
            }
            if required.count == count { return }
        }
    }

    // MARK: Asking

    /// All names that something is said of.
    var knownNames: [String] {
        var names: [String] = []
        var seen: Set<String> = []
        func add(_ name: String) {
            if seen.insert(name).inserted { names.append(name) }
        }
        required.forEach(add)
        for group in groups { group.names.forEach(add) }
        for member in members { add(member.name) }
        absent.sorted().forEach(add)
        for dependent in dependentRequired { ([dependent.name] + dependent.names).forEach(add) }
        return names
    }

    /// Elements that something particular is said of.
    var knownElements: Int {
        max(arrays.map(\.prefix.count).max() ?? 0, (items.map(\.index).max() ?? -1) + 1)
    }

    /// What holds for an element.
    func element(_ index: Int?) -> [Atom] {
        var atoms: [Atom] = []
        for array in arrays {
            if let index, index < array.prefix.count {
                atoms += array.prefix[index]
            } else {
                atoms += array.items
            }
        }
        if let index { for item in items where item.index == index { atoms += item.atoms } }
        return atoms
    }
}
