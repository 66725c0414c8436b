// SPDX-License-Identifier: Apache-2.0

// `apus doctor --bundle`: everything that somebody who helps would ask for, in one archive, without events and without secrets. Each part is gathered by
// itself: what cannot be had is said in place of it, because a bundle is wanted most when something does not work.

internal import ApusClient
internal import ApusCompression
internal import ApusModel
internal import ApusTelemetry
internal import JSONText

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The files of a support bundle.
struct SupportBundle {
    /// So many definitions of a kind are included.
    static let definitionsMax = 5000
    /// So much of the end of a log file.
    static let logBytesMax = 2 << 20

    private let scrubber: SecretScrubber
    private var files: [(name: String, content: [UInt8])] = []

    init(secrets: [String]) { scrubber = SecretScrubber(known: secrets) }

    // MARK: Parts

    /// Adds JSON, without what must not leave.
    mutating func add(_ name: String, _ value: JSONValue) {
        files.append((name, scrubber.scrub(value).serialized(pretty: true)))
    }

    /// Adds text, without what must not leave.
    mutating func add(_ name: String, text: String) {
        files.append((name, Array(scrubber.scrub(text).utf8)))
    }

    /// Adds what `gather` returns, or why it could not be had.
    private mutating func add(_ name: String, _ gather: () async throws(ApusClientError) -> JSONValue) async {
        do throws(ApusClientError) {
            add(name, try await gather())
        } catch {
            add(name, ["error": .string(error.what), "why": error.why.map { .string($0) } ?? .null])
        }
    }

    /// Adds what a server says of itself.
    mutating func add(_ client: ApusClient) async {
        await add("server/status.json") { () throws(ApusClientError) in try await client.status() }
        await add("server/settings.json") { () throws(ApusClientError) in try await client.settings() }
        await add("server/diagnosis.json") { () throws(ApusClientError) in try await client.diagnosis() }
        await add("server/alarms.json") { () throws(ApusClientError) in try await client.alarms() }
        await add("server/bottlenecks.json") { () throws(ApusClientError) in
            try await client.bottlenecks(limit: 100)
        }
        await add("server/log.json") { () throws(ApusClientError) in
            try await client.recentLog(limit: Defaults.pageLimitMax)
        }
        await add("server/clients.json") { () throws(ApusClientError) in
            try await SupportBundle.all { after throws(ApusClientError) in
                let page = try await client.clients(limit: Defaults.pageLimitMax, after: after)
                return (page.elements.map(\.json), page.next)
            }
        }
        await addExplanations(client)
        do throws(ApusClientError) {
            add("server/metrics.txt", text: String(decoding: try await client.metrics(), as: UTF8.self))
        } catch { add("server/metrics.txt", text: error.what + "\n") }
        await addDefinitions(client)
    }

    /// Why those are slow that are furthest behind.
    private mutating func addExplanations(_ client: ApusClient) async {
        await add("server/explanations.json") { () throws(ApusClientError) in
            var explanations: [JSONValue] = []
            let worst = try await client.bottlenecks(limit: 10)["subscriptions"]?.array ?? []
            for one in worst {
                guard let name = one["name"]?.string, one["backlog"]?.int64 ?? 0 > 0 else { continue }
                explanations.append(try await client.explanation(of: name))
            }
            return .array(explanations)
        }
    }

    private mutating func addDefinitions(_ client: ApusClient) async {
        let size = Defaults.pageLimitMax
        await add("definitions/topics.json") { () throws(ApusClientError) in
            try await SupportBundle.all { after throws(ApusClientError) in
                let page = try await client.topics(limit: size, after: after)
                return (page.elements.map(\.json), page.next)
            }
        }
        await add("definitions/subscriptions.json") { () throws(ApusClientError) in
            try await SupportBundle.all { after throws(ApusClientError) in
                let page = try await client.subscriptions(limit: size, after: after)
                return (page.elements.map(\.json), page.next)
            }
        }
        await add("definitions/rules.json") { () throws(ApusClientError) in
            try await SupportBundle.all { after throws(ApusClientError) in
                let page = try await client.rules(limit: size, after: after)
                return (page.elements.map(\.json), page.next)
            }
        }
        await add("definitions/schedules.json") { () throws(ApusClientError) in
            try await SupportBundle.all { after throws(ApusClientError) in
                let page = try await client.schedules(limit: size, after: after)
                return (page.elements.map(\.json), page.next)
            }
        }
        await add("definitions/connections.json") { () throws(ApusClientError) in
            try await SupportBundle.all { after throws(ApusClientError) in
                let page = try await client.connections(limit: size, after: after)
                return (page.elements.map(\.json), page.next)
            }
        }
        await add("definitions/feeds.json") { () throws(ApusClientError) in
            try await SupportBundle.all { after throws(ApusClientError) in
                let page = try await client.feeds(limit: size, after: after)
                return (page.elements.map(\.json), page.next)
            }
        }
        // Their texts stay: descriptions, defaults and examples in them may be anything.
        await add("definitions/schemas.json") { () throws(ApusClientError) in
            try await SupportBundle.all { after throws(ApusClientError) in
                let page = try await client.subjects(limit: size, after: after)
                return (page.elements.map(\.json), page.next)
            }
        }
        await add("definitions/groups.json") { () throws(ApusClientError) in
            try await SupportBundle.all { after throws(ApusClientError) in
                let page = try await client.groups(limit: size, after: after)
                return (page.elements.map(\.json), page.next)
            }
        }
    }

