// SPDX-License-Identifier: Apache-2.0

// The receiver of a subscription that pushes: sending it a test, and changing what requests are signed with.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import ApusTransport
internal import JSONText

/// Routes about receivers.
enum ReceiverRoutes {
    static let all: [Route] = [test, rotate, retire]

    private static let test = Route(
        method: .post, path: PathTemplate("/v1/subscriptions/{subscription}/test"), operation: "testPush",
        summary:
            "Sends one event to where the subscription pushes, and tells what was sent and what came back: 'event', or one of type "
            + "'apus.test'. Nothing is stored or counted; it goes although the subscription is paused or its receiver is left alone.",
        chapter: .subscriptions, body: .optionalJSON(.object(Schema.pushTestRequest)),
        successes: [.json(.ok, "How it ended.", .pushTest)],
        problems: [.notFound, .unsupportedMediaType, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let event = try call.optionalMembers(Schema.pushTestRequest).event("event")
            let test = try await context.ask { broker async throws(BrokerError) in
                try await broker.testPush(name, event)
            }
            return .json { $0.pushTest(test, of: name) }
        })

    private static let rotate = Route(
        method: .post, path: PathTemplate("/v1/subscriptions/{subscription}/rotate-secret"),
        operation: "rotateSecret",
        summary:
            "Makes a new secret, tells it this once, and signs with it beside those that there are, of which the oldest goes when there "
            + "would be more than \(PushSettings.secretsMax). Of a subscription that serves a rule, the rule is changed.",
        chapter: .subscriptions, successes: [.json(.ok, "The new secret.", .newSecret)],
        problems: [.notFound, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let secret = WebhookSecret.random()
            let secrets = try await context.ask { broker async throws(BrokerError) in
                try await broker.changeSecrets(name, .add(secret))
            }
            return .json { writer in
                writer.object { writer in
                    writer.member("secret", secret.text)
                    writer.member("secrets", list: secrets) { $0.string($1.masked) }
                }
            }
        })

    private static let retire = Route(
        method: .post, path: PathTemplate("/v1/subscriptions/{subscription}/retire-secrets"),
        operation: "retireSecrets",
        summary: "Signs with the newest secret alone from now on: for when the receiver knows it.",
        chapter: .subscriptions, successes: [.json(.ok, "What is left.", .secrets)],
        problems: [.notFound, .conflict, .invalid],
        handler: .answer { context, call async throws(Problem) in
            let name = try call.name()
            let secrets = try await context.ask { broker async throws(BrokerError) in
                try await broker.changeSecrets(name, .keepNewest)
            }
            return .json { writer in
                writer.object { $0.member("secrets", list: secrets) { $0.string($1.masked) } }
            }
        })
}
