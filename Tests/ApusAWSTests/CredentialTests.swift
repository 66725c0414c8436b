// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import ApusAWS

struct CredentialTests {
    @Test func `the environment's keys are taken, with their token`() async throws {
        let variables = [
            "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
        ]
        let found = try await EnvironmentCredentials(environment: variables).credentials()
        #expect(found == AWSCredentials(keyID: "id", secret: "secret", sessionToken: "token"))
    }

    @Test func `half a pair of keys is an error and not an absence`() async throws {
        let source = EnvironmentCredentials(environment: ["AWS_ACCESS_KEY_ID": "id"])
        await #expect(throws: CredentialError.self) { try await source.credentials() }
        #expect(try await EnvironmentCredentials(environment: [:]).credentials() == nil)
    }

    @Test func `a profile is read from both files, and the credentials file counts`() async throws {
        let credentials = """
            [default]
            aws_access_key_id = a
            aws_secret_access_key = b

            [ work ]
            # not this one: aws_access_key_id = x
            aws_access_key_id=from-credentials
            aws_secret_access_key = s3cret=with=equals
            """
        let config = """
            [default]
            region = us-east-1
            [profile work]
            region = eu-central-1
            aws_access_key_id = from-config
            s3 =
              region = nested
            """
        let profile = AWSProfiles(name: "work", credentials: credentials, config: config)
        #expect(profile["region"] == "eu-central-1")
        let found = try await ProfileCredentials(profiles: profile).credentials()
        #expect(found == AWSCredentials(keyID: "from-credentials", secret: "s3cret=with=equals"))
        let other = AWSProfiles(name: "nobody", credentials: credentials, config: config)
        #expect(try await ProfileCredentials(profiles: other).credentials() == nil)
    }

    @Test func `a machine's role is asked for with a token of the session`() async throws {
        let asked = Mutex<[String]>([])
        let source = MachineCredentials(environment: ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://imds/"]) {
            method, address, headers, _ in
            asked.withLock { $0.append("\(method) \(address) \(headers.map { "\($0.0)=\($0.1)" })") }
            if method == "PUT" { return Array("the-token".utf8) }
            if address.hasSuffix("/") { return Array("my-role\n".utf8) }
            return Array(
                #"{"AccessKeyId":"i","SecretAccessKey":"s","Token":"t","Expiration":"2015-08-30T12:36:00Z"}"#
                    .utf8)
        }
        let found = try await source.credentials()
        #expect(
            found == AWSCredentials(keyID: "i", secret: "s", sessionToken: "t", expiry: 1_440_938_160))
        let list = "http://imds/latest/meta-data/iam/security-credentials/"
        #expect(
            asked.withLock { $0 } == [
                #"PUT http://imds/latest/api/token ["X-aws-ec2-metadata-token-ttl-seconds=21600"]"#,
                #"GET \#(list) ["X-aws-ec2-metadata-token=the-token"]"#,
                #"GET \#(list)my-role ["X-aws-ec2-metadata-token=the-token"]"#,
            ])
    }

    @Test func `where there is no metadata service there are no credentials, and no error`() async throws {
        let source = MachineCredentials(environment: [:]) { _, _, _, _ throws(CredentialError) in
            throw CredentialError(description: "no route")
        }
        #expect(try await source.credentials() == nil)
    }

    @Test func `a container's endpoint is asked with its token`() async throws {
        let source = ContainerCredentials(
            environment: [
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "tok",
            ]
        ) { _, address, headers, _ throws(CredentialError) in
            guard address == "http://169.254.170.2/v2/x", headers.first?.1 == "tok" else {
                throw CredentialError(description: "asked wrongly")
            }
            return Array(#"{"AccessKeyId":"i","SecretAccessKey":"s"}"#.utf8)
        }
        #expect(try await source.credentials() == AWSCredentials(keyID: "i", secret: "s"))
    }

    @Test func `an endpoint's refusal is told in its own words`() {
        #expect(throws: CredentialError.self) {
            _ = try CredentialDocument.read(Array(#"{"Message":"role is gone"}"#.utf8))
        }
        #expect(throws: CredentialError.self) { _ = try CredentialDocument.read(Array("<html>".utf8)) }
    }

    // MARK: The chain

    struct Scripted: CredentialSource {
        var title = "scripted"
        var answer: @Sendable () throws(CredentialError) -> AWSCredentials?

        func credentials() async throws(CredentialError) -> AWSCredentials? { try answer() }
    }

    @Test func `the first source that has credentials is used, and asked again only before they end`()
        async throws
    {
        let time = Mutex<Int64>(1_000)
        let asked = Mutex(0)
        let chain = CredentialChain([
            Scripted { nil },
            Scripted {
                asked.withLock { $0 += 1 }
                return AWSCredentials(
                    keyID: "\(asked.withLock { $0 })", secret: "s", expiry: time.withLock { $0 } + 1_000)
            },
        ]) { time.withLock { $0 } }
        #expect(try await chain.credentials().keyID == "1")
        #expect(try await chain.credentials().keyID == "1")
        time.withLock { $0 += 1_000 - CredentialChain.margin }
        #expect(try await chain.credentials().keyID == "2")
    }

    @Test func `credentials that AWS calls ended are replaced`() async throws {
        let asked = Mutex(0)
        let chain = CredentialChain([
            Scripted {
                asked.withLock { $0 += 1 }
                return AWSCredentials(keyID: "\(asked.withLock { $0 })", secret: "s")
            }
        ]) { 0 }
        let first = try await chain.credentials()
        await chain.invalidate(first)
        #expect(try await chain.credentials().keyID == "2")
    }

    @Test func `when no source has any, the error says what each of them said`() async {
        let chain = CredentialChain([
            Scripted(title: "here") { nil },
            Scripted(title: "there") { () throws(CredentialError) in
                throw CredentialError(description: "locked")
            },
        ]) { 0 }
        do {
            _ = try await chain.credentials()
            Issue.record("there are no credentials")
        } catch {
            #expect(error.description.contains("here: none; there: locked"))
        }
    }
}
