// SPDX-License-Identifier: Apache-2.0

// The events of one subscription that were seen and are not settled, by their places. Each event handed out is looked up several times on its way; a table for each partition, by
// offset, is looked up by a plain integer, which costs half of what looking up a partition and an offset together does.

package import ApusModel

extension DeliveryState {
    /// Items by position. In no order.
    package struct Items: Sendable, Equatable, Sequence {
        private var partitions: [[Int64: Item]] = []
        /// How many there are.
        package private(set) var count = 0

        package init() {}

        package var isEmpty: Bool { count == 0 }

        /// The item at a position.
        package subscript(_ position: Position) -> Item? {
            // Whoever asks may have it from a client.
            partitions.indices.contains(position.partition)
                ? partitions[position.partition][position.offset.rawValue] : nil
        }

        /// Whether there was ever anything in the partition of a position, which may be what a client made up.
        package func hasPartition(of position: Position) -> Bool {
            partitions.indices.contains(position.partition)
        }

        /// Replaces what is at a position by what `body` makes of it, where nil is nothing, in one look.
        ///
        /// - Returns: what was there.
        @inline(__always)
        @discardableResult
        package mutating func replace(_ position: Position, _ body: (Item?) -> Item?) -> Item? {
            while partitions.count <= position.partition { partitions.append([:]) }
            let (old, new) = Self.exchange(&partitions[position.partition][position.offset.rawValue], body)
            count += (new == nil ? 0 : 1) - (old == nil ? 0 : 1)
            return old
        }

        @inline(__always)
        private static func exchange(
            _ item: inout Item?, _ body: (Item?) -> Item?
        ) -> (old: Item?, new: Item?) {
            let old = item
            item = body(old)
            return (old, item)
        }

        /// The positions of all items.
        package var positions: some Sequence<Position> { lazy.map(\.key) }

        /// The offsets of all items of one partition.
        package func offsets(in partition: Int) -> some Sequence<Offset> {
            (partitions.indices.contains(partition) ? partitions[partition] : [:]).keys.lazy.map {
                Offset($0)
            }
        }

        /// Whether they are the same, whatever tables are left empty.
        package static func == (left: Items, right: Items) -> Bool {
            left.count == right.count && left.allSatisfy { right[$0.key] == $0.value }
        }

        package func makeIterator() -> Iterator { Iterator(partitions) }

        /// Goes through one partition after the other.
        package struct Iterator: IteratorProtocol {
            private let partitions: [[Int64: Item]]
            private var partition = 0
            private var current: [Int64: Item].Iterator

            fileprivate init(_ partitions: [[Int64: Item]]) {
                self.partitions = partitions
                current = (partitions.first ?? [:]).makeIterator()
            }

            package mutating func next() -> (key: Position, value: Item)? {
                while true {
                    if let (offset, item) = current.next() {
                        return (Position(partition: partition, offset: Offset(offset)), item)
                    }
                    guard partition + 1 < partitions.count else { return nil }
                    partition += 1
                    current = partitions[partition].makeIterator()
                }
            }
        }
    }
}
