// SPDX-License-Identifier: Apache-2.0

// Answers to requests, from the side that gives them: published to the topic that the request names, for whoever the request names.

import ApusBus
import CloudEvents
import Logging

extension EventContext {
    /// Publishes the answer to a request, to whoever asked; does nothing when nobody waits for one.
    func reply<Reply: Event>(_ reply: Reply) async throws {
        guard let (topic, options) = replyOptions() else { return }
        try await bus.publish(try bus.envelope(reply, options), to: topic)
    }

    /// Tells whoever asked that there will be no answer.
    func replyFailed(_ reason: String) async {
        guard let (topic, prepared) = replyOptions() else { return }
        var options = prepared
        do {
            try options.extensions.set(ApusAttribute.replyError, to: .string(ErrorText.cut(reason)))
            let event = RawEvent(type: ApusAttribute.failedReplyType, topic: topic, data: [])
            try await bus.publish(event, options: options)
        } catch {
            logger.warning(
                "whoever asked was not told of the failure", metadata: ["error": "\(ErrorText.of(error))"])
        }
    }

    private func replyOptions() -> (topic: String, options: PublishOptions)? {
        guard let topic = event.extensions[ApusAttribute.replyTo]?.text,
            let asker = event.extensions[ApusAttribute.replyFor]?.text
        else { return nil }
        var options = PublishOptions(correlationID: correlationID, causationID: event.id)
        // The asker's own text, which was an attribute before.
        try? options.extensions.set(ApusAttribute.replyFor, to: .string(asker))
        return (topic, options)
    }
}

extension ApusAttribute {
    /// The type of an answer that says there is none.
    static let failedReplyType = "apus.reply.failed"
}
