// SPDX-License-Identifier: Apache-2.0

// What is to be written: types of Swift that hold what a schema describes.

/// A type where it is used.
indirect enum SwiftType: Hashable {
    case string, bool, int, double
    /// Any JSON value.
    case any
    case array(SwiftType)
    case dictionary(SwiftType)
    case optional(SwiftType)
    /// A type that is declared in the event, by its index.
    case named(Int)
}

/// A member of a struct.
struct SwiftMember {
    var jsonName: String
    var name: String
    var type: SwiftType
    var isRequired: Bool
    var documentation: String?
}

/// A type that is declared.
struct SwiftDeclaration {
    enum Body {
        case structure([SwiftMember])
        /// Texts or whole numbers.
        case texts([(name: String, value: String)])
        case numbers([(name: String, value: Int64)])
        /// Told apart by the text of a member.
        case tagged(tag: String, [(name: String, values: [String], type: SwiftType)])
        /// Told apart by the kind of value.
        case kinds([(name: String, type: SwiftType)])
    }

    var name: String
    var documentation: String?
    var body: Body
    var location: String
}

/// All types of an event; the first is the event.
struct SwiftModel {
    var declarations: [SwiftDeclaration]
    var usesAny: Bool
}
