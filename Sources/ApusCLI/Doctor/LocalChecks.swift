// SPDX-License-Identifier: Apache-2.0

// The judgements of `apus doctor` about this machine: pure functions from what was found to a check.

internal import ApusClient
internal import ApusModel
package import ApusNetwork
internal import ApusXSD

/// Judgements about this machine.
package enum LocalChecks {
    private static let freeBytesWarn = 5 << 30
    private static let freeBytesFail = 512 << 20
    private static let openFilesMin = 4096
    private static let flushSlow: Duration = .milliseconds(20)
    /// Below this no disk has been reached, whatever the file system says.
    private static let flushSuspicious: Duration = .microseconds(5)
    /// 2026-01-01: this program did not exist before.
    private static let earliestTime = 1_767_225_600
    /// 2100-01-01.
    private static let latestTime = 4_102_444_800
    /// Seconds by which clocks of machines that share a folder may differ.
    private static let clockSlack = 60

    /// Whether the data folder can be written.
    package static func folder(_ path: String, existing: String, error: String?) -> Check {
        if let error {
            return Check(
                "data-folder", .fail, "\(existing) cannot be written", why: error,
                fix: "name another folder with --data, or run: sudo chown $USER \(existing)")
        }
        return Check("data-folder", .ok, existing == path ? "\(path) can be written" : "\(path) can be made")
    }

    /// How fast the disk says that data is safe.
    package static func flush(_ median: Duration?, in path: String) -> Check {
        guard let median else {
            return Check(
                "flush", .warn, "flushing could not be measured in \(path)",
                why: "each acknowledgement waits for a flush", fix: "check that the folder can be written")
        }
        let what = "a write is on the disk after \(Decimal.brief(median)) (median)"
        if median > flushSlow {
            return Check(
                "flush", .warn, what, why: "publishes to topics with durability 'flush' wait that long",
                fix:
                    "put the data folder on a local SSD, or set --durability 100ms for topics that may lose a little"
            )
        }
        if median < flushSuspicious {
            return Check(
                "flush", .warn, what,
                why: "no disk is that fast: the file system is in memory, or ignores flushes",
                fix: "put the data folder on a disk if events must survive a power cut")
        }
        return Check("flush", .ok, what)
    }

    /// How much room is left.
    package static func space(_ space: (free: Int, total: Int)?) -> Check {
        guard let space else {
            return Check("disk-space", .warn, "free space is not known", why: "the file system does not tell")
        }
        let what = "\(SizeText.format(space.free)) of \(SizeText.format(space.total)) are free"
        let why = "publishes are refused when the disk is full"
        let fix = "free some space, or keep less: apus topic set NAME --retention 1d"
        if space.free < freeBytesFail { return Check("disk-space", .fail, what, why: why, fix: fix) }
        if space.free < freeBytesWarn { return Check("disk-space", .warn, what, why: why, fix: fix) }
        return Check("disk-space", .ok, what)
    }

    /// How many files may be open.
    package static func openFiles(_ limit: Int?) -> Check {
        guard let limit else {
            return Check(
                "open-files", .warn, "the limit of open files is not known", why: "the system does not tell")
        }
        let what = "\(limit == .max ? "any number of" : Decimal.grouped(limit)) files may be open"
        guard limit < openFilesMin else { return Check("open-files", .ok, what) }
        return Check(
            "open-files", .warn, what, why: "each connection and each segment in use needs one",
            fix: "ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit")
    }

    /// Whether an address is free, or who has it.
    ///
    /// - Parameters:
    ///   - address: where the server is to listen.
    ///   - answers: whether something accepts connections there.
    ///   - isApus: whether that is a server of ours.
    package static func port(_ address: ListenAddress, answers: Bool, isApus: Bool) -> Check {
        let name = "port"
        guard answers else { return Check(name, .ok, "\(address) is free: no server is running there") }
        if isApus { return Check(name, .ok, "an Apus server answers at \(address)") }
        return Check(
            name, .fail, "another program answers at \(address)", why: "a server cannot listen there",
            fix: "stop that program (ss -ltnp shows it), or use another port: --listen \(Defaults.host):9000")
    }

    /// Whether the time is believable.
    ///
    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - lastChange: when the data folder was last changed, by the clock of that time.
    package static func clock(now: Int, lastChange: Int?) -> Check {
        let fix = "timedatectl set-ntp true"
        guard (earliestTime..<latestTime).contains(now) else {
            return Check(
                "clock", .fail, "the clock is wrong by years",
                why: "events get wrong times, and retention by age goes by them", fix: fix)
        }
        if let lastChange, lastChange > now + clockSlack {
            return Check(
                "clock", .warn,
                "the data folder was changed \(Decimal.brief(.seconds(lastChange - now))) after now",
                why: "the clock has been set back, so that times of events do not fit each other", fix: fix)
        }
        return Check("clock", .ok, "the clock is plausible")
    }

    /// Whether XML can be checked by XML Schema.
    package static func xmlSchema(isAvailable: Bool) -> Check {
        guard !isAvailable else {
            return Check("xml-schema", .ok, "\(XSDLibrary.name) is there: XML Schema can be used")
        }
        return Check(
            "xml-schema", .warn, "\(XSDLibrary.name) is not installed",
            why: "XML Schemas cannot be registered, and XML is not checked; all else works without it",
            fix: "apt install \(XSDLibrary.debianPackage), and start the server again")
    }

    /// Whether the server can be reached by others, and by whom.
    package static func exposure(_ url: String, hasToken: Bool) -> Check {
        let authority = url.split(separator: "/").dropFirst().first.map(String.init) ?? url
        let host = ListenAddress(authority) ?? ListenAddress(authority + ":80")
        if host?.isLoopback == true {
            return Check("exposure", .ok, "\(url) can be reached from this machine only")
        }
        guard hasToken else {
            return Check(
                "exposure", .warn, "\(url) can be reached from other machines, and no token is used",
                why:
                    "if the server has none, everybody who can connect can read, publish and delete everything",
                fix: "start the server with --token-file FILE, and set APUS_TOKEN here")
        }
        guard url.hasPrefix("https://") else {
            return Check(
                "exposure", .warn, "\(url) is reached without encryption",
                why: "the token can be read on the way",
                fix: "put a proxy with TLS in front of the server, or use a private network")
        }
        return Check("exposure", .ok, "\(url) asks for a token, over TLS")
    }
}
