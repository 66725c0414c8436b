// SPDX-License-Identifier: Apache-2.0

// The one place that speaks to getaddrinfo.

internal import Glibc
internal import NIOCore

extension HostResolver {
    /// All addresses that the system knows for a host, in its order of preference.
    static let system: @Sendable (String, Int) -> [SocketAddress] = { resolve($0, $1, flags: 0) }

    /// The address that a text is, in any spelling that the system takes for one (decimal, octal, hexadecimal, fewer than four parts);
    /// nil for a name. Nobody is asked.
    static func literal(_ host: String, _ port: Int) -> SocketAddress? {
        resolve(host, port, flags: AI_NUMERICHOST).first
    }

    private static func resolve(_ host: String, _ port: Int, flags: Int32) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_flags = flags
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_family = AF_UNSPEC
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next {
            if let text = numericHost(entry.pointee),
                let address = try? SocketAddress(ipAddress: text, port: port)
            {
                addresses.append(address)
            }
            next = entry.pointee.ai_next
        }
        return addresses
    }

    /// An entry's address in numbers.
    private static func numericHost(_ entry: addrinfo) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
            guard let base = buffer.baseAddress else { return nil }
            let status = getnameinfo(
                entry.ai_addr, entry.ai_addrlen, base, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
            return status == 0 ? String(cString: base) : nil
        }
    }
}
