// SPDX-License-Identifier: Apache-2.0

// What the Python SDK (`cloudevents` 2.2.0 from PyPI) wrote for three events in its three ways, kept byte for
// byte: `to_binary_event` and `to_structured_event` of its HTTP and Kafka bindings.

/// Messages recorded from the Python SDK.
enum PythonSDK {
    typealias Headers = [(name: String, value: String)]

    // MARK: An order: JSON data, every attribute, extensions of type string, integer and boolean

    static let orderHTTPHeaders: Headers = [
        ("ce-id", "A-1"), ("ce-source", "https://example.com/orders/42"),
        ("ce-type", "com.example.order.created"),
        ("ce-specversion", "1.0"), ("ce-time", "2026-03-01T12:30:00.125000Z"),
        ("ce-subject", "Zo%C3%AB%2050%25%20%22new%22%20%E2%82%AC%F0%9F%98%80"),
        ("content-type", "application/json"),
        ("ce-dataschema", "https://example.com/schemas/order.json"), ("ce-partitionkey", "order-42"),
        ("ce-sampledrate", "3"), ("ce-vip", "True"),
    ]
    static let orderKafkaHeaders: Headers = [
        ("ce_id", "A-1"), ("ce_source", "https://example.com/orders/42"),
        ("ce_type", "com.example.order.created"),
        ("ce_specversion", "1.0"), ("ce_time", "2026-03-01T12:30:00.125000Z"),
        ("ce_subject", "Zoë 50% \"new\" €😀"),
        ("content-type", "application/json"), ("ce_dataschema", "https://example.com/schemas/order.json"),
        ("ce_partitionkey", "order-42"), ("ce_sampledrate", "3"), ("ce_vip", "True"),
    ]
    static let orderBody = #"{"order": 42, "total": "19.90", "tags": ["a", "\u00e9"]}"#
    static let orderStructured =
        #"{"id": "A-1", "source": "https://example.com/orders/42", "type": "com.example.order.created", "#
        + #""specversion": "1.0", "time": "2026-03-01T12:30:00.125000Z", "#
        + #""subject": "Zo\u00eb 50% \"new\" \u20ac\ud83d\ude00", "datacontenttype": "application/json", "#
        + #""dataschema": "https://example.com/schemas/order.json", "partitionkey": "order-42", "sampledrate": 3, "#
        + #""vip": true, "data": {"order": 42, "total": "19.90", "tags": ["a", "\u00e9"]}}"#

    // MARK: Text data

    static let textHTTPHeaders: Headers = [
        ("ce-id", "T-1"), ("ce-source", "/s"), ("ce-type", "t"), ("ce-specversion", "1.0"),
        ("content-type", "text/plain"),
        ("ce-time", "2026-03-01T12:30:00Z"),
    ]
    static let textKafkaHeaders: Headers = [
        ("ce_id", "T-1"), ("ce_source", "/s"), ("ce_type", "t"), ("ce_specversion", "1.0"),
        ("content-type", "text/plain"),
        ("ce_time", "2026-03-01T12:30:00Z"),
    ]
    static let textBody = "plain <text>\nline"
    static let textStructured =
        #"{"id": "T-1", "source": "/s", "type": "t", "specversion": "1.0", "datacontenttype": "text/plain", "#
        + #""time": "2026-03-01T12:30:00Z", "data": "plain <text>\nline"}"#

    // MARK: Binary data

    static let bytesHTTPHeaders: Headers = [
        ("ce-id", "B-1"), ("ce-source", "/s"), ("ce-type", "t"), ("ce-specversion", "1.0"),
        ("content-type", "application/octet-stream"), ("ce-time", "2026-03-01T12:30:00Z"),
    ]
    static let bytesKafkaHeaders: Headers = [
        ("ce_id", "B-1"), ("ce_source", "/s"), ("ce_type", "t"), ("ce_specversion", "1.0"),
        ("content-type", "application/octet-stream"), ("ce_time", "2026-03-01T12:30:00Z"),
    ]
    static let bytesBody: [UInt8] = [0x00, 0x01, 0xFE, 0xFF]
    static let bytesStructured =
        #"{"id": "B-1", "source": "/s", "type": "t", "specversion": "1.0", "#
        + #""datacontenttype": "application/octet-stream", "time": "2026-03-01T12:30:00Z", "#
        + #""data_base64": "AAH+/w=="}"#
}
