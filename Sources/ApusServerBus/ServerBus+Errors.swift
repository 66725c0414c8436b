// SPDX-License-Identifier: Apache-2.0

// What a server's answers mean to an application.

import ApusBus
import ApusClient

extension BusError {
    /// - Parameter publishing: whether it is an open question if something was published.
    init(_ error: ApusClientError, publishing: Bool) {
        let text = "\(error)"
        self =
            switch error.kind {
            case .notFound where error.type == "trimmed": .invalid(text)
            case .notFound: .unknown(Self.noun(error.why ?? error.what))
            case .denied: .unauthorized(text)
            case .conflict: .invalid(text)
            case .refused where error.status == 413: .refused(text)
            case .refused: .invalid(text)
            case .unavailable: .unavailable(text)
            case .unreachable, .timedOut, .cancelled, .unexpectedAnswer:
                publishing ? .undecided(text) : .unavailable(text)
            }
    }

    /// What there is none of, from the server's sentence about it.
    private static func noun(_ sentence: String) -> String {
        let start = "there is no "
        return sentence.hasPrefix(start) ? String(sentence.dropFirst(start.count)) : sentence
    }
}
