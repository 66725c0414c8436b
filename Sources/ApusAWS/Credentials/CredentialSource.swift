// SPDX-License-Identifier: Apache-2.0

// Where credentials come from, in the order of AWS's own tools: what the program was given, the environment, the profile files, the container's
// endpoint, the machine's. The first that has any is used; the reasons of those before are kept for the message that a person gets when none has.

internal import JSONText

/// One place that may have credentials.
protocol CredentialSource: Sendable {
    /// What it is called in messages.
    var title: String { get }
    /// The credentials, nil when this place has none, which is not an error.
    func credentials() async throws(CredentialError) -> AWSCredentials?
}

/// Why a place that should have credentials did not give them.
struct CredentialError: Error, CustomStringConvertible {
    let description: String
}

/// Given by the program.
struct StaticCredentials: CredentialSource {
    var value: AWSCredentials
    var title: String { "the bus URL" }

    func credentials() async throws(CredentialError) -> AWSCredentials? { value }
}

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
struct EnvironmentCredentials: CredentialSource {
    var environment: [String: String]
    var title: String { "the environment" }

    func credentials() async throws(CredentialError) -> AWSCredentials? {
        guard let id = environment["AWS_ACCESS_KEY_ID"], !id.isEmpty else { return nil }
        guard let secret = environment["AWS_SECRET_ACCESS_KEY"], !secret.isEmpty else {
            throw CredentialError(description: "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not")
        }
        let token = environment["AWS_SESSION_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        return AWSCredentials(keyID: id, secret: secret, sessionToken: token)
    }
}

/// A profile of `~/.aws/credentials` and `~/.aws/config`.
struct ProfileCredentials: CredentialSource {
    var profiles: AWSProfiles
    var title: String { "profile '\(profiles.name)'" }

    func credentials() async throws(CredentialError) -> AWSCredentials? {
        guard let id = profiles["aws_access_key_id"] else { return nil }
        guard let secret = profiles["aws_secret_access_key"] else {
            throw CredentialError(description: "it has aws_access_key_id and no aws_secret_access_key")
        }
        return AWSCredentials(keyID: id, secret: secret, sessionToken: profiles["aws_session_token"])
    }
}

/// The endpoint that ECS and EKS give to a container.
struct ContainerCredentials: CredentialSource {
    var environment: [String: String]
    var fetch: CredentialFetch
    var title: String { "the container's endpoint" }

    func credentials() async throws(CredentialError) -> AWSCredentials? {
        let address: String
        if let relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"], !relative.isEmpty {
            address = "http://169.254.170.2" + relative
        } else if let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"], !full.isEmpty {
            address = full
        } else {
            return nil
        }
        var headers: [(String, String)] = []
        if let token = try token() { headers.append(("Authorization", token)) }
        return try CredentialDocument.read(try await fetch("GET", address, headers, .seconds(5)))
    }

    private func token() throws(CredentialError) -> String? {
        if let path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"], !path.isEmpty {
            guard let text = SmallFile.text(path) else {
                throw CredentialError(description: "the token file '\(path)' cannot be read")
            }
            return String(text.split(whereSeparator: \.isNewline).first ?? "")
        }
        return environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    }
}

/// The instance metadata service of EC2, version 2.
struct MachineCredentials: CredentialSource {
    var environment: [String: String]
    var fetch: CredentialFetch
    var title: String { "the machine's metadata service" }

    func credentials() async throws(CredentialError) -> AWSCredentials? {
        guard environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" else { return nil }
        var base = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254"
        while base.hasSuffix("/") { base.removeLast() }
        let lifetime = [("X-aws-ec2-metadata-token-ttl-seconds", "21600")]
        let token: [UInt8]
        // No such machine is the usual case outside AWS, and is not an error.
        do {
            token = try await fetch("PUT", base + "/latest/api/token", lifetime, .seconds(1))
        } catch { return nil }
        let headers = [("X-aws-ec2-metadata-token", String(decoding: token, as: UTF8.self))]
        let list = base + "/latest/meta-data/iam/security-credentials/"
        let roles = String(decoding: try await fetch("GET", list, headers, .seconds(5)), as: UTF8.self)
        guard let role = roles.split(whereSeparator: \.isNewline).first else {
            throw CredentialError(description: "the machine has no role")
        }
        let document = try await fetch("GET", list + AWSPercentEncoding.encode(role), headers, .seconds(5))
        return try CredentialDocument.read(document)
    }
}

/// A request for credentials: method, address, headers and patience in, the body of a good answer out.
typealias CredentialFetch =
    @Sendable (String, String, [(String, String)], Duration) async throws(CredentialError)
    -> [UInt8]

/// What both endpoints answer with.
enum CredentialDocument {
    static func read(_ body: [UInt8]) throws(CredentialError) -> AWSCredentials {
        let document: JSONValue
        do { document = try JSONValue(parsing: body) } catch {
            throw CredentialError(description: "the answer is not JSON: \(error)")
        }
        guard let id = document["AccessKeyId"]?.string, let secret = document["SecretAccessKey"]?.string
        else {
            let message =
                document["Message"]?.string ?? document["message"]?.string ?? "no keys in the answer"
            throw CredentialError(description: message)
        }
        var expiry: Int64?
        if let text = document["Expiration"]?.string {
            guard let seconds = AWSTime.seconds(text) else {
                throw CredentialError(description: "'\(text.prefix(40))' is not a time")
            }
            expiry = seconds
        }
        return AWSCredentials(
            keyID: id, secret: secret, sessionToken: document["Token"]?.string, expiry: expiry)
    }
}
