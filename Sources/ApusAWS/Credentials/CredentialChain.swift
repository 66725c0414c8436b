// SPDX-License-Identifier: Apache-2.0

// The credentials in use: asked for once, kept until shortly before they end, and asked for once more, by one task for all that wait.

/// Credentials of the first source that has any.
actor CredentialChain {
    /// How long before their end credentials are replaced.
    static let margin: Int64 = 300

    private let sources: [any CredentialSource]
    private let now: @Sendable () -> Int64
    private var current: AWSCredentials?
    private var refresh: Task<Result<AWSCredentials, CredentialError>, Never>?

    /// - Parameter now: seconds since 1970.
    init(_ sources: [any CredentialSource], now: @escaping @Sendable () -> Int64) {
        self.sources = sources
        self.now = now
    }

    /// Credentials that are good for the next minutes.
    ///
    /// - Throws: ``CredentialError`` when no source has any, with what each said.
    func credentials() async throws(CredentialError) -> AWSCredentials {
        if let current, !isOld(current) { return current }
        let task = refresh ?? Task { [sources] in await Self.ask(sources) }
        refresh = task
        let result = await task.value
        // Several tasks may have waited: the first of them puts the answer in its place.
        if refresh == task { refresh = nil }
        switch result {
        case .success(let credentials):
            current = credentials
            return credentials
        case .failure(let error):
            // Those that end soon are still better than none.
            if let current, current.expiry.map({ $0 > now() }) ?? true { return current }
            throw error
        }
    }

    /// Forgets the credentials, because AWS says that they have ended.
    func invalidate(_ credentials: AWSCredentials) {
        if current == credentials { current = nil }
    }

    private func isOld(_ credentials: AWSCredentials) -> Bool {
        credentials.expiry.map { $0 - Self.margin <= now() } ?? false
    }

    private static func ask(
        _ sources: [any CredentialSource]
    ) async -> Result<AWSCredentials, CredentialError> {
        var reasons: [String] = []
        for source in sources {
            do {
                if let credentials = try await source.credentials() { return .success(credentials) }
                reasons.append("\(source.title): none")
            } catch {
                reasons.append("\(source.title): \(error)")
            }
        }
        return .failure(
            CredentialError(
                description: "no AWS credentials were found (\(reasons.joined(separator: "; "))). Set "
                    + "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"))
    }
}
