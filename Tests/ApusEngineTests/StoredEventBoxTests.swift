// SPDX-License-Identifier: Apache-2.0

// An event is taken out of a box that nobody else has, and left in one that somebody has.

import ApusModel
import CloudEvents
import Testing

@testable import ApusEngine

@Suite struct StoredEventBoxTests {
    private func box() throws -> StoredEventBox {
        let event = try CloudEvent(
            id: "an id that is not part of a string itself", source: "/", type: "t",
            data: CloudEventData([1, 2, 3]))
        return StoredEventBox(
            StoredEvent(
                topic: try ResourceName("orders"), partition: 3, offset: Offset(7),
                timestamp: Timestamp(milliseconds: 9), key: nil, event: event, headers: []))
    }

    @Test func `the only one who has a box takes the event, and its place stays`() throws {
        var box = try box()
        let expected = box.value.event
        #expect(StoredEventBox.takeEvent(of: &box) == expected)
        #expect(box.value.event == CloudEventKafkaUpdate.beginning)
        #expect(box.value.offset == Offset(7))
        #expect(box.value.partition == 3)
        #expect(box.dataCount == 3)
    }

    @Test func `whoever else has the box still has the event`() throws {
        var box = try box()
        let other = box
        #expect(StoredEventBox.takeEvent(of: &box) == other.value.event)
        #expect(other.value.event.data?.bytes == [1, 2, 3])
    }
}
