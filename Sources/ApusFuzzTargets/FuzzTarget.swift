// SPDX-License-Identifier: Apache-2.0

// What is fuzzed: every parser that bytes from outside reach, each with the properties that must hold for
// any input. The fuzzer (Fuzz/, a package of its own) and the tests run the same functions: the one to
// find inputs, the other to replay for ever those that once failed.
//
// A property that does not hold traps, which is what a fuzzer looks for. To add a target, add a case, a
// function in a file of its own, and a few inputs in Fuzz/Corpus/NAME.

/// A parser and what must hold for it, whatever the input.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// JSON text to values and back.
    case json
    /// A JSON Schema and a document, on two lines.
    case jsonSchema = "json-schema"
    /// An XML Schema and a document, with a line between them that is a dot.
    case xsd
    /// A record for a topic that has its events judged by schemas.
    case schemaRecord = "schema-record"
    /// Requests to Confluent's API of the schema registry.
    case confluentAPI = "confluent-api"
    /// Requests to the schema endpoints of xRegistry.
    case xRegistryAPI = "xregistry-api"
    /// A regular expression of JSON Schema and a text, on two lines.
    case schemaRegex = "schema-regex"
    /// CloudEvents in JSON, single and in batches.
    case cloudEventJSON = "cloudevent-json"
    /// CloudEvents in XML.
    case cloudEventXML = "cloudevent-xml"
    /// CloudEvents in HTTP headers and body.
    case cloudEventHTTP = "cloudevent-http"
    /// HTTP/1.1 requests, however they are split.
    case httpRequest = "http-request"
    /// Compressed data, by codec.
    case compression
    /// Kafka's record batches.
    case recordBatch = "record-batch"
    /// Frames with requests of Kafka's protocol, however they are split.
    case kafkaRequest = "kafka-request"
    /// Responses of Kafka's protocol.
    case kafkaResponse = "kafka-response"
    /// What Kafka's consumers embed in requests, and records that end transactions.
    case kafkaEmbedded = "kafka-embedded"
    /// Frames of AMQP 0-9-1, however they are split.
    case amqpFrames = "amqp-frames"
    /// Methods of AMQP 0-9-1.
    case amqpMethod = "amqp-method"
    /// Field tables of AMQP 0-9-1.
    case amqpTable = "amqp-table"
    /// Event patterns, compiled and matched.
    case pattern
    /// CESQL expressions, compiled and evaluated.
    case cesql
    /// SNS filter policies, compiled and matched.
    case snsFilterPolicy = "sns-filter-policy"
    /// Event Grid filters, compiled and matched.
    case eventGridFilter = "event-grid-filter"
    /// RabbitMQ's headers bindings, compiled and matched.
    case rabbitMQHeaders = "rabbitmq-headers"
    /// RabbitMQ's topic patterns, compiled and matched.
    case rabbitMQTopic = "rabbitmq-topic"
    /// Transformations, applied to events.
    case transformation
    /// XML as data of events, matched.
    case xmlData = "xml-data"
    /// XML as typed data, read and written.
    case xmlCodec = "xml-codec"
    /// Cron expressions and rates.
    case schedule
    /// Compiled time zones.
    case timeZone = "time-zone"
    /// The store's journal, recovered.
    case journal

    /// Parses `input`, which may be refused, and checks what must hold if it is not.
    ///
    /// Traps when something does not hold.
    public func run(_ input: [UInt8]) {
        switch self {
        case .json: fuzzJSON(input)
        case .jsonSchema: fuzzJSONSchema(input)
        case .xsd: fuzzXSD(input)
        case .schemaRecord: fuzzSchemaRecord(input)
        case .confluentAPI: fuzzConfluentAPI(input)
        case .xRegistryAPI: fuzzXRegistryAPI(input)
        case .schemaRegex: fuzzSchemaRegex(input)
        case .cloudEventJSON: fuzzCloudEventJSON(input)
        case .cloudEventXML: fuzzCloudEventXML(input)
        case .cloudEventHTTP: fuzzCloudEventHTTP(input)
        case .httpRequest: fuzzHTTPRequest(input)
        case .compression: fuzzCompression(input)
        case .recordBatch: fuzzRecordBatch(input)
        case .kafkaRequest: fuzzKafkaRequest(input)
        case .kafkaResponse: fuzzKafkaResponse(input)
        case .kafkaEmbedded: fuzzKafkaEmbedded(input)
        case .amqpFrames: fuzzAMQPFrames(input)
        case .amqpMethod: fuzzAMQPMethod(input)
        case .amqpTable: fuzzAMQPTable(input)
        case .pattern: fuzzPattern(input)
        case .cesql: fuzzCESQL(input)
        case .snsFilterPolicy: fuzzSNSFilterPolicy(input)
        case .eventGridFilter: fuzzEventGridFilter(input)
        case .rabbitMQHeaders: fuzzRabbitMQHeaders(input)
        case .rabbitMQTopic: fuzzRabbitMQTopic(input)
        case .transformation: fuzzTransformation(input)
        case .xmlData: fuzzXMLData(input)
        case .xmlCodec: fuzzXMLCodec(input)
        case .schedule: fuzzSchedule(input)
        case .timeZone: fuzzTimeZone(input)
        case .journal: fuzzJournal(input)
        }
    }
}
