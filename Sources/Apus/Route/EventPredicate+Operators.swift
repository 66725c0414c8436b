// SPDX-License-Identifier: Apache-2.0

// How predicates are written: operators where Swift has them, and words where it has none.

import ApusBus
import JSONText

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// A number that conditions can compare by size.
public protocol EventNumber: Encodable, Comparable, Sendable {}

extension Int: EventNumber {}
extension Int8: EventNumber {}
extension Int16: EventNumber {}
extension Int32: EventNumber {}
extension Int64: EventNumber {}
extension UInt: EventNumber {}
extension UInt8: EventNumber {}
extension UInt16: EventNumber {}
extension UInt32: EventNumber {}
extension UInt64: EventNumber {}
extension Float: EventNumber {}
extension Double: EventNumber {}
extension Decimal: EventNumber {}

// MARK: Together

extension EventPredicate {
    /// Both hold.
    public static func && (left: EventPredicate, right: EventPredicate) -> EventPredicate {
        EventPredicate(.and(left.node, right.node))
    }

    /// At least one holds.
    public static func || (left: EventPredicate, right: EventPredicate) -> EventPredicate {
        EventPredicate(.or(left.node, right.node))
    }

    /// It does not hold.
    public static prefix func ! (predicate: EventPredicate) -> EventPredicate {
        EventPredicate(.not(predicate.node))
    }
}

// MARK: Equality

/// The field has this value; `nil` means that it is missing or null.
public func == <Root: Event, Value: Codable & Equatable>(
    field: KeyPath<Root, Value>, value: Value
) -> EventPredicate<Root> {
    .test(field, known: value) { operand in
        operand == .null
            ? ([PatternTest.missing], PatternTest.present)
            : ([[operand]], [[PatternTest.but([operand])] + PatternTest.missing])
    } operand: {
        value
    }
}

/// The field has another value, or is missing.
public func != <Root: Event, Value: Codable & Equatable>(
    field: KeyPath<Root, Value>, value: Value
) -> EventPredicate<Root> {
    !(field == value)
}

// MARK: Size

/// The field is a greater number.
public func > <Root: Event, Value: EventNumber & Decodable>(
    field: KeyPath<Root, Value>, value: Value
) -> EventPredicate<Root> { .compare(field, ">", "<=", value) }

/// The field is a number at least as great.
public func >= <Root: Event, Value: EventNumber & Decodable>(
    field: KeyPath<Root, Value>, value: Value
) -> EventPredicate<Root> { .compare(field, ">=", "<", value) }

/// The field is a lesser number.
public func < <Root: Event, Value: EventNumber & Decodable>(
    field: KeyPath<Root, Value>, value: Value
) -> EventPredicate<Root> { .compare(field, "<", ">=", value) }

/// The field is a number at most as great.
public func <= <Root: Event, Value: EventNumber & Decodable>(
    field: KeyPath<Root, Value>, value: Value
) -> EventPredicate<Root> { .compare(field, "<=", ">", value) }

/// The field is there and a greater number.
public func > <Root: Event, Value: EventNumber & Decodable>(
    field: KeyPath<Root, Value?>, value: Value
) -> EventPredicate<Root> { .compare(field, ">", "<=", value) }

/// The field is there and a number at least as great.
public func >= <Root: Event, Value: EventNumber & Decodable>(
    field: KeyPath<Root, Value?>, value: Value
) -> EventPredicate<Root> { .compare(field, ">=", "<", value) }

/// The field is there and a lesser number.
public func < <Root: Event, Value: EventNumber & Decodable>(
    field: KeyPath<Root, Value?>, value: Value
) -> EventPredicate<Root> { .compare(field, "<", ">=", value) }

/// The field is there and a number at most as great.
public func <= <Root: Event, Value: EventNumber & Decodable>(
    field: KeyPath<Root, Value?>, value: Value
) -> EventPredicate<Root> { .compare(field, "<=", ">", value) }

// MARK: Words

extension EventPredicate {
    /// The field has one of these values.
    public static func isIn<Value: Codable & Equatable>(
        _ field: KeyPath<Root, Value>, _ values: [Value]
    ) -> EventPredicate {
        // Nothing is in an empty list.
        guard let first = values.first else { return EventPredicate(.not(.always)) }
        return test(field, known: first) { operand in
            let list = operand.array ?? []
            return ([list], [[PatternTest.but(list)] + PatternTest.missing])
        } operand: {
            values
        }
    }

    /// The field is a number in a range, both ends included.
    public static func isIn<Value: EventNumber & Decodable>(
        _ field: KeyPath<Root, Value>, _ range: ClosedRange<Value>
    ) -> EventPredicate {
        EventPredicate(
            .and((field >= range.lowerBound).node, (field <= range.upperBound).node))
    }

    /// The field is a number in a range, its upper end left out.
    public static func isIn<Value: EventNumber & Decodable>(
        _ field: KeyPath<Root, Value>, _ range: Range<Value>
    ) -> EventPredicate {
        EventPredicate(.and((field >= range.lowerBound).node, (field < range.upperBound).node))
    }

    /// The text begins with this.
    public static func hasPrefix(_ field: KeyPath<Root, String>, _ prefix: String) -> EventPredicate {
        text(field, "prefix", prefix)
    }

    /// The text is there and begins with this.
    public static func hasPrefix(_ field: KeyPath<Root, String?>, _ prefix: String) -> EventPredicate {
        text(field, "prefix", prefix)
    }

