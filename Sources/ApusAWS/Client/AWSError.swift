// SPDX-License-Identifier: Apache-2.0

// What AWS says when it does not do as asked, and what that means to an application.

internal import ApusBus

/// An error of an AWS service, or on the way to it.
struct AWSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is known of what happened.
    enum Kind: Sendable, Hashable {
        /// The service's own error, by its code and HTTP status.
        case service(code: String, status: Int)
        /// No connection came about: nothing was asked.
        case unreachable
        /// The connection went, or the time ran out, after the request was sent.
        case unanswered
        /// There are no credentials.
        case credentials
        /// The answer makes no sense.
        case unexpected
    }

    /// What is known of what happened.
    var kind: Kind
    /// For a person.
    var message: String

    var description: String {
        if case .service(let code, let status) = kind { "\(code) (\(status)): \(message)" } else { message }
    }

    /// The service's code, if it was the service.
    var code: String? { if case .service(let code, _) = kind { code } else { nil } }

    /// Whether the SDKs' standard mode tries again.
    var isRetryable: Bool {
        switch kind {
        case .service(let code, let status):
            Self.transientStatuses.contains(status) || isThrottling || Self.transientCodes.contains(code)
        case .unreachable, .unanswered: true
        case .credentials, .unexpected: false
        }
    }

    /// Whether the service asks to be asked less often.
    var isThrottling: Bool {
        guard case .service(let code, let status) = kind else { return false }
        return status == 429 || Self.throttlingCodes.contains(code)
    }

    /// Whether other credentials may help.
    var isAboutCredentials: Bool {
        switch code {
        case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnrecognizedClientException": true
        default: false
        }
    }

    private static let transientStatuses: Set<Int> = [500, 502, 503, 504]
    private static let transientCodes: Set<String> = [
        "RequestTimeout", "RequestTimeoutException", "InternalError", "InternalFailure", "ServiceUnavailable",
    ]
    private static let throttlingCodes: Set<String> = [
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
        "TooManyRequestsException", "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "RequestThrottled",
        "SlowDown", "PriorRequestNotComplete", "EC2ThrottledException", "KmsThrottled", "Throttled",
    ]

    /// What it means to an application.
    func busError(_ what: String) -> BusError {
        switch kind {
        case .unreachable: .unavailable("\(what): \(message)")
        case .unanswered: .undecided("\(what): \(message)")
        case .credentials: .unauthorized(message)
        case .unexpected: .unavailable("\(what): \(message)")
        case .service(let code, let status):
            if isRetryable {
                .unavailable("\(what): \(self)")
            } else if Self.isDenial(code, status) {
                .unauthorized("\(what): \(self)")
            } else if code.contains("NotFound") || code.contains("NonExistent")
                || code.contains("DoesNotExist")
            {
                .unknown("\(what): \(self)")
            } else {
                .refused("\(what): \(self)")
            }
        }
    }

    private static func isDenial(_ code: String, _ status: Int) -> Bool {
        status == 401 || status == 403 || code.contains("AccessDenied") || code.contains("AuthorizationError")
            || code == "InvalidClientTokenId" || code == "SignatureDoesNotMatch"
    }
}
