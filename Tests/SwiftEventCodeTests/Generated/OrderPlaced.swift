// SPDX-License-Identifier: Apache-2.0

// Made by `apus schema generate swift`: changes belong into the schema.

public import Apus

/// A customer has placed an order.
public struct OrderPlaced: Event, Hashable {
    public static let type = "com.shop.order.placed"
    public static let topic = "orders"
    public static let version = 2

    /// The number of the order.
    public var orderId: String
    public var total: Double?
    public var state: State
    public var priority: Priority?
    public var note: String?
    public var keyValue: Bool
    public var lines: [OrderLine]
    public var payment: Payment
    public var reference: Reference?
    public var labels: [String: String]?
    public var `class`: String?
    public var extra: AnyValue?
    public var address: Address?
    public var shadow: Place?

    public var key: String { orderId }

    public init(
        orderId: String,
        total: Double? = nil,
        state: State,
        priority: Priority? = nil,
        note: String? = nil,
        keyValue: Bool,
        lines: [OrderLine],
        payment: Payment,
        reference: Reference? = nil,
        labels: [String: String]? = nil,
        `class`: String? = nil,
        extra: AnyValue? = nil,
        address: Address? = nil,
        shadow: Place? = nil
    ) {
        self.orderId = orderId
        self.total = total
        self.state = state
        self.priority = priority
        self.note = note
        self.keyValue = keyValue
        self.lines = lines
        self.payment = payment
        self.reference = reference
        self.labels = labels
        self.class = `class`
        self.extra = extra
        self.address = address
        self.shadow = shadow
    }

    private enum CodingKeys: String, CodingKey {
        case orderId = "order_id"
        case total
        case state
        case priority
        case note
        case keyValue = "key"
        case lines
        case payment
        case reference
        case labels
        case `class`
        case extra
        case address
        case shadow
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(orderId, forKey: .orderId)
        try container.encodeIfPresent(total, forKey: .total)
        try container.encode(state, forKey: .state)
        try container.encodeIfPresent(priority, forKey: .priority)
        try container.encode(note, forKey: .note)
        try container.encode(keyValue, forKey: .keyValue)
        try container.encode(lines, forKey: .lines)
        try container.encode(payment, forKey: .payment)
        try container.encodeIfPresent(reference, forKey: .reference)
        try container.encodeIfPresent(labels, forKey: .labels)
        try container.encodeIfPresent(`class`, forKey: .class)
        try container.encodeIfPresent(extra, forKey: .extra)
        try container.encodeIfPresent(address, forKey: .address)
        try container.encodeIfPresent(shadow, forKey: .shadow)
    }

    public enum State: String, Codable, Sendable, Hashable, CaseIterable {
        case open
        case paid
        case inDelivery = "in-delivery"
        case `default`
        case empty = ""
    }

    public enum Priority: Int, Codable, Sendable, Hashable, CaseIterable {
        case minus1 = -1
        case value0 = 0
        case value1 = 1
    }

    public struct OrderLine: Codable, Sendable, Hashable {
        public var sku: String
        public var quantity: Int
        public var parts: [OrderLine]?

        public init(
            sku: String,
            quantity: Int,
            parts: [OrderLine]? = nil
        ) {
            self.sku = sku
            self.quantity = quantity
            self.parts = parts
        }

        private enum CodingKeys: String, CodingKey {
            case sku
            case quantity
            case parts
        }
    }

    public enum Payment: Codable, Sendable, Hashable {
        case card(Card)
        case invoice(Invoice)

        private enum Tag: String, CodingKey {
            case tag = "kind"
        }

        public init(from decoder: any Decoder) throws {
            let tag = try decoder.container(keyedBy: Tag.self).decode(String.self, forKey: .tag)
            switch tag {
            case "card": self = .card(try Card(from: decoder))
            case "invoice", "prepaid": self = .invoice(try Invoice(from: decoder))
            default:
                throw DecodingError.dataCorrupted(
                    DecodingError.Context(
                        codingPath: decoder.codingPath,
                        debugDescription: "'\(tag)' is none of the alternatives"))
            }
        }

        public func encode(to encoder: any Encoder) throws {
            switch self {
            case .card(let value): try value.encode(to: encoder)
            case .invoice(let value): try value.encode(to: encoder)
            }
        }
    }

    public struct Card: Codable, Sendable, Hashable {
        public var kind: Kind
        public var number: String

        public init(
            kind: Kind,
            number: String
        ) {
            self.kind = kind
            self.number = number
        }

        private enum CodingKeys: String, CodingKey {
            case kind
            case number
        }
    }

    public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
        case card
    }

    public struct Invoice: Codable, Sendable, Hashable {
        public var kind: Kind2
        public var days: Int?

        public init(
            kind: Kind2,
            days: Int? = nil
        ) {
            self.kind = kind
            self.days = days
        }

        private enum CodingKeys: String, CodingKey {
            case kind
            case days
        }
    }

    public enum Kind2: String, Codable, Sendable, Hashable, CaseIterable {
        case invoice
        case prepaid
    }

    public enum Reference: Codable, Sendable, Hashable {
        case string(String)
        case integer(Int)

        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let value = try? container.decode(String.self) {
                self = .string(value)
                return
            }
            self = .integer(try container.decode(Int.self))
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .string(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            }
        }
    }

    public struct Address: Codable, Sendable, Hashable {
        public var city: String
        public var _2ndLine: String?
        public var street: String

        public init(
            city: String,
            _2ndLine: String? = nil,
            street: String
        ) {
            self.city = city
            self._2ndLine = _2ndLine
            self.street = street
        }

        private enum CodingKeys: String, CodingKey {
            case city
            case _2ndLine = "2nd line"
            case street
        }
    }

    public struct Place: Codable, Sendable, Hashable {
        public var city: String
        public var _2ndLine: String?

        public init(
            city: String,
            _2ndLine: String? = nil
        ) {
            self.city = city
            self._2ndLine = _2ndLine
        }

        private enum CodingKeys: String, CodingKey {
            case city
            case _2ndLine = "2nd line"
        }
    }

    /// Any JSON value. Whole numbers that fit are integers.
    public enum AnyValue: Codable, Sendable, Hashable {
        case null
        case bool(Bool)
        case integer(Int64)
        case number(Double)
        case string(String)
        case array([AnyValue])
        case object([String: AnyValue])

        public init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let value = try? container.decode(Bool.self) {
                self = .bool(value)
            } else if let value = try? container.decode(Int64.self) {
                self = .integer(value)
            } else if let value = try? container.decode(Double.self) {
                self = .number(value)
            } else if let value = try? container.decode(String.self) {
                self = .string(value)
            } else if let value = try? container.decode([AnyValue].self) {
                self = .array(value)
            } else {
                self = .object(try container.decode([String: AnyValue].self))
            }
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .null: try container.encodeNil()
            case .bool(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            case .number(let value): try container.encode(value)
            case .string(let value): try container.encode(value)
            case .array(let value): try container.encode(value)
            case .object(let value): try container.encode(value)
            }
        }
    }
}
