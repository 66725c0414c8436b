// SPDX-License-Identifier: Apache-2.0

// What a consumer holds while it works on an event: opaque to it, and enough for the engine to find the lease without a table of tokens.

import ApusModel

/// The right to settle one delivery.
struct LeaseToken: Hashable, Sendable {
    var position: Position
    /// Tells this lease of the event from every earlier one, also from those before a restart.
    var nonce: UInt64

    var text: String {
        String(position.partition, radix: 36) + "-" + String(position.offset.rawValue, radix: 36) + "-"
            + String(nonce, radix: 36)
    }

    init(position: Position, nonce: UInt64) {
        self.position = position
        self.nonce = nonce
    }

    /// The token that `text` is; nil when it is none.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let partition = Int(parts[0], radix: 36), partition >= 0,
            let offset = Int64(parts[1], radix: 36), offset >= 0, let nonce = UInt64(parts[2], radix: 36)
        else { return nil }
        self.init(position: Position(partition: partition, offset: Offset(offset)), nonce: nonce)
    }
}
