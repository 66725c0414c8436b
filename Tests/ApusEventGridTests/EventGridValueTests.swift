// SPDX-License-Identifier: Apache-2.0

// Addresses, credentials, names, errors and what is written on dead letters.

import ApusBus
import CloudEvents
import Crypto
import JSONText
import Testing

@testable import ApusEventGrid

struct EventGridSettingsTests {
    private func settings(_ url: String, _ environment: [String: String] = [:]) throws -> EventGridSettings {
        try EventGridSettings(try BusURL(url)) { environment[$0] }
    }

    @Test func `a URL says where and who`() throws {
        let plain = try settings("eventgrid://:k%2Fey%3D@shop.westeurope-1.eventgrid.azure.net")
        #expect(plain.base == "https://shop.westeurope-1.eventgrid.azure.net")
        #expect(
            EventGridCredentials(plain.credentials).authorization(at: 0) == "SharedAccessKey k/ey=")
        let double = try settings(
            "eventgrid://ns?endpoint=http://127.0.0.1:5000/&auth=sas&lock=120&deadLetters=topic",
            ["EVENTGRID_ACCESS_KEY": "c2VjcmV0"])
        #expect(double.base == "http://127.0.0.1:5000")
        #expect(double.lock == .seconds(120) && double.keepsDeadLetters)
        #expect(
            EventGridCredentials(double.credentials).authorization(at: 0).hasPrefix(
                "SharedAccessSignature r=https%3A%2F%2Fns&e=1970-01-01T01%3A00%3A00&s="))
    }

    @Test func `a ready signature is used where nothing else is asked for`() throws {
        let settings = try settings(
            "eventgrid://ns", ["EVENTGRID_SAS_TOKEN": "r=a&e=b&s=c", "EVENTGRID_ACCESS_KEY": "c2VjcmV0"])
        #expect(
            EventGridCredentials(settings.credentials).authorization(at: 0)
                == "SharedAccessSignature r=a&e=b&s=c")
    }

    @Test(arguments: [
        "eventgrid://ns", "eventgrid://:k@ns?nonsense=1", "eventgrid://:k@a,b", "eventgrid:",
        "eventgrid://:k@ns/path", "eventgrid://:k@ns?lock=0", "eventgrid://:k@ns?lock=x",
        "eventgrid://:k@ns?auth=maybe", "eventgrid://:secret!@ns?auth=sas", "eventgrid://ns?auth=token",
        "eventgrid://:k@ns?deadLetters=here",
    ])
    func `what makes no sense is refused, never with the key`(_ url: String) throws {
        do {
            _ = try settings(url)
            Issue.record("it was taken")
        } catch {
            #expect(!"\(error)".contains("secret!"))
        }
    }
}

struct EventGridCredentialsTests {
    @Test func `a signature covers resource and expiry, and is what anybody with the key computes`() throws {
        // Reckoned with Python's hmac and urllib.
        let key = try #require(Base64.decoded("c2VjcmV0"))
        let token = EventGridCredentials.token(
            resource: "https://ns.westeurope-1.eventgrid.azure.net", expires: 1_800_000_000,
            key: SymmetricKey(data: key))
        #expect(
            token
                == "r=https%3A%2F%2Fns.westeurope-1.eventgrid.azure.net&e=2027-01-15T08%3A00%3A00&s=P14Qz0lw5PZH9Uov7JBtzltsq822zyr0ryddxvznhKs%3D"
        )
    }

    @Test func `a signature is used until shortly before its end`() throws {
        let credentials = EventGridCredentials(
            try EventGridCredentials.signing("c2VjcmV0", resource: "https://ns"))
        let first = credentials.authorization(at: 1_800_000_000)
        #expect(credentials.authorization(at: 1_800_003_299) == first)
        #expect(credentials.authorization(at: 1_800_003_300) != first)
    }

    @Test func `credentials say nothing of themselves`() {
        #expect("\(EventGridCredentials(.key("secret")))" == "credentials")
    }
}

