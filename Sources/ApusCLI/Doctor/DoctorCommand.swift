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
              apus doctor --bundle apus.tar.gz --log /var/log/apus.log

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

    @Option(
        help: ArgumentHelp(
            "Write what was found, and what the server says of itself, into an archive for whoever helps; without events and secrets.",
            valueName: "file"),
        completion: .file())
    var bundle: String?

    @Option(
        help: ArgumentHelp(
            "With --bundle: a log file of the server, whose end is included.", valueName: "file"),
        completion: .file())
    var log: String?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard log == nil || bundle != nil else { throw ValidationError("--log goes with --bundle") }
    }

    func run() async throws {
        var checks = try await local()
        checks += try await remote()
        for check in checks {
            global.show(check.json) { check.lines(on: global.console) }
        }
        if let bundle { try await writeBundle(to: bundle, checks) }
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

    // MARK: The bundle

    private func writeBundle(to path: String, _ checks: [Check]) async throws {
        let configuration = try await global.clientConfiguration()
        let variables = Session.current.variables
        let secrets = variables.filter { $0.key.hasPrefix("APUS_SECRET_") || $0.key == "APUS_TOKEN" }.values
        let known =
            Array(secrets) + [configuration.token].compactMap { $0 }
            + ServeTelemetryOptions.secrets(variables)
        var bundle = SupportBundle(secrets: known)
        bundle.add("doctor.json", .array(checks.map(\.json)))
        let folder = try data ?? ServeFlags.defaultDirectory(isDevelopment: true, variables)
        bundle.addMachine(Session.current.probes, folder: folder)
        if let log { bundle.add("log.txt", text: try await SupportBundle.end(of: log)) }
        let client = ApusClient(configuration)
        await bundle.add(client)
        await client.shutdown()
        let (bytes, suffix) = bundle.archive()
        try SupportBundle.write(bytes, to: path)
        global.console.note(
            "wrote \(path) (\(suffix == ".tar" ? "tar, not compressed" : "tar.gz"), \(bundle.count) files, "
                + "\(SizeText.format(bytes.count))): look through it before you pass it on")
    }
}
