// SPDX-License-Identifier: Apache-2.0

// Journeys of events as JSON.

internal import ApusEngine
internal import ApusModel
internal import ApusRules
internal import ApusTransport
internal import CloudEvents
internal import JSONText

extension JSONWriter {
    mutating func journey(_ journey: EventJourney) {
        object { writer in
            writer.key("event")
            writer.storedEvent(journey.stored)
            writer.member("noted", journey.isNoted)
            writer.member("whole", journey.isWhole)
            writer.member("schema", journey.schema)
            writer.member("rules", list: journey.rules) { $0.rule($1) }
            writer.member("subscriptions", list: journey.subscriptions) { $0.subscription($1) }
            writer.member("steps", list: journey.steps) { $0.step($1) }
            writer.member("ancestors", list: journey.ancestors) { $0.relative($1) }
            writer.member("descendants", list: journey.descendants) { $0.relative($1) }
        }
    }

    private mutating func member(_ name: StaticString, _ verdict: SchemaVerdict) {
        let (word, detail): (String, String?) =
            switch verdict {
            case .none: ("none", nil)
            case .accepted: ("accepted", nil)
            case .violated(let what): ("violated", what)
            case .unknown(let why): ("unknown", why)
            }
        key(name)
        object { writer in
            writer.member("verdict", word)
            writer.member("detail", detail)
        }
    }

    private mutating func rule(_ rule: RuleVerdict) {
        object { writer in
            writer.member("name", rule.name.description)
            writer.member("enabled", rule.isEnabled)
            writer.member("newer", rule.isNewer)
            writer.member("matched", rule.isMatch)
            writer.member("targets", list: rule.targets) { $0.string($1) }
            writer.explanation(rule.explanation)
        }
    }

    private mutating func subscription(_ subscription: SubscriptionVerdict) {
        object { writer in
            writer.member("name", subscription.name.description)
            writer.member("rule", subscription.rule?.description)
            writer.member("push", subscription.isPush)
            writer.member("standing", subscription.standing.rawValue)
            writer.number("attempts", subscription.attempts)
            writer.time("next", subscription.next)
            writer.explanation(subscription.explanation)
        }
    }

    private mutating func explanation(_ explanation: MatchExplanation?) {
        guard let explanation else { return }
        member("leaves", list: explanation.fields) { $0.leaf($1) }
        member("note", explanation.note)
    }

    private mutating func relative(_ relative: EventRelative) {
        object { writer in
            writer.member("kind", relative.kind.rawValue)
            writer.key("place")
            writer.place(relative.place)
            writer.time("time", relative.time)
            writer.member("from", relative.from)
            writer.member("by", relative.by)
            writer.member("steps", list: relative.steps) { $0.step($1) }
        }
    }

    private mutating func step(_ step: JourneyStep) {
        object { writer in
            writer.member("time", step.time)
            switch step.note {
            case .published(let source, let count):
                writer.member("kind", "published")
                writer.member("protocol", source.channel)
                writer.member("client", source.client.isEmpty ? nil : source.client)
                writer.member("address", source.address.isEmpty ? nil : source.address)
                writer.member("events", count)
            case .warned(let reason):
                writer.member("kind", "warned")
                writer.member("reason", reason)
            case .attempted(let note):
                writer.member("kind", "attempt")
                writer.attemptMembers(note)
            case .buried(let subscription, let letter, let reason):
                writer.member("kind", "dead letter")
                writer.member("subscription", subscription.description)
                writer.member("letter", letter)
                writer.member("reason", reason)
            case .redriven(let place, let isEdited):
                writer.member("kind", "redriven")
                writer.member("to", place)
                writer.member("edited", isEdited)
            case .discarded(let reason):
                writer.member("kind", "discarded")
                writer.member("reason", reason)
            }
        }
    }

    /// The members that tell of an attempt.
    mutating func attemptMembers(_ note: AttemptNote) {
        member("subscription", note.subscription.description)
        member("attempt", note.number)
        member("max_attempts", note.numberMax)
        time("began", note.began)
        number("microseconds", note.duration.map(\.wholeMicroseconds))
        member("outcome", note.outcome.text)
        number("status", note.status)
        member("reason", note.reason.isEmpty ? nil : note.reason)
        time("next", note.next)
        if let exchange = note.exchange { exchangeMembers(exchange) }
    }

    mutating func pushTest(_ test: PushTest, of subscription: ResourceName) {
        let (result, status, reason): (AttemptResult, Int?, String?) =
            switch test.outcome {
            case .delivered: (.delivered, test.exchange?.status, nil)
            case .retry(_, let status, let reason): (.failed, status, reason)
            case .refused(let status, let reason): (.refused, status, reason)
            }
        object { writer in
            writer.member("subscription", subscription.description)
            writer.key("event")
            CloudEventJSONFormat.write(test.event, to: &writer)
            writer.member("began", test.began)
            writer.member("microseconds", test.duration.wholeMicroseconds)
            writer.member("outcome", result.text)
            writer.number("status", status)
            writer.member("reason", reason)
            if let exchange = test.exchange { writer.exchangeMembers(exchange) }
        }
    }

    private mutating func exchangeMembers(_ exchange: Exchange) {
        key("request")
        object { writer in
            writer.member("method", exchange.method)
            writer.member("url", exchange.url)
            if let broker = exchange.broker {
                writer.key("broker")
                writer.object { writer in
                    writer.member("transport", broker.transport)
                    writer.member("connection", broker.connection)
                    writer.member("topic", broker.topic)
                }
            }
            writer.fields(exchange.requestFields)
            writer.member("body", String(decoding: exchange.requestBody, as: UTF8.self))
            writer.member("bytes", exchange.requestBytes)
        }
        key("response")
        guard exchange.isAnswered else { return null() }
        object { writer in
            writer.number("status", exchange.status)
            if exchange.broker != nil { writer.member("error", exchange.error) }
            writer.fields(exchange.responseFields)
            writer.member("body", String(decoding: exchange.responseBody, as: UTF8.self))
        }
    }

    private mutating func fields(_ fields: [Exchange.Field]) {
        member("headers", list: fields) { writer, field in
            writer.object { writer in
                writer.member("name", field.name)
                writer.member("value", field.value)
            }
        }
    }

    /// A place as an object; null for none.
    mutating func place(_ place: EventPlace?) {
        guard let place else { return null() }
        object { writer in
            writer.member("topic", place.topic.description)
            writer.member("partition", place.partition)
            writer.member("offset", place.offset)
        }
    }

    private mutating func time(_ name: StaticString, _ time: Timestamp?) {
        member(name, time.map { TimeText.text($0) })
    }

    private mutating func number(_ name: StaticString, _ number: Int?) {
        key(name)
        if let number { integer(number) } else { null() }
    }
}

extension Duration {
    fileprivate var wholeMicroseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }
}