    /// The text ends with this.
    public static func hasSuffix(_ field: KeyPath<Root, String>, _ suffix: String) -> EventPredicate {
        text(field, "suffix", suffix)
    }

    /// The text is there and ends with this.
    public static func hasSuffix(_ field: KeyPath<Root, String?>, _ suffix: String) -> EventPredicate {
        text(field, "suffix", suffix)
    }

    /// The text is this, upper and lower case being the same.
    public static func equalsIgnoringCase(_ field: KeyPath<Root, String>, _ text: String) -> EventPredicate {
        self.text(field, "equals-ignore-case", text)
    }

    /// The text is like this, where `*` stands for any text.
    public static func isLike(_ field: KeyPath<Root, String>, _ wildcard: String) -> EventPredicate {
        text(field, "wildcard", wildcard)
    }

    /// The list has this value among its elements.
    public static func contains<Value: Codable & Equatable>(
        _ field: KeyPath<Root, [Value]>, _ value: Value
    ) -> EventPredicate {
        list(field, known: [value]) { operand in
            ([[operand]], [[PatternTest.none([operand])]])
        } operand: {
            value
        }
    }

    /// The field is there and not null.
    public static func exists<Value: Codable & Equatable>(
        _ field: KeyPath<Root, Value?>
    ) -> EventPredicate {
        test(field, known: nil) { _ in
            (PatternTest.present, [PatternTest.missing])
        } operand: {
            true
        }
    }

    /// The field is missing or null.
    public static func isMissing<Value: Codable & Equatable>(
        _ field: KeyPath<Root, Value?>
    ) -> EventPredicate {
        !exists(field)
    }
}

// MARK: From key path to field

/// Alternatives of a field, as patterns have them.
enum PatternTest {
    static let missing: [JSONValue] = [.null, one("exists", .bool(false))]
    /// There is a value, and it is not null.
    static let present: [[JSONValue]] = [[one("exists", .bool(true))], [none([.null])]]

    static func one(_ name: String, _ operand: JSONValue) -> JSONValue {
        .object(JSONObject([(name, operand)]))
    }

    static func but(_ values: [JSONValue]) -> JSONValue { one("anything-but", .array(values)) }
    static func none(_ values: [JSONValue]) -> JSONValue { one("none", .array(values)) }
}

extension EventPredicate {
    typealias Alternatives = (holds: [[JSONValue]], holdsNot: [[JSONValue]])

    static func test<Value: Codable & Equatable, Operand: Encodable>(
        _ field: KeyPath<Root, Value>, known: Value?, _ alternatives: (JSONValue) -> Alternatives,
        operand: () -> Operand
    ) -> EventPredicate {
        resolved(alternatives, operand) { () throws(BusError) in
            try FieldFinder<Root>.path(of: field, known: known)
        }
    }

    static func list<Value: Codable & Equatable, Operand: Encodable>(
        _ field: KeyPath<Root, [Value]>, known: [Value], _ alternatives: (JSONValue) -> Alternatives,
        operand: () -> Operand
    ) -> EventPredicate {
        resolved(alternatives, operand) { () throws(BusError) in
            try FieldFinder<Root>.path(ofList: field, known: known)
        }
    }

    private static func resolved<Operand: Encodable>(
        _ alternatives: (JSONValue) -> Alternatives, _ operand: () -> Operand,
        _ path: () throws(BusError) -> [String]
    ) -> EventPredicate {
        do throws(BusError) {
            let (holds, holdsNot) = alternatives(try FieldFinder<Root>.json(operand()))
            return EventPredicate(
                .leaf(.success(ResolvedTest(path: try path(), alternatives: holds, negated: holdsNot))))
        } catch {
            return EventPredicate(.leaf(.failure(error)))
        }
    }

    static func compare<Value: EventNumber & Decodable>(
        _ field: KeyPath<Root, Value>, _ sign: String, _ opposite: String, _ value: Value
    ) -> EventPredicate {
        test(field, known: value) { operand in
            ([[range(sign, operand)]], [[range(opposite, operand)]])
        } operand: {
            value
        }
    }

    static func compare<Value: EventNumber & Decodable>(
        _ field: KeyPath<Root, Value?>, _ sign: String, _ opposite: String, _ value: Value
    ) -> EventPredicate {
        test(field, known: value) { operand in
            ([[range(sign, operand)]], [[range(opposite, operand)] + PatternTest.missing])
        } operand: {
            value
        }
    }

    private static func range(_ sign: String, _ operand: JSONValue) -> JSONValue {
        PatternTest.one("numeric", .array([.string(sign), operand]))
    }

    private static func text<Value: Codable & Equatable>(
        _ field: KeyPath<Root, Value>, _ name: String, _ operand: String
    ) -> EventPredicate {
        test(field, known: nil) { operand in
            let test = PatternTest.one(name, operand)
            return ([[test]], [[PatternTest.one("anything-but", test)] + PatternTest.missing])
        } operand: {
            operand
        }
    }
}

extension Handle {
    /// Only for events for which a condition holds.
    ///
    /// - Parameters:
    ///   - type: the kind of event that this handler takes.
    ///   - predicate: which of them.
    ///   - place: where it is evaluated.
    public func `where`<E: Event>(
        _ type: E.Type, _ predicate: EventPredicate<E>, evaluated place: EventFilter.Place = .broker
    ) -> Handle {
        with { handle in
            handle.filter = EventFilter(
                pattern: { () throws(BusError) in try predicate.pattern() }, place: place)
        }
    }
}