    private static func all(
        _ page: (String?) async throws(ApusClientError) -> (elements: [JSONValue], next: String?)
    ) async throws(ApusClientError) -> JSONValue {
        var elements: [JSONValue] = []
        var after: String?
        repeat {
            let (some, next) = try await page(after)
            elements += some
            after = next
        } while after != nil && elements.count < definitionsMax
        return .array(elements)
    }

    /// Adds what is known of the machine.
    mutating func addMachine(_ probes: DoctorProbes, folder: String) {
        var machine = JSONObject()
        machine["apus"] = .string(Version.text)
        machine["time"] = .string(WallTime.now.rfc3339)
        var system = utsname()
        if uname(&system) == 0 {
            machine["kernel"] = .string(SupportBundle.text(system.release))
            machine["system"] = .string(SupportBundle.text(system.sysname))
            machine["architecture"] = .string(SupportBundle.text(system.machine))
        }
        machine["processors"] = .number(JSONNumber(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        machine["memory_bytes"] = .number(
            JSONNumber(sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))))
        machine["open_files_max"] = probes.openFiles().map { .number(JSONNumber($0)) } ?? .null
        machine["data_folder"] = .string(folder)
        if let space = probes.space(probes.writability(folder).existing) {
            machine["disk_free_bytes"] = .number(JSONNumber(space.free))
            machine["disk_total_bytes"] = .number(JSONNumber(space.total))
        }
        add("machine.json", .object(machine))
    }

    private static func text<Tuple>(_ characters: Tuple) -> String {
        withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// The end of a log file, from the beginning of a line on.
    static func end(of path: String) async throws -> String {
        let bytes = try await InputSource.withFile(path) { source in
            var end: [UInt8] = []
            while true {
                let piece = try await source.read(1 << 16)
                if piece.isEmpty { return end }
                end += piece
                if end.count > 2 * logBytesMax { end.removeFirst(end.count - logBytesMax) }
            }
        }
        guard bytes.count > logBytesMax else { return String(decoding: bytes, as: UTF8.self) }
        let last = bytes.suffix(logBytesMax)
        return String(decoding: last.drop { $0 != 0x0A }.dropFirst(), as: UTF8.self)
    }

    /// Writes a file that only its owner can read.
    static func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Failure("cannot write \(path)", why: String(cString: strerror(errno)), status: .failure)
        }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { SupportBundle.systemWrite(descriptor, $0) }
            guard count > 0 else {
                throw Failure("cannot write \(path)", why: String(cString: strerror(errno)), status: .failure)
            }
            rest = rest.dropFirst(count)
        }
    }

    private static func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }

    // MARK: The archive

    private static let about = """
        A support bundle of Apus: what 'apus doctor' found, what the server says of itself, its definitions and its metrics.

        It has no events and no data of events. Secrets, tokens, values of header fields, what stands before the host of an address and what stands
        behind its '?' are replaced by ***. Of schemas it has subjects and versions, and not their texts. Names of topics, subscriptions and rules, addresses of receivers and patterns are in it: look through it before you pass
        it on.

        """

    /// The archive, and what its name should end with.
    func archive() -> (bytes: [UInt8], suffix: String) {
        var archive = TarArchive(time: WallTime.now.nanosecondsSinceEpoch / 1_000_000_000)
        archive.add("apus-bundle/README.txt", Array(SupportBundle.about.utf8))
        for file in files { archive.add("apus-bundle/" + file.name, file.content) }
        let bytes = archive.bytes
        // Where the library is not installed, an archive that is larger is better than none.
        guard let packed = try? Compression.compress(bytes, .gzip) else { return (bytes, ".tar") }
        return (packed, ".tar.gz")
    }

    /// How many files it has.
    var count: Int { files.count + 1 }
}
