// SPDX-License-Identifier: Apache-2.0

// Rates and explanations as JSON. Rates are per second, over one minute and five, and rounded to what they are good for.

internal import ApusEngine
internal import ApusModel
internal import JSONText

extension JSONWriter {
    /// A rate over both windows.
    mutating func rate(_ name: StaticString, _ rate: Rate) {
        key(name)
        object { writer in
            writer.figure("1m", rate.minute)
            writer.figure("5m", rate.fiveMinutes)
        }
    }

    /// A number with three digits after the point.
    mutating func figure(_ name: StaticString, _ value: Double?) {
        key(name)
        guard let value, value.isFinite, value.magnitude < 1e15 else { return null() }
        double((value * 1000).rounded() / 1000)
    }

    /// What is known of the load on a subscription: `rates`, null before it was looked at twice, and `slow_since`.
    mutating func load(_ subscription: SubscriptionDescription) {
        key("rates")
        if let load = subscription.load {
            object { $0.rates(load, backlog: subscription.backlog) }
        } else {
            null()
        }
        member("slow_since", subscription.load?.slowSince.map(TimeText.text))
    }

    /// The members of `rates`.
    fileprivate mutating func rates(_ load: SubscriptionLoad, backlog: Int64) {
        rate("arrival", load.arrival)
        rate("service", load.service)
        rate("delivered", load.delivered)
        rate("acknowledged", load.acknowledged)
        rate("failed", load.failed)
        rate("dead_lettered", load.deadLettered)
        rate("in_flight", load.inFlight)
        member("room", load.room)
        figure("utilisation", load.utilisation)
        member("time_in_flight", load.timeInFlight.map(DurationText.format))
        member("drain", load.drain(backlog).map(DurationText.format))
    }

    /// An explanation.
    mutating func explanation(_ explanation: Explanation) {
        let (figures, one) = (explanation.figures, explanation.figures.description)
        object { writer in
            writer.member("subscription", one.name.description)
            writer.member("topic", one.settings.topic.description)
            writer.member("state", SubscriptionState(one).rawValue)
            writer.member("summary", explanation.summary)
            writer.member("causes", list: explanation.causes) { writer, cause in
                writer.object { writer in
                    writer.member("cause", cause.cause.rawValue)
                    writer.member("severity", cause.severity.rawValue)
                    writer.member("finding", cause.text)
                    writer.member("evidence", list: cause.evidence) { $0.string($1) }
                    writer.member("hint", cause.hint)
                }
            }
            writer.member("backlog", one.backlog)
            writer.member("in_flight", one.inFlight)
            writer.member("waiting", one.waiting)
            writer.member("oldest_unsettled", one.oldestUnsettled.map(TimeText.text))
            writer.load(one)
            writer.member("keys", list: figures.sample.keys) { writer, key in
                writer.object { writer in
                    writer.member("key", key.key)
                    writer.figure("share", Double(key.events) / Double(max(1, figures.sample.events)))
                }
            }
            writer.member("partitions", list: Array(figures.behind.prefix(10))) { writer, one in
                writer.object { writer in
                    writer.member("partition", one.partition)
                    writer.member("behind", one.events)
                }
            }
        }
    }
}
