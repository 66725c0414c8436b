// SPDX-License-Identifier: Apache-2.0

// Addresses that have been checked. Looking a name up, checking the answer and then letting somebody look it up again would leave a gap: the
// second answer can differ (DNS rebinding). So what is handed out here is the address itself, and connections are made to that.

internal import NIOCore
internal import Synchronization

/// Remembers the checked address of each host that events go to.
final class AddressBook: Sendable {
    /// Why there is no address.
    enum Refusal: Error, Sendable, Hashable {
        /// No address is known for the host; it may be later.
        case unknownHost(String)
        /// The host has an address that events do not go to.
        case forbidden(host: String, address: String, restriction: String)
    }

    private struct Entry {
        var address: SocketAddress
        var checked: ContinuousClock.Instant
    }

    private let configuration: WebhookConfiguration
    private let resolver: HostResolver
    private let entries = Mutex<[String: Entry]>([:])

    private static let entriesMax = 4096

    init(_ configuration: WebhookConfiguration, _ resolver: HostResolver) {
        self.configuration = configuration
        self.resolver = resolver
    }

    /// The address of the URL's host, if it was checked not long ago.
    func known(_ url: WebhookURL) -> SocketAddress? {
        let now = ContinuousClock.now
        return entries.withLock { entries in
            guard let entry = entries[url.origin],
                entry.checked.duration(to: now) < configuration.addressLifetime
            else { return nil }
            return entry.address
        }
    }

    /// Looks the host up, and checks every address that it has: one that is forbidden is reason enough to send nothing.
    func lookUp(_ url: WebhookURL) async throws(Refusal) -> SocketAddress {
        let found: [SocketAddress]
        if let literal = HostResolver.literal(url.host, url.port) {
            found = [literal]
        } else {
            found = await resolver.addresses(of: url.host, port: url.port)
        }
        guard let first = found.first else { throw .unknownHost(url.host) }
        if !configuration.allowPrivateTargets, !configuration.allowedHosts.contains(url.host) {
            for address in found {
                if let restriction = AddressPolicy.restriction(address) {
                    entries.withLock { $0[url.origin] = nil }
                    throw .forbidden(
                        host: url.host, address: address.ipAddress ?? "", restriction: restriction)
                }
            }
        }
        return entries.withLock { entries in
            // The address in use is kept while the name still has it: its connections are warm.
            let address =
                entries[url.origin].map(\.address).flatMap { found.contains($0) ? $0 : nil } ?? first
            if entries.count >= Self.entriesMax, entries[url.origin] == nil { entries = [:] }
            entries[url.origin] = Entry(address: address, checked: .now)
            return address
        }
    }

    /// Looks the host up; nil when that takes too long.
    func lookUp(
        _ url: WebhookURL, within timeout: Duration
    ) async throws(AddressBook.Refusal) -> SocketAddress? {
        let result = await withTaskGroup(of: Result<SocketAddress, AddressBook.Refusal>?.self) { group in
            group.addTask {
                do throws(AddressBook.Refusal) {
                    return .success(try await self.lookUp(url))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                // Cancelled when the address is known; then nobody looks at what it returns.
                try? await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        return try result?.get()
    }
}
