// SPDX-License-Identifier: Apache-2.0

// What holds for all webhooks; what differs between them is in `PushSettings`.

internal import ApusModel

/// How webhooks are delivered.
public struct WebhookConfiguration: Sendable {
    /// Whether events may go to addresses that are not on the open internet: this machine, private networks, link-local ones. Off,
    /// nobody who may create a subscription can reach what only this machine can.
    public var allowPrivateTargets: Bool
    /// Host names and address literals, in lower case, that events may go to although they are not on the open internet.
    public var allowedHosts: Set<String>
    /// What `User-Agent` says.
    public var userAgent: String
    /// How much of an answer is read, in bytes; what is beyond is dropped with the connection.
    public var responseBytesMax: Int
    /// The longest wait that a target's `Retry-After` is granted.
    public var retryAfterMax: Duration
    /// How many connections are open at the same time before idle ones are closed to make room.
    public var connectionsMax: @Sendable () -> Int
    /// How many connections are begun in a second; a request that needs one waits for its turn, and its timeout begins then.
    public var connectsPerSecondMax: Int
    /// A file with certificates of authorities (PEM) that are trusted beside the system's; nil for none.
    public var trustFile: String?
    /// The DNS name by which this sender asks receivers for their consent.
    public var origin: String
    /// How long the addresses of a host name are used before it is looked up again.
    public var addressLifetime: Duration

    /// The defaults: the open internet only.
    public init(allowPrivateTargets: Bool = false, allowedHosts: Set<String> = []) {
        self.allowPrivateTargets = allowPrivateTargets
        self.allowedHosts = allowedHosts
        userAgent = "Apus"
        connectionsMax = { 4096 }
        connectsPerSecondMax = Defaults.webhookConnectsPerSecondMax
        trustFile = nil
        origin = "apus.invalid"
        responseBytesMax = 64 << 10
        retryAfterMax = .seconds(3600)
        addressLifetime = .seconds(10)
    }
}
