// SPDX-License-Identifier: Apache-2.0

// `apus doctor`: find out what is wrong, and what to do about it.

internal import ApusClient
internal import ApusModel
internal import ApusNetwork
internal import ArgumentParser
internal import JSONText

/// `apus doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check this machine and the server, and say how to mend what is wrong.",
        discussion: """
            EXAMPLES
              apus doctor
              apus doctor --data /var/lib/apus --listen 0.0.0.0:\(Defaults.port)
              apus doctor --url http://10.0.0.7:\(Defaults.port) --skip-verify --json

            Without --skip-verify the server reads everything it has stored, to check its checksums. Ends with 1 if a check fails.
            """)

    @Option(
        help: ArgumentHelp("The data folder (default: that of 'apus dev').", valueName: "dir"),
        completion: .directory)
    var data: String?

    @Option(
        help: ArgumentHelp("Where a server is to listen; repeatable.", valueName: "addr:port"),
        transform: Parse.address)
    var listen: [ListenAddress] = []

    @Flag(help: "Do not have the server check its checksums.")
    var skipVerify = false

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        var checks = try await local()
        checks += try await remote()
        for check in checks {
            global.show(check.json) { check.lines(on: global.console) }
        }
        let failures = checks.count { $0.verdict == .fail }
        guard failures == 0 else { throw ExitCode(CommandStatus.failure.rawValue) }
    }

    // MARK: This machine

    private func local() async throws -> [Check] {
        let probes = Session.current.probes
        let folder = try data ?? ServeFlags.defaultDirectory(isDevelopment: true, Session.current.variables)
        let (existing, error) = probes.writability(folder)
        var checks = [LocalChecks.folder(folder, existing: existing, error: error)]
        if error == nil { checks.append(LocalChecks.flush(try await probes.flush(existing), in: existing)) }
        checks.append(LocalChecks.space(probes.space(existing)))
        checks.append(LocalChecks.openFiles(probes.openFiles()))
        checks.append(LocalChecks.clock(now: probes.now(), lastChange: probes.lastChange(existing)))
        checks.append(LocalChecks.xmlSchema(isAvailable: probes.hasXMLSchema()))
        let addresses = listen.isEmpty ? [ListenAddress(host: Defaults.host, port: Defaults.port)] : listen
        for address in addresses { checks.append(await port(address, probes)) }
        return checks
    }

    private func port(_ address: ListenAddress, _ probes: DoctorProbes) async -> Check {
        let answers = await probes.answers(address)
        guard answers else { return LocalChecks.port(address, answers: false, isApus: false) }
        let isApus: Bool
        do {
            let configuration = ApusClientConfiguration(url: address.url, requestTimeout: .seconds(5))
            _ = try await ApusClient.run(configuration) { try await $0.status() }
            isApus = true
        } catch let error as ApusClientError {
            // A server that wants a token answers as one, too.
            isApus = error.kind == .denied
        } catch {
            isApus = false
        }
        return LocalChecks.port(address, answers: true, isApus: isApus)
    }

    // MARK: The server

    private func remote() async throws -> [Check] {
        let configuration = try await global.clientConfiguration()
        let isNamed = global.url != nil || Session.current.variables["APUS_URL"] != nil
        var checks = [LocalChecks.exposure(configuration.url, hasToken: configuration.token != nil)]
        let client = ApusClient(configuration)
        do throws(ApusClientError) {
            let diagnosis = try await ServerChecks.diagnosis(client)
            checks += [Check("server", .ok, "a server answers at \(configuration.url)")] + diagnosis
            if !skipVerify { checks += try await ServerChecks.verify(client) }
        } catch {
            // That no server runs at the usual place is no fault when none was asked about.
            if error.kind == .unreachable, !isNamed {
                checks.append(
                    Check(
                        "server", .warn, "no server answers at \(configuration.url)",
                        why: "its own checks are left out", fix: error.hint))
            } else {
                checks.append(ServerChecks.failure("server", error))
            }
        }
        await client.shutdown()
        return checks
    }
}
