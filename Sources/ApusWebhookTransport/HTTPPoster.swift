// SPDX-License-Identifier: Apache-2.0

// Requests that are no deliveries, by the client that deliveries have: the same connections, encryption, and bounds on answers. To places that whoever runs
// the server has named, so addresses of this machine and of private networks are fine.

internal import Glibc
public import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Posts bytes to URLs.
public final class HTTPPoster: Sendable {
    /// How a request ended.
    public enum Answer: Sendable, Hashable {
        /// There was an answer.
        ///
        /// - Parameters:
        ///   - retryAfter: what the header of that name asks for.
        ///   - excerpt: the beginning of the body.
        case answered(status: Int, retryAfter: Duration?, excerpt: [UInt8])
        /// There was none.
        case failed(reason: String)
    }

    private let configuration: WebhookConfiguration
    private let client: WebhookClient
    private let addresses: AddressBook
    private let threads: NIOThreadPool

    /// A poster whose connections run on `group`.
    ///
    /// - Parameter trustFile: certificates of authorities (PEM) that are trusted beside the system's.
    public init(userAgent: String, trustFile: String?, group: any EventLoopGroup) {
        var configuration = WebhookConfiguration(allowPrivateTargets: true)
        configuration.userAgent = userAgent
        configuration.trustFile = trustFile
        self.configuration = configuration
        threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        addresses = AddressBook(
            configuration, HostResolver(threads: threads, lookUp: HostResolver.system))
        client = WebhookClient(configuration, group)
    }

    /// Why nothing can be posted to a URL; nil when it can.
    public static func objection(to url: String) -> String? {
        do throws(WebhookURL.Refusal) { _ = try WebhookURL(url) } catch { return error.reason }
        return nil
    }

    /// Posts `body`, once. Redirects are not followed. Returns within `timeout`.
    public func post(
        _ body: [UInt8], to text: String, headers: [(name: String, value: String)], timeout: Duration
    ) async -> Answer {
        let url: WebhookURL
        do throws(WebhookURL.Refusal) {
            url = try WebhookURL(text)
        } catch {
            return .failed(reason: error.reason)
        }
        let deadline = NIODeadline.now() + TimeAmount(timeout)
        var address = addresses.known(url)
        if address == nil { address = try? await addresses.lookUp(url, within: timeout) }
        guard let address else { return .failed(reason: "no address is known for \(url.host)") }
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: url.target)
        head.headers.add(name: "host", value: url.authority)
        head.headers.add(name: "content-length", value: String(body.count))
        head.headers.add(name: "user-agent", value: configuration.userAgent)
        for header in headers { head.headers.add(name: header.name, value: header.value) }
        let request = WebhookRequest(head: head, body: body)
        let answer = await withUnsafeContinuation { continuation in
            client.exchange(with: url, at: address, topic: "", until: deadline) {
                request
            } end: {
                continuation.resume(returning: $0)
            }
        }
        switch answer {
        case .failed(let reason, _): return .failed(reason: reason)
        case .answered(let status, let headers, let excerpt):
            let wait = headers.first(name: "retry-after").flatMap {
                RetryAfter.parse($0, now: WebhookTarget.now() / 1000)
            }
            return .answered(status: status, retryAfter: wait, excerpt: excerpt)
        }
    }

    /// Makes no request any more, and closes all connections.
    public func close() async {
        await client.close()
        try? await threads.shutdownGracefully()
    }
}
