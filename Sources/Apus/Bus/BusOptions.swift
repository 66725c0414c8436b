// SPDX-License-Identifier: Apache-2.0

// What a program says of itself once, for all that it publishes and consumes.

public import ApusBus
public import Logging
public import Tracing

/// What a bus is to know of the program beside the address of the broker.
public struct BusOptions: Sendable {
    /// Where the bus logs. By default under the label `apus`, as the program has bootstrapped logging.
    public var logger: Logger
    /// What the program calls itself towards the broker. By default the name of the program.
    public var clientName: String
    /// How long to try to reach the broker before giving up, at the start. 10 s.
    public var connectTimeout: Duration
    /// Makes spans and carries trace context; nil for the one that the program has bootstrapped when the bus is made.
    public var tracer: (any Tracer)?
    /// What the broker has to be able to do beside what consumers ask for when they are made: delays, replays, rules, recurring events… A broker
    /// that lacks any of it is refused when the bus is connected. Nothing by default.
    public var needs: Set<Feature>
    /// Time.
    public var clock: any BusClock

    /// What a bus is to know of the program.
    public init(
        logger: Logger = Logger(label: "apus"), clientName: String? = nil,
        connectTimeout: Duration = .seconds(10), tracer: (any Tracer)? = nil, needs: Set<Feature> = [],
        clock: any BusClock = SystemBusClock()
    ) {
        self.logger = logger
        self.clientName = clientName ?? ProgramName.name
        self.connectTimeout = connectTimeout
        self.tracer = tracer
        self.needs = needs
        self.clock = clock
    }
}
