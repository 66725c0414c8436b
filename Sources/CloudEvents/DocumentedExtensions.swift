// SPDX-License-Identifier: Apache-2.0

// The extension attributes that the CloudEvents project documents (cloudevents/extensions in its repository),
// grouped by document.

extension CloudEventExtensionKey where Value == String {
    // MARK: Distributed tracing

    /// W3C trace context: version, trace id, span id and flags of the producing operation.
    public static var traceParent: Self { .string("traceparent") }
    /// W3C trace context: vendors' key-value pairs.
    public static var traceState: Self { .string("tracestate") }

    // MARK: Partitioning

    /// Events with the same key belong together, and stay in order relative to each other.
    public static var partitionKey: Self { .string("partitionkey") }

    // MARK: Sequence

    /// The place of the event among those of its source, ordered as text.
    public static var sequence: Self { .string("sequence") }
    /// The meaning of `sequence`; `Integer` in versions of the extension before 2023.
    public static var sequenceType: Self { .string("sequencetype") }

    // MARK: Claim check

    /// Where the payload is stored.
    public static var dataReference: Self { .uriReference("dataref") }

    // MARK: Severity

    /// The name of the severity, such as `WARN`.
    public static var severityText: Self { .string("severitytext") }

    // MARK: Auth context

    /// The kind of principal that triggered the event, such as `user`, `service_account` or `unauthenticated`.
    public static var authType: Self { .string("authtype") }
    /// Identifies that principal; no personal data.
    public static var authID: Self { .string("authid") }
    /// Claims about that principal, as JSON; no credentials.
    public static var authClaims: Self { .string("authclaims") }

    // MARK: Correlation

    /// Common to all events of one flow.
    public static var correlationID: Self { .string("correlationid") }
    /// The `id` of the event that caused this one.
    public static var causationID: Self { .string("causationid") }

    // MARK: Deprecation

    /// Where to read how to move to the successor of this event type.
    public static var deprecationMigration: Self { .uri("deprecationmigration") }

    // MARK: Data classification

    /// How sensitive the data is, such as `public` or `confidential`.
    public static var dataClassification: Self { .string("dataclassification") }
    /// Regulations that apply to the data, separated by commas.
    public static var dataRegulation: Self { .string("dataregulation") }
    /// The category of the data under those regulations.
    public static var dataCategory: Self { .string("datacategory") }
}

extension CloudEventExtensionKey where Value == Int32 {
    /// The number of like events that this one stands for, at least 1.
    public static var sampledRate: Self { .integer("sampledrate", minimum: 1) }
    /// The severity as a number, at least 0: OpenTelemetry's scale, on which 9 is `INFO` and 17 is `ERROR`.
    public static var severityNumber: Self { .integer("severitynumber", minimum: 0) }
}

extension CloudEventExtensionKey where Value == CloudEventTimestamp {
    /// When the event stops being useful.
    public static var expiryTime: Self { .timestamp("expirytime") }
    /// When the occurrence was recorded in this event.
    public static var recordedTime: Self { .timestamp("recordedtime") }
    /// Since when the event type is deprecated.
    public static var deprecationFrom: Self { .timestamp("deprecationfrom") }
    /// When the event type goes away.
    public static var deprecationSunset: Self { .timestamp("deprecationsunset") }
}

extension CloudEventExtensionKey where Value == Bool {
    /// Whether the event type is deprecated.
    public static var deprecated: Self { .boolean("deprecated") }
}

extension CloudEventExtensionKey where Value == [UInt8] {
    /// The signature of the event: a DSSE envelope as JSON.
    public static var verificationMaterial: Self { .binary("dssematerial") }
}
