// SPDX-License-Identifier: Apache-2.0

// The schemas that have a name in the OpenAPI document. What people send (`TopicSettings`, `RuleSettings`, ...) is kept apart
// from what they get back, because answers say more than can be set.

import ApusModel

/// A named schema of the OpenAPI document.
enum Definition: String, Sendable, CaseIterable {
    case name = "Name"
    case duration = "Duration"
    case position = "Position"
    case time = "Time"
    case pattern = "Pattern"
    case cloudEvent = "CloudEvent"
    case problem = "Problem"
    case receipt = "Receipt"
    case receipts = "Receipts"
    case partialReceipts = "PartialReceipts"
    case storedEvent = "StoredEvent"
    case readResult = "ReadResult"
    case journey = "Journey"
    case journeyStep = "JourneyStep"
    case attempts = "Attempts"
    case foundEvents = "FoundEvents"
    case delivery = "Delivery"
    case deliveries = "Deliveries"
    case settleResults = "SettleResults"
    case retryResult = "RetryResult"
    case topic = "Topic"
    case topicSettings = "TopicSettings"
    case topics = "Topics"
    case push = "Push"
    case retry = "Retry"
    case subscription = "Subscription"
    case subscriptionSettings = "SubscriptionSettings"
    case subscriptions = "Subscriptions"
    case replayPreview = "ReplayPreview"
    case pushTest = "PushTest"
    case newSecret = "NewSecret"
    case secrets = "Secrets"
    case rule = "Rule"
    case ruleSettings = "RuleSettings"
    case ruleTarget = "RuleTarget"
    case transformation = "Transformation"
    case rules = "Rules"
    case ruleTest = "RuleTest"
    case ruleTestResult = "RuleTestResult"
    case ruleTrial = "RuleTrial"
    case ruleTrialResult = "RuleTrialResult"
    case deadLetter = "DeadLetter"
    case deadLetters = "DeadLetters"
    case deadLetterCauses = "DeadLetterCauses"
    case deadLetterSelection = "DeadLetterSelection"
    case deadLetterRedrive = "DeadLetterRedrive"
    case deadLetterDiscard = "DeadLetterDiscard"
    case redriveResult = "RedriveResult"
    case discardResult = "DiscardResult"
    case scheduleReceipt = "ScheduleReceipt"
    case scheduleReceipts = "ScheduleReceipts"
    case delayedEvent = "DelayedEvent"
    case delayedEvents = "DelayedEvents"
    case schedule = "Schedule"
    case scheduleSettings = "ScheduleSettings"
    case schedules = "Schedules"
    case group = "Group"
    case groups = "Groups"
    case groupReset = "GroupReset"
    case connection = "Connection"
    case connectionSettings = "ConnectionSettings"
    case connections = "Connections"
    case feed = "Feed"
    case feedSettings = "FeedSettings"
    case feeds = "Feeds"
    case schemaSource = "SchemaSource"
    case schemaSubject = "SchemaSubject"
    case schemaSubjects = "SchemaSubjects"
    case schemaVersion = "SchemaVersion"
    case schemaVersions = "SchemaVersions"
    case schemaDetails = "SchemaDetails"
    case schemaConfig = "SchemaConfig"
    case schemaConfigSettings = "SchemaConfigSettings"
    case schemaReport = "SchemaReport"
    case schemaTrial = "SchemaTrial"
    case schemaTrialResult = "SchemaTrialResult"
    case schemaUses = "SchemaUses"
    case eventType = "EventType"
    case eventTypes = "EventTypes"
    case eventTypeDeclaration = "EventTypeDeclaration"
    case schemaProposal = "SchemaProposal"
    case schemaProposalSettings = "SchemaProposalSettings"
    case asyncAPI = "AsyncAPI"
    case health = "Health"
    case status = "Status"
    case diagnosis = "Diagnosis"
    case verification = "Verification"
    case explanation = "Explanation"
    case bottlenecks = "Bottlenecks"
    case alarms = "Alarms"
    case clients = "Clients"
    case recentLog = "RecentLog"
    case serverSettings = "ServerSettings"

