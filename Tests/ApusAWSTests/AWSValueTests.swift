// SPDX-License-Identifier: Apache-2.0

import ApusBus
import CloudEvents
import JSONText
import Testing

@testable import ApusAWS

struct AWSNameTests {
    @Test(arguments: [("orders", "orders"), ("billing.orders", "billing__orders"), ("a_b-c.D9", "a_b-c__D9")])
    func `names are written with what AWS allows`(_ name: String, _ expected: String) throws {
        #expect(try AWSNames.queue(name, isFIFO: false) == expected)
        #expect(try AWSNames.topic(name, isFIFO: true) == expected + ".fifo")
    }

    @Test(arguments: ["", "a__b", "a_.b", "a._b", "ä", "a b", "a/b"])
    func `names that could be taken for another are refused`(_ name: String) {
        #expect(throws: BusError.self) { _ = try AWSNames.queue(name, isFIFO: false) }
    }

    @Test func `the longest name is allowed and one more character is not`() throws {
        _ = try AWSNames.queue(String(repeating: "a", count: 80), isFIFO: false)
        #expect(throws: BusError.self) {
            _ = try AWSNames.queue(String(repeating: "a", count: 81), isFIFO: false)
        }
        #expect(throws: BusError.self) {
            _ = try AWSNames.queue(String(repeating: "a", count: 76), isFIFO: true)
        }
    }
}

struct AWSMessageTests {
    private func message(_ body: String) -> SQSService.Message {
        SQSService.Message(
            id: "m-1", receipt: "r", body: body, receiveCount: 1, sentAt: 1_440_938_160_000, attributes: [:])
    }

    @Test func `an event comes back whole, also from a notification and from an event of EventBridge`() throws
    {
        var event = try CloudEvent(
            id: "1", source: "/shop", type: "order.placed", dataContentType: "application/octet-stream",
            data: CloudEventData([0, 255, 10]))
        try event.extensions.set("partitionkey", to: .string("k"))
        let text = AWSMessage.text(event)
        let notification: JSONValue = ["Type": "Notification", "TopicArn": "arn", "Message": .string(text)]
        let bridged = "{\"detail-type\":\"order.placed\",\"source\":\"orders\",\"detail\":\(text)}"
        for body in [text, "\(notification)", bridged] {
            let read = AWSMessage.event(message(body), queue: "q")
            #expect(read.event == event)
            #expect(read.problem == nil)
        }
    }

    @Test func `a plain message becomes an event with attributes made up for it`() {
        let read = AWSMessage.event(message("hello"), queue: "https://sqs/q")
        #expect(read.event?.id == "m-1")
        #expect(read.event?.source == "https://sqs/q")
        #expect(read.event?.type == AWSMessage.plainType)
        #expect(read.event?.data?.text == "hello")
        #expect(read.problem == nil)
    }

    @Test
    func `a trace in the attributes of a message, or of a notification, is the event's where that has none`()
        throws
    {
        let place = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        var event = try CloudEvent(id: "1", source: "/shop", type: "order.placed")
        func trace(_ body: String, _ attributes: [String: String] = [:]) -> String? {
            var message = message(body)
            message.attributes = attributes
            return AWSMessage.event(message, queue: "q").event?.extensions[.traceParent]
        }
        let notification: JSONValue = [
            "Type": "Notification", "TopicArn": "arn", "Message": .string(AWSMessage.text(event)),
            "MessageAttributes": ["traceparent": ["Type": "String", "Value": .string(place)]],
        ]
        #expect(trace("\(notification)") == place)
        #expect(trace(AWSMessage.text(event), ["traceparent": place]) == place)
        #expect(trace("hello", ["traceparent": place, "tracestate": "a=1"]) == place)
        #expect(trace("hello", ["traceparent": "no"]) == nil)
        try event.extensions.set(.traceParent, to: own)
        #expect(trace(AWSMessage.text(event), ["traceparent": place]) == own)
    }

    @Test func `an event of an AWS service keeps its own attributes`() {
        let body =
            #"{"id":"7","detail-type":"EC2 State","source":"aws.ec2","time":"2015-08-30T12:36:00Z","detail":{"a":1}}"#
        let event = AWSMessage.event(message(body), queue: "q").event
        #expect(event?.source == "aws.ec2")
        #expect(event?.type == "EC2 State")
        #expect(event?.data?.text == #"{"a":1}"#)
    }

