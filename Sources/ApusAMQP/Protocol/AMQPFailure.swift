// SPDX-License-Identifier: Apache-2.0

// What can go wrong with a connection or a channel, and what that is for the bus.

internal import ApusAMQPCodec
internal import ApusBus

/// Why a connection or channel is of no use.
enum AMQPFailure: Error, Sendable, Hashable {
    /// No host could be reached.
    case unreachable(String)
    /// The server did not believe who this is.
    case authentication(String)
    /// The connection went.
    case lost(String)
    /// The server closed the connection or the channel, with its reason.
    case closed(AMQPReplyCode, String)
    /// The server said what it cannot say.
    case protocolError(String)
    /// It took too long.
    case timeout(String)
    /// This program ended it.
    case ended
}

extension AMQPFailure {
    /// The error of a call of which nothing happened.
    var busError: BusError {
        switch self {
        case .unreachable(let reason), .lost(let reason), .timeout(let reason): .unavailable(reason)
        case .protocolError(let reason): .unavailable("the broker broke the protocol: \(reason)")
        case .authentication(let reason): .unauthorized(reason)
        case .ended: .closed
        case .closed(let code, let text):
            switch code {
            case .accessRefused: .unauthorized(text)
            case .notFound: .unknown(text)
            case .preconditionFailed, .contentTooLarge, .notImplemented, .resourceLocked: .refused(text)
            case .notAllowed, .invalidPath: .unauthorized(text)
            default: .unavailable(text)
            }
        }
    }

    /// Whether trying again can help.
    var isPassing: Bool { busError.isRetryable }
}

extension AMQPFailure: CustomStringConvertible {
    var description: String {
        switch self {
        case .unreachable(let reason), .authentication(let reason), .lost(let reason), .timeout(let reason),
            .protocolError(let reason):
            reason
        case .closed(let code, let text): "\(code.rawValue) \(text)"
        case .ended: "the connection was closed"
        }
    }
}