    /// What values of this name look like.
    var schema: Schema {
        switch self {
        case .name, .duration, .position, .time, .pattern, .cloudEvent, .problem: Schema.basic(self)
        case .receipt, .receipts, .partialReceipts, .storedEvent, .readResult, .delivery, .deliveries,
            .settleResults, .retryResult:
            Schema.events(self)
        case .journey, .journeyStep, .attempts, .foundEvents, .pushTest: Schema.journeys(self)
        case .topic, .topicSettings, .topics: Schema.topics(self)
        case .push, .retry, .subscription, .subscriptionSettings, .subscriptions, .newSecret, .secrets,
            .replayPreview:
            Schema.subscriptions(self)
        case .rule, .ruleSettings, .ruleTarget, .transformation, .rules, .ruleTest, .ruleTestResult,
            .ruleTrial,
            .ruleTrialResult:
            Schema.rules(self)
        case .deadLetter, .deadLetters, .deadLetterCauses, .deadLetterSelection, .deadLetterRedrive,
            .deadLetterDiscard, .redriveResult,
            .discardResult:
            Schema.deadLetters(self)
        case .scheduleReceipt, .scheduleReceipts, .delayedEvent, .delayedEvents, .schedule,
            .scheduleSettings, .schedules:
            Schema.schedules(self)
        case .group, .groups, .groupReset: Schema.groups(self)
        case .connection, .connectionSettings, .connections, .feed, .feedSettings, .feeds:
            Schema.bridges(self)
        case .schemaSource, .schemaSubject, .schemaSubjects, .schemaVersion, .schemaVersions, .schemaDetails,
            .schemaConfig, .schemaConfigSettings, .schemaReport, .schemaTrial, .schemaTrialResult,
            .schemaUses:
            Schema.registry(self)
        case .eventType, .eventTypes, .eventTypeDeclaration, .schemaProposal, .schemaProposalSettings,
            .asyncAPI:
            Schema.eventTypes(self)
        case .health, .status, .diagnosis, .verification: Schema.operations(self)
        case .explanation, .bottlenecks, .alarms, .clients, .recentLog, .serverSettings:
            Schema.observation(self)
        }
    }
}

/// The bounds of settings, shared by readers and schemas.
enum Bounds {
    static let partitions: ClosedRange<Int64> = 1...10_000
    static let partition: ClosedRange<Int64> = 0...9999
    static let offset: ClosedRange<Int64> = 0...Int64.max
    static let bytes: ClosedRange<Int64> = 0...Int64.max
    static let segmentBytes: ClosedRange<Int64> = (1 << 20)...(1 << 30)
    static let segmentAge: ClosedRange<Duration> = .milliseconds(1)...DurationText.max
    static let batchBytes: ClosedRange<Int64> = 1...Int64(Defaults.batchBytesMax)
    static let inFlight: ClosedRange<Int64> = 1...100_000
    static let attempts: ClosedRange<Int64> = 1...1000
    static let weight: ClosedRange<Int64> = 1...1000
    static let weights = 1000
    static let concurrency: ClosedRange<Int64> = 1...1000
    static let receive: ClosedRange<Int64> = 1...1000
    static let page: ClosedRange<Int64> = 1...1000
    static let status: ClosedRange<Int64> = 100...999
    static let trialShown: ClosedRange<Int64> = 0...1000
    static let trialNewest: ClosedRange<Int64> = 1...1_000_000
    static let leases = 1...1000
    static let deadLetterIDs = 1...10_000
    static let targets = 1...16
    static let schemaVersion: ClosedRange<Int64> = 1...Int64(Int32.max)
    static let proposalEvents: ClosedRange<Int64> = 1...Int64(Defaults.proposalEventsMax)
    static let catchUp: ClosedRange<Int64> = 1...10_000
    static let deduplication: ClosedRange<Duration> = .seconds(1)...Defaults.deduplicationWindowMax
    static let alarmAge: ClosedRange<Duration> = .seconds(1) ... .seconds(365 * 86_400)
    static let alarmBacklog: ClosedRange<Int64> = 1...1_000_000_000_000
    static let expiry: ClosedRange<Duration> = .seconds(1) ... .seconds(30 * 86_400)
    static let lease: ClosedRange<Duration> = .zero ... .seconds(12 * 3600)
    static let delay: ClosedRange<Duration> = .zero ... .seconds(30 * 86_400)
    static let retry: ClosedRange<Duration> = .zero ... .seconds(30 * 86_400)
    static let pushTimeout: ClosedRange<Duration> = .seconds(1) ... .seconds(300)
    static let retrySchedule = 0...100
    static let retryAge: ClosedRange<Duration> = .seconds(1) ... .seconds(365 * 86_400)
    static let pushRate: ClosedRange<Int64> = 1...1_000_000
    static let pushSecrets = 0...4
    static let pushHeaders = 32
    static let pushBatchEvents: ClosedRange<Int64> = 1...1000
    static let pushBatchBytes: ClosedRange<Int64> = 1...(16 << 20)
    static let pushLinger: ClosedRange<Duration> = .zero ... .seconds(60)
    static let breakerFailures: ClosedRange<Int64> = 0...10_000
    static let breakerPause: ClosedRange<Duration> = .milliseconds(100) ... .seconds(86_400)
    static let feedPrefetch: ClosedRange<Int64> = 1...10_000
    static let flushInterval: ClosedRange<Duration> = .milliseconds(1) ... .seconds(3600)
    static let compaction: ClosedRange<Duration> = .zero ... .seconds(3650 * 86_400)
    static let percent: ClosedRange<Int64> = 0...100
    static let retentionAge: ClosedRange<Duration> = .milliseconds(1)...DurationText.max
}