struct EventGridNamesTests {
    @Test func `dots become two hyphens`() throws {
        #expect(try EventGridNames.topic("shop.orders-eu") == "shop--orders-eu")
        #expect(try EventGridNames.subscription("billing") == "billing")
    }

    @Test(arguments: [
        "", "ab", "a_b", "orders--x", "orders.-x", "orders..x", "größe", String(repeating: "a", count: 51),
    ])
    func `what cannot be a name is refused`(_ name: String) {
        #expect(throws: BusError.self) { try EventGridNames.topic(name) }
    }

    @Test func `the name of a topic of dead letters always fits, and differs where the names do`() throws {
        #expect(
            try EventGridNames.deadLetterTopic("billing.orders.dead-letter") == "billing--orders--dead-letter"
        )
        let long = "a-very-long-group.with-a-very-long-topic.dead-letter"
        let (one, other) = try (
            EventGridNames.deadLetterTopic(long), EventGridNames.deadLetterTopic(long + "s")
        )
        #expect(one.count == 50 && other.count == 50 && one != other)
    }
}

struct EventGridErrorTests {
    @Test func `the service's words are kept`() {
        let error = EventGridError.read(
            Array(#"{"error": {"code": "BadRequest", "message": "no such thing"}}"#.utf8), status: 400,
            retryAfter: nil)
        #expect(error.description == "BadRequest (400): no such thing")
        #expect(EventGridError.read([1, 2], status: 502, retryAfter: nil).isRetryable)
    }

    @Test(arguments: [
        (400, "refused"), (401, "unauthorized"), (403, "unauthorized"), (404, "unknown"),
        (408, "unavailable"),
        (429, "unavailable"), (503, "unavailable"),
    ])
    func `a status means the same whatever the broker`(_ status: Int, _ expected: String) {
        let error = EventGridError(kind: .service(code: "X", status: status), message: "m").busError("topic")
        let name = String("\(Mirror(reflecting: error).children.first?.label ?? "")")
        #expect(name == expected)
    }

    @Test func `pauses double, and the service's wish goes before them`() {
        var error = EventGridError(kind: .unreachable, message: "")
        #expect(EventGridRetry.pause(before: 2, after: error, chance: 1) == .milliseconds(800))
        #expect(EventGridRetry.pause(before: 4, after: error, chance: 1) == .milliseconds(3200))
        error.retryAfter = .seconds(7)
        #expect(EventGridRetry.pause(before: 2, after: error, chance: 1) == .seconds(7))
        error.retryAfter = .seconds(31)
        #expect(EventGridRetry.pause(before: 2, after: error, chance: 1) == nil)
    }
}

struct EventGridMessageTests {
    private let place = EventGridService.Place(topic: "orders", subscription: "billing")

    @Test func `what is no event comes with what is wrong with it`() throws {
        let delivery = EventGridService.Delivery(
            event: ["id": "7", "specversion": "1.0"], token: "t", count: 3)
        let received = try #require(EventGridMessage.received(delivery, topic: "orders", at: place))
        #expect(received.problem != nil && received.event.id == "7" && received.attempt == 3)
        #expect(received.event.type == EventGridMessage.unreadableType)
    }

    @Test func `a dead letter says why, and is the event again when it is read`() throws {
        var event = try CloudEvent(id: "1", source: "/s", type: "t")
        try event.extensions.set("partitionkey", to: .string("k"))
        let written = Epitaph.written(on: event, "line\none: größer", attempt: 3, now: 5)
        #expect(written.extensions.count == 4)
        let (letter, time) = Epitaph.read(written)
        #expect(letter == DeadLetter(event: event, reason: "line one: größer", attempts: 3))
        #expect(time == 5)
    }

    @Test func `batches have no more events and bytes than the service takes`() {
        let small = Array(repeating: [UInt8](repeating: 1, count: 10), count: 2_500)
        #expect(EventGridTransport.batches(small).map(\.count) == [1000, 1000, 500])
        let large = Array(repeating: [UInt8](repeating: 1, count: 400_000), count: 5)
        #expect(EventGridTransport.batches(large).map(\.count) == [2, 2, 1])
        #expect(EventGridTransport.batches([]).isEmpty)
    }
}
