// SPDX-License-Identifier: Apache-2.0

// Which addresses are not on the open internet (IANA's special-purpose registries, RFC 6890 and successors). A webhook that could
// reach them would let anybody who may create a subscription speak to what only this machine can reach: its own services, its
// neighbours, a cloud's metadata service.

internal import NIOCore

/// Judges addresses.
enum AddressPolicy {
    /// What is special about an address; nil for one on the open internet.
    static func restriction(_ address: SocketAddress) -> String? {
        guard let bytes = bytes(address) else { return "not an internet address" }
        return bytes.count == 4 ? restriction4(bytes) : restriction6(bytes)
    }

    /// The address in network order, 4 or 16 bytes.
    private static func bytes(_ address: SocketAddress) -> [UInt8]? {
        // The packed form comes first in neither structure: port, and for IPv6 the flow, stand before it.
        address.withSockAddr { pointer, size in
            let raw = UnsafeRawBufferPointer(start: pointer, count: size)
            switch address {
            case .v4: return raw.count >= 8 ? Array(raw[4..<8]) : nil
            case .v6: return raw.count >= 24 ? Array(raw[8..<24]) : nil
            case .unixDomainSocket: return nil
            }
        }
    }

    private struct Block {
        var prefix: [UInt8]
        var bits: Int
        var name: String

        func contains(_ address: [UInt8]) -> Bool {
            for bit in 0..<bits {
                let mask = UInt8(0x80) >> UInt8(bit & 7)
                if (address[bit >> 3] ^ prefix[bit >> 3]) & mask != 0 { return false }
            }
            return true
        }
    }

    private static let blocks4 = [
        Block(prefix: [0], bits: 8, name: "this network"),
        Block(prefix: [10], bits: 8, name: "private"),
        Block(prefix: [100, 64], bits: 10, name: "shared by a carrier"),
        Block(prefix: [127], bits: 8, name: "loopback"),
        Block(prefix: [169, 254], bits: 16, name: "link-local"),
        Block(prefix: [172, 16], bits: 12, name: "private"),
        Block(prefix: [192, 0, 0], bits: 24, name: "for protocols"),
        Block(prefix: [192, 0, 2], bits: 24, name: "for documentation"),
        Block(prefix: [192, 88, 99], bits: 24, name: "a 6to4 relay"),
        Block(prefix: [192, 168], bits: 16, name: "private"),
        Block(prefix: [198, 18], bits: 15, name: "for benchmarks"),
        Block(prefix: [198, 51, 100], bits: 24, name: "for documentation"),
        Block(prefix: [203, 0, 113], bits: 24, name: "for documentation"),
        Block(prefix: [224], bits: 4, name: "multicast"),
        Block(prefix: [240], bits: 4, name: "reserved"),
    ]

    /// Of what is not in 2000::/3 only the name is wanted: nothing there is on the open internet.
    private static let blocks6 = [
        Block(prefix: [0x20, 0x01, 0, 0], bits: 32, name: "a Teredo tunnel"),
        Block(prefix: [0x20, 0x01, 0], bits: 23, name: "for protocols"),
        Block(prefix: [0x20, 0x01, 0x0D, 0xB8], bits: 32, name: "for documentation"),
        Block(prefix: [0x3F, 0xFF, 0], bits: 20, name: "for documentation"),
        Block(prefix: [0xFC], bits: 7, name: "private"),
        Block(prefix: [0xFE, 0x80], bits: 10, name: "link-local"),
        Block(prefix: [0xFE, 0xC0], bits: 10, name: "site-local"),
        Block(prefix: [0xFF], bits: 8, name: "multicast"),
        Block(prefix: [0x01, 0, 0, 0, 0, 0, 0, 0], bits: 64, name: "discarded"),
        Block(prefix: [0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01], bits: 48, name: "translated within a network"),
    ]
    private static let global6 = Block(prefix: [0x20], bits: 3, name: "global")

    private static func restriction4(_ address: [UInt8]) -> String? {
        blocks4.first { $0.contains(address) }?.name
    }

    private static func restriction6(_ address: [UInt8]) -> String? {
        if address.dropLast().allSatisfy({ $0 == 0 }) {
            if address[15] == 0 { return "unspecified" }
            if address[15] == 1 { return "loopback" }
        }
        if let embedded = embedded4(address) { return restriction4(embedded) }
        if let block = blocks6.first(where: { $0.contains(address) }) { return block.name }
        return global6.contains(address) ? nil : "reserved"
    }

    /// The IPv4 address that an IPv6 address stands for: mapped, compatible, translated (SIIT, NAT64) or tunnelled (6to4, ISATAP).
    private static func embedded4(_ address: [UInt8]) -> [UInt8]? {
        let isMapped = address[0..<10].allSatisfy { $0 == 0 } && address[10] == 0xFF && address[11] == 0xFF
        let isCompatible = address[0..<12].allSatisfy { $0 == 0 }
        let isTranslated =
            address[0..<4].elementsEqual([0x00, 0x64, 0xFF, 0x9B]) && address[4..<12].allSatisfy { $0 == 0 }
        let isStateless =
            address[0..<8].allSatisfy { $0 == 0 } && address[8..<12].elementsEqual([0xFF, 0xFF, 0, 0])
        let isTunnelled = address[8] & 0xFD == 0 && address[9..<12].elementsEqual([0, 0x5E, 0xFE])
        if isMapped || isCompatible || isTranslated || isStateless || isTunnelled {
            return Array(address[12..<16])
        }
        return address[0] == 0x20 && address[1] == 0x02 ? Array(address[2..<6]) : nil
    }
}