    @Test func `what claims to be an event and is not says so`() {
        let read = AWSMessage.event(message(#"{"specversion":"1.0","id":""}"#), queue: "q")
        #expect(read.problem?.contains("not a CloudEvent") == true)
        #expect(read.event?.data?.text == #"{"specversion":"1.0","id":""}"#)
    }
}

struct AWSErrorTests {
    @Test func `errors are read in both of AWS's forms`() {
        let json = AWSErrorDocument.read(
            Array(#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no such queue"}"#.utf8),
            status: 400,
            queryError: nil)
        #expect(json.code == "QueueDoesNotExist")
        #expect(json.busError("queue") == .unknown("queue: QueueDoesNotExist (400): no such queue"))
        let xml = AWSErrorDocument.read(
            Array(
                "<ErrorResponse><Error><Code>NotFound</Code><Message>gone</Message></Error></ErrorResponse>"
                    .utf8),
            status: 404, queryError: nil)
        #expect(xml.code == "NotFound")
        #expect(xml.message == "gone")
        let neither = AWSErrorDocument.read(Array("Bad Gateway".utf8), status: 502, queryError: nil)
        #expect(neither.isRetryable)
    }

    @Test func `throttling and trouble are tried again, refusals are not`() {
        for code in ["ThrottlingException", "RequestThrottled", "SlowDown"] {
            #expect(AWSError(kind: .service(code: code, status: 400), message: "").isRetryable)
        }
        let refusal = AWSError(kind: .service(code: "InvalidParameterValue", status: 400), message: "no")
        #expect(!refusal.isRetryable)
        #expect(refusal.busError("x") == .refused("x: InvalidParameterValue (400): no"))
        let denial = AWSError(kind: .service(code: "AccessDenied", status: 403), message: "no")
        #expect(denial.busError("x") == .unauthorized("x: AccessDenied (403): no"))
        #expect(AWSError(kind: .unanswered, message: "gone").busError("x") == .undecided("x: gone"))
    }

    @Test func `retries end when their budget is spent, and come back with success`() throws {
        let budget = RetryBudget()
        let error = AWSError(kind: .service(code: "InternalError", status: 500), message: "")
        var taken = 0
        while budget.take(after: error) != nil { taken += 1 }
        #expect(taken == RetryBudget.capacity / RetryBudget.cost)
        budget.giveBack(RetryBudget.cost)
        #expect(budget.take(after: error) == RetryBudget.cost)
        #expect(RetryBudget.pause(before: 2, chance: 1) == .seconds(1))
        #expect(RetryBudget.pause(before: 3, chance: 0.5) == .seconds(1))
        #expect(RetryBudget.pause(before: 60, chance: 1) == RetryBudget.pauseMax)
    }
}

struct AWSRequestTests {
    @Test func `messages are sent ten at a time and never more bytes than a call takes`() {
        let small = OutgoingMessage(type: "t", text: "x")
        let batches = AWSTransport.batches(Array(repeating: small, count: 25), count: 10, bytes: 1_000)
        #expect(batches.map(\.count) == [10, 10, 5])
        let large = OutgoingMessage(type: "t", text: String(repeating: "x", count: 400))
        #expect(AWSTransport.batches([large, large, large], count: 10, bytes: 1_000).map(\.count) == [2, 1])
        #expect(AWSTransport.batches([], count: 10, bytes: 1_000).isEmpty)
    }

    @Test func `a subscription's wishes become a filter policy`() throws {
        var subscription = Subscription(group: "g", topic: "t", types: ["b", "a"])
        #expect(try FilterPolicy.text(subscription) == #"{"type":["a","b"]}"#)
        subscription.pattern = #"{"data":{"total":[{"numeric":[">",100]}]}}"#
        #expect(
            try FilterPolicy.text(subscription)
                == #"{"data":{"total":[{"numeric":[">",100]}]},"type":["a","b"]}"#)
        subscription.pattern = "[]"
        #expect(throws: BusError.self) { _ = try FilterPolicy.text(subscription) }
        #expect(try FilterPolicy.text(Subscription(group: "g", topic: "t")) == nil)
    }

    @Test func `a URL's settings are checked by name`() throws {
        let url = try BusURL("aws://id:secret@eu-central-1?endpoint=http://localhost:5000/")
        let settings = try AWSSettings(url, allowing: [], environment: [:])
        #expect(settings.region == "eu-central-1")
        #expect(settings.endpoint == "http://localhost:5000")
        #expect(settings.credentials == AWSCredentials(keyID: "id", secret: "secret"))
        #expect(throws: BusError.self) {
            _ = try AWSSettings(
                try BusURL("aws://eu-central-1?fif=true"), allowing: ["fifo"], environment: [:])
        }
        #expect(throws: BusError.self) {
            _ = try AWSSettings(try BusURL("aws:"), allowing: [], environment: ["HOME": "/nowhere"])
        }
        #expect(
            try AWSSettings(try BusURL("aws:"), allowing: [], environment: ["AWS_REGION": "us-west-2"]).region
                == "us-west-2")
    }

    @Test func `a key that is no name of a group goes by its hash`() {
        #expect(AWSGroup.id("customer-7") == "customer-7")
        #expect(AWSGroup.id("with space").count == 64)
        #expect(AWSGroup.id("").count == 64)
        #expect(AWSGroup.id(String(repeating: "k", count: 129)).count == 64)
    }
}

struct GroupLaneTests {
    @Test func `of each group one is out, and what waits follows it in order`() {
        var lanes = GroupLanes<String>()
        let admitted = ["a1", "a2", "a3", "b1"].map { lanes.admit($0, .text($0), of: String($0.prefix(1))) }
        #expect(admitted == [true, false, false, true])
        let next = lanes.advance("a", token: DeliveryToken.text)
        #expect(next == "a2")
        #expect(lanes.out(of: "a") == .text("a2"))
        let behind = lanes.abandon("a")
        #expect(behind == ["a3"])
        let again = lanes.admit("a2", .text("a2"), of: "a")
        #expect(again)
        let last = lanes.advance("b", token: DeliveryToken.text)
        #expect(last == nil)
        #expect(lanes.out(of: "b") == nil)
    }
}
