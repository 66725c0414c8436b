// SPDX-License-Identifier: Apache-2.0

// How a command ends: the numbers that scripts test, and failures as people read them.

package import ApusClient

/// What a command tells its caller by ending.
package enum CommandStatus: Int32, CaseIterable, Sendable {
    /// Done.
    case ok = 0
    /// Not done.
    case failure = 1
    /// The command line makes no sense.
    case usage = 2
    /// What was named does not exist.
    case notFound = 3
    /// No token, a wrong one, or a caller that may not.
    case denied = 4
    /// No server answers at the address.
    case unreachable = 5
    /// It took longer than allowed.
    case timeout = 6
    /// Stopped by Ctrl-C.
    case interrupted = 130

    /// What the number means, for `apus help exit-codes`.
    package var meaning: String {
        switch self {
        case .ok: "done"
        case .failure: "not done; the message says why"
        case .usage: "the command line makes no sense"
        case .notFound: "the topic, subscription, rule or event does not exist"
        case .denied: "the server wants a token, or does not allow it"
        case .unreachable: "no server answers at the address"
        case .timeout: "no answer in time"
        case .interrupted: "stopped by Ctrl-C"
        }
    }
}

/// Why a command failed: what happened, why, and what to do about it.
package struct Failure: Error, Sendable, Hashable {
    /// What happened.
    package var what: String
    /// Why, if that is known.
    package var why: String?
    /// What to do about it.
    package var fix: String?
    /// How the command ends.
    package var status: CommandStatus

    /// Why a command failed.
    package init(_ what: String, why: String? = nil, fix: String? = nil, status: CommandStatus = .failure) {
        self.what = what
        self.why = why
        self.fix = fix
        self.status = status
    }

    /// What a failed request means for the command that made it.
    package init(_ error: ApusClientError) {
        self.init(
            error.what, why: error.why,
            fix: error.status == 401 ? CommandHint.token : error.hint.map(CommandHint.text),
            status: CommandStatus(error.kind))
    }
}

extension CommandStatus {
    /// How a command ends whose request failed in this way.
    init(_ kind: ApusClientError.Kind) {
        self =
            switch kind {
            case .notFound: .notFound
            case .denied: .denied
            case .unreachable: .unreachable
            case .timedOut: .timeout
            case .cancelled: .interrupted
            case .conflict, .refused, .unavailable, .unexpectedAnswer: .failure
            }
    }
}
