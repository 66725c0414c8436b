// SPDX-License-Identifier: Apache-2.0

// SaslHandshake and SaslAuthenticate: who is there, before anything else, where the server asks for it.

internal import ApusKafkaCodec
internal import ApusModel
internal import Logging
internal import NIOCore

extension KafkaSession {
    /// Whether a request may be made now. Without users everybody may do everything.
    func allows(_ api: APIKey, users: (any UserDirectory)?) -> Bool {
        guard users != nil else { return true }
        switch api {
        case .apiVersions, .saslHandshake, .saslAuthenticate: return true
        default: return isAuthenticated
        }
    }
}

extension KafkaCall {
    private static let mechanisms = ScramMechanism.allCases.map(\.rawValue) + ["PLAIN"]

    func saslHandshake(_ request: SASLHandshakeRequest) {
        guard context.configuration.users != nil else {
            return answer(.saslHandshake(SASLHandshakeResponse { $0.errorCode = .illegalSASLState }))
        }
        // Version 0 has the messages follow without headers, which no client of today does.
        let mechanism = version == 0 ? nil : SASLExchange(mechanism: request.mechanism)
        if let mechanism { session.begin(mechanism) }
        answer(
            .saslHandshake(
                SASLHandshakeResponse {
                    $0.errorCode = mechanism == nil ? .unsupportedSASLMechanism : .noError
                    $0.mechanisms = Self.mechanisms
                }))
    }

    func saslAuthenticate(_ request: SASLAuthenticateRequest) {
        guard let users = context.configuration.users, let exchange = session.exchange else {
            return answer(
                .saslAuthenticate(
                    SASLAuthenticateResponse {
                        $0.errorCode = .illegalSASLState
                        $0.errorMessage =
                            "a SASL handshake comes first, where the server asks for authentication"
                    }))
        }
        let (next, outcome) = exchange.answer(request.authBytes.array, users: users)
        session.continueExchange(next)
        switch outcome {
        case .success(let bytes):
            answer(.saslAuthenticate(SASLAuthenticateResponse { $0.authBytes = ByteBuffer(bytes: bytes) }))
        case .failure(let failure):
            context.logger.warning(
                "a Kafka client failed to authenticate", metadata: ["peer": "\(session.peer)"])
            answer(
                .saslAuthenticate(
                    SASLAuthenticateResponse {
                        $0.errorCode = .saslAuthenticationFailed
                        $0.errorMessage = failure.reason
                    }))
        }
    }
}

/// An exchange of any mechanism.
enum SASLExchange: Sendable {
    case plain
    case scram(ScramExchange)
    case done(user: String)

    /// Nil for a mechanism that there is not.
    init?(mechanism: String) {
        if mechanism == "PLAIN" {
            self = .plain
        } else if let scram = ScramMechanism(rawValue: mechanism) {
            self = .scram(ScramExchange(scram))
        } else {
            return nil
        }
    }

    /// The answer to a message of the client's, and how the exchange goes on; nil ends it.
    func answer(
        _ message: [UInt8], users: any UserDirectory
    ) -> (next: SASLExchange?, Result<[UInt8], ScramExchange.Failure>) {
        switch self {
        case .plain:
            // RFC 4616: authorization identity, name and password, with NUL between them.
            let parts = message.split(separator: 0, omittingEmptySubsequences: false)
            guard parts.count == 3, let user = String(validating: parts[1], as: UTF8.self), !user.isEmpty,
                users.isPassword(Array(parts[2]), of: user)
            else { return (nil, .failure(ScramExchange.Failure(reason: "authentication failed"))) }
            return (.done(user: user), .success([]))
        case .scram(var exchange):
            do throws(ScramExchange.Failure) {
                let nonce = String(UInt128.random(in: .min ... .max), radix: 36)
                let answer = try exchange.answer(message, nonce: nonce, users: users)
                guard let user = exchange.user else { return (.scram(exchange), .success(answer)) }
                return (.done(user: user), .success(answer))
            } catch {
                return (nil, .failure(error))
            }
        case .done: return (self, .failure(ScramExchange.Failure(reason: "the exchange is over")))
        }
    }
}
