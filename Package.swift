// swift-tools-version: 6.2
// The map of the code: targets in layer order, each importing only from layers above it in this list.
// docs/architecture.md tells the journey of an event through them.

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioLocks = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let moreCrypto = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let tls = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let trees = Target.Dependency.product(name: "HashTreeCollections", package: "swift-collections")
let ordered = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")

let package = Package(
    name: "apus",
    products: [
        .executable(name: "apus", targets: ["ApusCommand"]),
        .executable(name: "apus-bus-check", targets: ["ApusBusCheck"]),
        .library(name: "CloudEvents", targets: ["CloudEvents"]),
        .library(name: "Apus", targets: ["Apus"]),
        .library(name: "ApusXML", targets: ["ApusXML"]),
        // The engine in the process without the typed API: for what implements or tests transports.
        .library(name: "ApusEmbeddedBus", targets: ["ApusEmbeddedBus", "ApusBus"]),
        .library(name: "JSONSchema", targets: ["JSONSchema", "JSONSchemaEvolution"]),
        // Swift types from schemas, and schemas from values of Swift types.
        .library(name: "SwiftEventCode", targets: ["SwiftEventCode", "JSONText"]),
        // Needs the trait SQLite, and Debian's libsqlite3-dev.
        .library(name: "ApusOutboxSQLite", targets: ["ApusOutboxSQLite"]),
        .library(name: "ApusHTTPServer", targets: ["ApusHTTPServer", "ApusHTTPCodec", "ApusNetwork"]),
        .library(name: "ApusServerBus", targets: ["ApusServerBus"]),
        .library(name: "ApusAWS", targets: ["ApusAWS"]),
        .library(name: "ApusAMQP", targets: ["ApusAMQP"]),
        // Needs the trait Kafka, and Debian's librdkafka-dev; without it, it says so.
        .library(name: "ApusKafka", targets: ["ApusKafka"]),
        .library(name: "ApusTransports", targets: ["ApusTransports"]),
        .library(name: "ApusEventGrid", targets: ["ApusEventGrid"]),
        // Receiving webhooks: the receiver, which needs no server, and a handler for SwiftNIO's.
        .library(name: "ApusWebhook", targets: ["ApusWebhook"]),
        .library(name: "ApusWebhookNIO", targets: ["ApusWebhookNIO"]),
        .library(name: "ApusTesting", targets: ["ApusTesting"]),
        // What the packages in Fuzz/ and Benchmarks/ reach.
        .library(name: "ApusFuzzTargets", targets: ["ApusFuzzTargets"]),
        .library(
            name: "ApusMeasured",
            targets: [
                "CApus", "JSONText", "JSONSchema", "ApusModel", "ApusRules", "ApusStorage", "CloudEvents",
                "ApusBus", "ApusEmbeddedBus",
            ]),
    ],
    traits: [
        .trait(
            name: "SQLite",
            description:
                "The outbox and the inbox in a SQLite database (ApusOutboxSQLite); needs libsqlite3-dev."),
        .trait(
            name: "Kafka",
            description: "The library's transport for Kafka (ApusKafka); needs librdkafka-dev."),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        // MARK: Values. No I/O, no clock.

        // CRC32C in hardware, and the few instructions and system calls Swift cannot spell.
        .target(name: "CApus"),
        // gzip, snappy, lz4 and zstd by the system's libraries, opened at run time, with bounds on what comes out.
        .target(name: "ApusCompression", dependencies: ["CApus"], swiftSettings: settings),
        // JSON text read and written as bytes: scanner, value tree, writer; keeps numbers as written.
        .target(name: "JSONText", swiftSettings: settings),
        // JSON Schema: compiled to a program that judges documents by their bytes; regular expressions, formats. Linear time, pure.
        .target(name: "JSONSchema", dependencies: ["JSONText"], swiftSettings: settings),
        // What one schema accepts and another does not, and schemas from samples. Bounded, pure.
        .target(
            name: "JSONSchemaEvolution", dependencies: ["JSONSchema", "JSONText"], swiftSettings: settings),
        // The schema registry as values: subjects, versions, ids, compatibility, formats; what may happen to them. Pure.
        .target(
            name: "ApusSchemas", dependencies: ["JSONSchemaEvolution", "JSONSchema", "JSONText"],
            swiftSettings: settings),
        // Event structs of the Swift library from JSON Schemas. Text in, text out.
        .target(
            name: "SwiftEventCode", dependencies: ["JSONSchemaEvolution", "JSONSchema", "JSONText"],
            swiftSettings: settings),
        // CloudEvents 1.0: the event, its JSON and XML formats, its HTTP and Kafka bindings.
        .target(name: "CloudEvents", dependencies: ["JSONText"], swiftSettings: settings),
        // XML Schema 1.0 by the system's libxml2, opened at run time: schemas and documents measured before, violations told with their place.
        .target(name: "ApusXSD", dependencies: ["CApus", "CloudEvents"], swiftSettings: settings),
        // Offsets, topic names, records and Kafka's RecordBatch v2, partition placement.
        .target(
            name: "ApusModel", dependencies: ["CApus", "ApusCompression", nioCore], swiftSettings: settings),
        // Event patterns: parse, compile, match, explain. Linear time, pure.
        .target(
            name: "ApusRules", dependencies: ["CApus", "JSONText", "CloudEvents"], swiftSettings: settings),
        // When things recur: cron expressions, rates, time zones, and a clock that distrusts steps.
        .target(name: "ApusSchedule", swiftSettings: settings),

        // Transformations: an event in, the event that a rule's target gets out. Linear time, pure.
        .target(name: "ApusTransform", dependencies: ["JSONText", "CloudEvents"], swiftSettings: settings),
        // Who is in which consumer group, and what each of its members gets. Pure: the time goes in.
        .target(name: "ApusGroups", swiftSettings: settings),

        // What is known of types of events: declared, and seen in topics. Pure.
        .target(name: "ApusCatalog", dependencies: ["ApusModel", "JSONText"], swiftSettings: settings),

        // MARK: The log.

        // LogStore (files, memory) over Disk: journal with group commit, segments, indexes, recovery.
        .target(
            name: "ApusStorage", dependencies: ["CApus", "ApusModel", nioCore, log, deque],
            swiftSettings: settings),

        // MARK: The engine.

        // What the engine asks of outside systems: Target and Outcome.
        .target(
            name: "ApusTransport", dependencies: ["ApusModel", "CloudEvents"],
            swiftSettings: settings),
        // Broker and its state: registry, publish, route, deliver. No socket, no wall clock.
        .target(
            name: "ApusEngine",
            dependencies: [
                "ApusModel", "CloudEvents", "JSONText", "ApusRules", "ApusTransform", "ApusSchedule",
                "ApusSchemas", "ApusCatalog", "ApusStorage",
                "ApusTransport", nioCore, log, coreMetrics, tracing, deque, heap, trees,
            ], swiftSettings: settings),

        // MARK: The library.

        // One broker as applications use it: the seam that every transport of the library implements. Values, no I/O.
        .target(name: "ApusBus", dependencies: ["CloudEvents", "JSONText", log], swiftSettings: settings),
        // The engine in the process as such a transport: `memory:` and `file:`. No socket, no HTTP client, no TLS.
        .target(
            name: "ApusEmbeddedBus",
            dependencies: [
                "ApusBus", "ApusEngine", "ApusModel", "ApusRules", "ApusStorage", "ApusTransport",
                "CloudEvents",
                "JSONText", log,
            ], swiftSettings: settings),
        // Events as Swift types: define, publish, consume, route, replay, request, schedule. What applications import.
        .target(
            name: "Apus",
            dependencies: [
                "CApus", "ApusBus", "ApusEmbeddedBus", "CloudEvents", "ApusRules", "JSONText", deque, log,
                coreMetrics, tracing, lifecycle,
            ], swiftSettings: settings),

        // Data of events as XML: a codec, and where fields go.
        .target(name: "ApusXML", dependencies: ["Apus", "CloudEvents"], swiftSettings: settings),

        // The system's SQLite, when the trait asks for it.
        .systemLibrary(name: "CSQLite"),
        // The outbox as a table of an application's SQLite database; empty without the trait SQLite.
        .target(
            name: "ApusOutboxSQLite",
            dependencies: [
                "Apus", "CloudEvents", .target(name: "CSQLite", condition: .when(traits: ["SQLite"])),
            ], swiftSettings: settings),

        // MARK: Edges: protocols in front of the broker, outside systems behind it.

        // Metrics as Prometheus text, logs for people and programs, W3C trace context, export of all three by OTLP. No sockets.
        .target(
            name: "ApusTelemetry", dependencies: ["JSONText", log, coreMetrics, tracing],
            swiftSettings: settings),
        // HTTP/1.1 bytes to requests and back. No sockets.
        .target(name: "ApusHTTPCodec", dependencies: [nioCore], swiftSettings: settings),
        // What every listening protocol shares: addresses, the bound on connections, mail between threads.
        .target(name: "ApusNetwork", dependencies: [nioCore, nioPosix], swiftSettings: settings),
        // HTTP/1.1 connections on event loops: limits, deadlines, streaming, drain.
        .target(
            name: "ApusHTTPServer", dependencies: ["ApusNetwork", "ApusHTTPCodec", nioCore, nioPosix],
            swiftSettings: settings),
        // Kafka's protocol: frames, headers and messages to values and back. No sockets.
        .target(name: "ApusKafkaCodec", dependencies: [nioCore], swiftSettings: settings),
        // AMQP 0-9-1 with RabbitMQ's extensions: frames, methods, tables to values and back. No sockets.
        .target(name: "ApusAMQPCodec", dependencies: [nioCore], swiftSettings: settings),
        // RabbitMQ as a transport of the library: connections, topology, confirms, retries.
        .target(
            name: "ApusAMQP",
            dependencies: [
                "ApusBus", "ApusAMQPCodec", "CloudEvents", nioCore, nioPosix, tls, log, deque,
            ], swiftSettings: settings),
        // The registry of schemas by the APIs of others, as values: Confluent's and xRegistry's. No HTTP, no sockets.
        .target(
            name: "ApusSchemaGateway",
            dependencies: ["ApusEngine", "ApusSchemas", "JSONSchemaEvolution", "JSONText"],
            swiftSettings: settings),
        // The HTTP API: routes, translation, errors as problem+json, OpenAPI document.
        .target(
            name: "ApusHTTPGateway",
            dependencies: [
                "ApusHTTPServer", "ApusNetwork", "ApusHTTPCodec", "ApusEngine", "ApusSchemaGateway",
                "ApusModel", "ApusSchemas", "ApusCatalog", "JSONSchema", "JSONSchemaEvolution", "ApusStorage",
                "ApusTransport", "ApusTelemetry", "CloudEvents", "JSONText", "ApusRules", "ApusTransform",
                nioCore, log,
                coreMetrics, tracing, lifecycle,
            ], swiftSettings: settings),
        // The files of the dashboard, put into the program by the C compiler.
        .target(name: "CApusDashboard", exclude: ["Assets"]),
        // The dashboard: pages that use the HTTP API, served beside it.
        .target(
            name: "ApusDashboard",
            dependencies: [
                "CApusDashboard", "ApusCompression", "ApusHTTPCodec", "ApusHTTPServer", nioCore,
            ], swiftSettings: settings),
        // Kafka's protocol: connections, dispatch, one handler for each kind of request.
        .target(
            name: "ApusKafkaGateway",
            dependencies: [
                "ApusNetwork", "ApusKafkaCodec", "ApusGroups", "ApusEngine", "ApusSchemas", "ApusModel",
                "ApusStorage", "CloudEvents",
                nioCore, nioPosix, log, tracing, lifecycle, crypto, ordered,
            ], swiftSettings: settings),
        // Webhook delivery: CloudEvents over HTTP.
        .target(
            name: "ApusWebhookTransport",
            dependencies: [
                "ApusTransport", "ApusModel", "CloudEvents", nioCore, nioPosix, nioHTTP1, nioLocks, log,
                crypto, tls,
            ],
            swiftSettings: settings),
        // A server's HTTP API from the other side.
        .target(
            name: "ApusClient",
            dependencies: ["ApusModel", "JSONText", httpClient, nioCore, nioPosix, nioHTTP],
            swiftSettings: settings),

        // A server as a transport of the library, over its HTTP API.
        .target(
            name: "ApusServerBus",
            dependencies: ["ApusBus", "ApusClient", "ApusModel", "CloudEvents", "JSONText"],
            swiftSettings: settings),
        // The library's transport for AWS: SNS, SQS and EventBridge, signed by Signature Version 4.
        .target(
            name: "ApusAWS",
            dependencies: [
                "ApusBus", "CloudEvents", "JSONText", httpClient, crypto, nioCore, nioPosix, nioHTTP1, log,
            ], swiftSettings: settings),
        // The library's transport for Azure Event Grid namespaces: publishing and pull delivery over HTTP.
        .target(
            name: "ApusEventGrid",
            dependencies: [
                "ApusBus", "CloudEvents", "JSONText", httpClient, crypto, nioCore, nioPosix, nioHTTP1, log,
            ], swiftSettings: settings),
        // The receiving side of webhooks as a transport of the library: signatures, handshakes, answers. No socket.
        .target(
            name: "ApusWebhook",
            dependencies: [
                "ApusBus", "ApusTransport", "CloudEvents", "JSONText", crypto, moreCrypto, deque, log,
            ], swiftSettings: settings),
        // Webhooks in a channel of SwiftNIO.
        .target(
            name: "ApusWebhookNIO", dependencies: ["ApusWebhook", nioCore, nioHTTP1], swiftSettings: settings),

        // The system's librdkafka, when the trait asks for it.
        .systemLibrary(name: "CRDKafka"),
        // Kafka as a transport of the library, on librdkafka; without the trait Kafka only what says that it is missing.
        .target(
            name: "ApusKafka",
            dependencies: [
                "CApus", "ApusBus", "CloudEvents", log, deque,
                .target(name: "CRDKafka", condition: .when(traits: ["Kafka"])),
            ], swiftSettings: settings),

        // Connections to outside brokers, their topics as targets of rules, and feeds that bring their events in.
        .target(
            name: "ApusBridges",
            dependencies: [
                "ApusBus", "ApusEngine", "ApusModel", "ApusTransport", "CloudEvents", "JSONText", log,
                coreMetrics,
            ], swiftSettings: settings),

        // Every transport of the library in one list, for programs that are to talk to any broker.
        .target(
            name: "ApusTransports",
            dependencies: [
                "ApusBus", "ApusEmbeddedBus", "ApusServerBus", "ApusAMQP", "ApusAWS", "ApusEventGrid",
                "ApusKafka",
            ],
            swiftSettings: settings),

        // MARK: Composition.

        // Configuration to running services; the only module that knows all others.
        .target(
            name: "ApusServer",
            dependencies: [
                "ApusEngine", "ApusStorage", "ApusNetwork", "ApusHTTPGateway", "ApusHTTPServer",
                "ApusDashboard", "ApusKafkaGateway", "ApusWebhookTransport", "ApusTelemetry", "ApusModel",
                "ApusBridges", "ApusSchemas", "ApusXSD",
                "ApusBus", "ApusServerBus", "ApusAMQP", "ApusAWS", "ApusEventGrid", "ApusKafka", nioCore,
                nioPosix,
                log, coreMetrics, tracing, lifecycle,
                signals,
            ], swiftSettings: settings),
        // The commands of `apus`.
        .target(
            name: "ApusCLI",
            dependencies: [
                "ApusServer", "ApusClient", "ApusStorage", "ApusEngine", "ApusModel", "ApusTelemetry",
                "ApusNetwork", "ApusTransport", "ApusWebhookTransport", "ApusXSD", "ApusCompression",
                "CloudEvents",
                "JSONText", "JSONSchema",
                "JSONSchemaEvolution", "SwiftEventCode", arguments, nioCore, nioPosix, log,
            ], swiftSettings: settings),
        // Not called `apus`: where file systems ignore case, that and the library's `Apus` would be one.
        .executableTarget(name: "ApusCommand", dependencies: ["ApusCLI"], swiftSettings: settings),

        // MARK: Proof.

        // Simulated disk, manual clock, contract suites: public, for every implementation of a seam.
        .target(
            name: "ApusTesting",
            dependencies: [
                "ApusStorage", "ApusEngine", "ApusCatalog", "ApusModel", "ApusSchemas", "CloudEvents",
                "ApusTransform", "ApusTransport",
                "Apus", "ApusBus", "ApusEmbeddedBus", "JSONText", nioCore, log,
            ],
            swiftSettings: settings),
        // One seed replays a workload with crashes and faults: `apus-sim --seed 42`.
        .executableTarget(
            name: "apus-sim",
            dependencies: [
                "ApusTesting", "ApusStorage", "ApusEngine", "ApusModel", "CloudEvents", "ApusTransport",
                nioCore, arguments,
            ], swiftSettings: settings),

        // JSON Schema held against the official suite, which scripts/conformance gets: `apus-schema-check FOLDER`.
        .executableTarget(
            name: "apus-schema-check", dependencies: ["JSONSchema", "JSONText"], swiftSettings: settings),

        // Any broker held against the contract of the library's transports: `apus-bus-check memory:`.
        .executableTarget(
            name: "ApusBusCheck",
            dependencies: [
                "ApusTesting", "ApusBus", "ApusTransports", arguments, log,
            ],
            swiftSettings: settings),
        // The RabbitMQ transport as a program: publishing and consuming through faults, rates.
        .executableTarget(
            name: "apus-amqp-check",
            dependencies: ["ApusAMQP", "ApusBus", "CloudEvents", log], swiftSettings: settings),
        // The Kafka transport as a program: publishing, consuming and copying through faults, rates.
        .executableTarget(
            name: "apus-kafka-check",
            dependencies: ["ApusKafka", "Apus", "ApusBus", "CloudEvents", log, lifecycle, signals],
            swiftSettings: settings),

        // Every decoder with the properties that must hold for any bytes; fuzzers and tests call the same functions.
        .target(
            name: "ApusFuzzTargets",
            dependencies: [
                "CApus", "ApusCompression", "JSONText", "JSONSchema", "SlowJSONSchema", "CloudEvents",
                "ApusXSD", "ApusModel", "ApusRules", "ApusSchedule", "ApusTransform",
                "ApusHTTPCodec", "ApusHTTPGateway", "ApusHTTPServer", "ApusKafkaCodec", "ApusAMQPCodec",
                "ApusStorage",
                "ApusEngine", "ApusSchemas", "ApusTesting", "ApusXML", nioCore,
                log,
            ],
            swiftSettings: settings),

        // The smallest application, compiled with everything else; a package of its own, too, whose build shows what an application pays for.
        .executableTarget(
            name: "quickstart", dependencies: ["Apus"], path: "Examples/quickstart/Sources/quickstart",
            swiftSettings: settings),

        // One program on every broker there is a transport for.
        .executableTarget(
            name: "orders",
            dependencies: ["Apus", "ApusTransports", arguments, log],
            path: "Examples/orders/Sources/orders", swiftSettings: settings),

        // A webhook with typed handlers, on SwiftNIO.
        .executableTarget(
            name: "webhooks",
            dependencies: [
                "Apus", "ApusWebhook", "ApusWebhookNIO", httpClient, nioCore, nioPosix, nioHTTP1, arguments,
                log,
            ], path: "Examples/webhooks/Sources/webhooks", swiftSettings: settings),

        // A thread beside the concurrency pool, for tests that compute for long.
        .target(name: "TestThreads", path: "Tests/TestThreads", swiftSettings: settings),
        .testTarget(
            name: "JSONTextTests", dependencies: ["TestThreads", "JSONText"], swiftSettings: settings),
        // JSON Schema as plainly as it can be said, for tests and fuzzers to compare with.
        .target(
            name: "SlowJSONSchema", dependencies: ["JSONSchema", "JSONText"], path: "Tests/SlowJSONSchema",
            swiftSettings: settings),
        .testTarget(
            name: "JSONSchemaTests",
            dependencies: ["TestThreads", "SlowJSONSchema", "JSONSchema", "JSONText"], exclude: ["Cases"],
            swiftSettings: settings),
        .testTarget(
            name: "ApusCatalogTests", dependencies: ["ApusCatalog", "ApusModel", "JSONText"],
            swiftSettings: settings),
        .testTarget(
            name: "ApusSchemasTests",
            dependencies: ["ApusSchemas", "JSONSchemaEvolution", "JSONSchema", "JSONText"],
            swiftSettings: settings),
        .testTarget(
            name: "JSONSchemaEvolutionTests",
            dependencies: [
                "TestThreads", "SlowJSONSchema", "JSONSchemaEvolution", "JSONSchema", "JSONText",
            ],
            swiftSettings: settings),
        // The events in Generated/ are compiled, so that what is written for others is known to compile.
        .testTarget(
            name: "SwiftEventCodeTests", dependencies: ["SwiftEventCode", "Apus", "JSONSchema", "JSONText"],
            exclude: ["Schemas"], swiftSettings: settings),
        .testTarget(
            name: "CloudEventsTests", dependencies: ["TestThreads", "CloudEvents", "JSONText"],
            swiftSettings: settings),
        // What the pages say of defaults, held against the code.
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "ApusModel", "ApusKafkaCodec", "ApusRules", "ApusSchedule", "ApusSchemas", "ApusCatalog",
                "JSONSchemaEvolution", "ApusTransform",
                "JSONText", "CloudEvents", "Apus", "ApusAMQP", "ApusKafka", "ApusTesting", "ApusTransports",
                "ApusXML",
                "ApusBus", "ApusWebhook", "ApusWebhookNIO", "ApusXSD", "JSONSchema", "SwiftEventCode",
                nioCore,
                nioHTTP1, lifecycle,
                signals, log,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ApusFuzzTargetsTests", dependencies: ["TestThreads", "ApusFuzzTargets"],
            swiftSettings: settings),
        .testTarget(
            name: "ApusTests",
            dependencies: [
                "Apus", "ApusBus", "ApusEmbeddedBus", "ApusTesting", "ApusModel", "CloudEvents", "ApusRules",
                "JSONText", log,
                coreMetrics, tracing, lifecycle,
            ], swiftSettings: settings),
        .testTarget(
            name: "ApusXMLTests", dependencies: ["ApusXML", "Apus", "ApusTesting"], swiftSettings: settings),
        .testTarget(
            name: "ApusOutboxSQLiteTests",
            dependencies: [
                "ApusOutboxSQLite", "Apus", "ApusTesting",
                .target(name: "CSQLite", condition: .when(traits: ["SQLite"])),
            ], swiftSettings: settings),
        .testTarget(
            name: "ApusCompressionTests", dependencies: ["TestThreads", "ApusCompression"],
            swiftSettings: settings),
        .testTarget(
            name: "ApusXSDTests", dependencies: ["TestThreads", "ApusXSD", "CloudEvents"],
            swiftSettings: settings),
        .testTarget(
            name: "ApusModelTests", dependencies: ["ApusModel", "ApusCompression", nioCore],
            swiftSettings: settings),
        .testTarget(
            name: "ApusRulesTests", dependencies: ["TestThreads", "ApusRules", "JSONText", "CloudEvents"],
            swiftSettings: settings),
        .testTarget(
            name: "ApusTransformTests",
            dependencies: ["TestThreads", "ApusTransform", "JSONText", "CloudEvents"],
            swiftSettings: settings),
        .testTarget(
            name: "ApusScheduleTests", dependencies: ["TestThreads", "ApusSchedule"], swiftSettings: settings),
        .testTarget(
            name: "ApusGroupsTests", dependencies: ["TestThreads", "ApusGroups"], swiftSettings: settings),
        .testTarget(
            name: "ApusStorageTests",
            dependencies: ["TestThreads", "ApusStorage", "ApusModel", "ApusTesting", nioCore, log],
            swiftSettings: settings),
        .testTarget(
            name: "ApusEngineTests",
            dependencies: [
                "TestThreads", "ApusEngine", "ApusStorage", "ApusModel", "ApusCompression", "ApusTesting",
                "ApusTransport", "ApusSchemas", "ApusCatalog", "JSONSchemaEvolution", "CloudEvents",
                "JSONText", "ApusRules", "ApusTransform", "ApusTelemetry", nioCore, log, tracing,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ApusBusTests", dependencies: ["ApusBus", "CloudEvents", log], swiftSettings: settings),
        .testTarget(
            name: "ApusEmbeddedBusTests",
            dependencies: [
                "ApusBus", "ApusEmbeddedBus", "ApusTesting", "ApusEngine", "ApusModel", "ApusStorage",
                "CloudEvents",
                log,
            ], swiftSettings: settings),
        .testTarget(
            name: "ApusTelemetryTests",
            dependencies: ["ApusTelemetry", "JSONText", log, coreMetrics, tracing],
            swiftSettings: settings),
        .testTarget(
            name: "ApusHTTPCodecTests", dependencies: ["TestThreads", "ApusHTTPCodec", nioCore],
            swiftSettings: settings),
        .testTarget(
            name: "ApusKafkaCodecTests", dependencies: ["TestThreads", "ApusKafkaCodec", nioCore],
            exclude: ["Fixtures"], swiftSettings: settings),
        .testTarget(
            name: "ApusAMQPCodecTests", dependencies: ["TestThreads", "ApusAMQPCodec", nioCore],
            swiftSettings: settings),
        .testTarget(
            name: "ApusAMQPTests",
            dependencies: [
                "ApusAMQP", "ApusAMQPCodec", "ApusBus", "CloudEvents", nioCore, nioEmbedded, log,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ApusHTTPServerTests",
            dependencies: ["ApusHTTPServer", "ApusNetwork", "ApusHTTPCodec", nioCore, nioPosix],
            swiftSettings: settings),
        .testTarget(
            name: "ApusHTTPGatewayTests",
            dependencies: [
                "ApusHTTPGateway", "ApusHTTPServer", "ApusNetwork", "ApusHTTPCodec", "ApusEngine",
                "ApusModel",
                "ApusRules", "ApusSchemas", "ApusCatalog", "JSONSchema",
                "ApusTransform", "ApusStorage", "ApusTransport", "CloudEvents", "JSONText", nioCore, nioPosix,
                nioHTTP1,
                httpClient, log,
            ], swiftSettings: settings),
        .testTarget(
            name: "ApusDashboardTests",
            dependencies: ["ApusDashboard", "ApusHTTPServer", "ApusHTTPCodec", nioCore],
            swiftSettings: settings),
        .testTarget(
            name: "ApusSchemaGatewayTests",
            dependencies: ["ApusSchemaGateway", "ApusTesting", "ApusEngine", "ApusSchemas", "JSONText"],
            swiftSettings: settings),
        .testTarget(
            name: "ApusKafkaGatewayTests",
            dependencies: [
                "ApusKafkaGateway", "ApusKafkaCodec", "ApusGroups", "ApusEngine", "ApusStorage",
                "ApusNetwork",
                "ApusModel", "ApusTesting", nioCore, nioPosix, log,
            ], swiftSettings: settings),
        .testTarget(
            name: "ApusWebhookTransportTests",
            dependencies: [
                "ApusWebhookTransport", "ApusTransport", "ApusModel", "CloudEvents", nioCore, nioPosix,
                nioHTTP1, nioLocks, log, crypto,
            ], swiftSettings: settings),
        .testTarget(
            name: "ApusBridgesTests",
            dependencies: [
                "ApusBridges", "ApusBus", "ApusEmbeddedBus", "ApusEngine", "ApusStorage", "ApusModel",
                "ApusTesting", "ApusTransport", "CloudEvents", log,
            ], swiftSettings: settings),
        .testTarget(
            name: "ApusAWSTests",
            dependencies: ["ApusAWS", "ApusBus", "CloudEvents", "JSONText", httpClient],
            swiftSettings: settings),
        .testTarget(
            name: "ApusEventGridTests",
            dependencies: ["ApusEventGrid", "ApusBus", "CloudEvents", "JSONText", crypto],
            swiftSettings: settings),
        .testTarget(
            name: "ApusKafkaTests",
            dependencies: [
                "ApusKafka", "ApusBus", "ApusTesting", "CloudEvents", log,
                .target(name: "CRDKafka", condition: .when(traits: ["Kafka"])),
            ], swiftSettings: settings),
        .testTarget(
            name: "ApusWebhookTests",
            dependencies: [
                "TestThreads", "ApusWebhook", "ApusWebhookNIO", "Apus", "ApusBus",
                "CloudEvents", "JSONText", crypto,
                moreCrypto,
                nioCore, nioEmbedded, nioHTTP1,
            ], swiftSettings: settings),
        .testTarget(
            name: "ApusCLITests",
            dependencies: [
                "ApusCLI", "ApusServer", "ApusClient", "ApusModel", "ApusNetwork", "JSONText", arguments,
                nioCore, nioPosix,
                nioHTTP,
            ], swiftSettings: settings),
    ]
)

// MARK: Beside this package.

// Examples/ has packages of their own for what stands on other people's libraries, which nobody gets who depends on Apus. `make test` builds their targets as if they were of this package, so that what
// they share with it is compiled once; scripts/typecheck.py holds their own manifests against this list.
if Context.environment["APUS_EXAMPLES"] == "1" {
    let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
    let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
    let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
    let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
    package.dependencies += [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ]
    package.targets += [
        .target(
            name: "ApusWebhookHummingbird", dependencies: ["ApusWebhook", hummingbird, httpTypes, nioCore],
            path: "Examples/webhooks-hummingbird/Sources/ApusWebhookHummingbird", swiftSettings: settings),
        .executableTarget(
            name: "webhooks-hummingbird",
            dependencies: ["ApusWebhookHummingbird", "Apus", "ApusWebhook", hummingbird],
            path: "Examples/webhooks-hummingbird/Sources/webhooks-hummingbird", swiftSettings: settings),
        .testTarget(
            name: "ApusWebhookHummingbirdTests",
            dependencies: [
                "ApusWebhookHummingbird", "Apus", "ApusWebhook", "CloudEvents", crypto, hummingbird,
                hummingbirdTesting, httpTypes, nioCore,
            ], path: "Examples/webhooks-hummingbird/Tests/ApusWebhookHummingbirdTests",
            swiftSettings: settings),
        .target(
            name: "ApusOutboxGRDB", dependencies: ["Apus", "CloudEvents", grdb],
            path: "Examples/outbox-grdb/Sources/ApusOutboxGRDB", swiftSettings: settings),
        .executableTarget(
            name: "outbox-grdb", dependencies: ["ApusOutboxGRDB", "Apus", grdb],
            path: "Examples/outbox-grdb/Sources/outbox-grdb", swiftSettings: settings),
        .testTarget(
            name: "ApusOutboxGRDBTests", dependencies: ["ApusOutboxGRDB", "Apus", "ApusTesting", grdb],
            path: "Examples/outbox-grdb/Tests/ApusOutboxGRDBTests", swiftSettings: settings),
    ]
}
