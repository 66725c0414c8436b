// SPDX-License-Identifier: Apache-2.0

// The files that AWS's tools share: `~/.aws/credentials` and `~/.aws/config`, sections of names and values. In the second a section is called
// `profile NAME`, but for the default one.

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// One profile, as both files have it.
struct AWSProfiles: Sendable {
    /// The profile.
    let name: String
    private let values: [String: String]

    /// The profile that the environment names, from the files that it names or those in the home folder.
    init(environment: [String: String]) {
        let home = environment["HOME"] ?? ""
        let shared = environment["AWS_SHARED_CREDENTIALS_FILE"] ?? home + "/.aws/credentials"
        let config = environment["AWS_CONFIG_FILE"] ?? home + "/.aws/config"
        self.init(
            name: environment["AWS_PROFILE"].flatMap { $0.isEmpty ? nil : $0 } ?? "default",
            credentials: SmallFile.text(shared) ?? "", config: SmallFile.text(config) ?? "")
    }

    /// A profile from the text of both files; what the first says counts.
    init(name: String, credentials: String, config: String) {
        self.name = name
        let section = name == "default" ? ["default", "profile default"] : ["profile \(name)"]
        values = Self.values(of: section, in: config)
            .merging(Self.values(of: [name], in: credentials)) { _, shared in shared }
    }

    /// A value; nil if neither file has it, or it is empty.
    subscript(key: String) -> String? { values[key].flatMap { $0.isEmpty ? nil : $0 } }

    private static func values(of sections: [String], in text: String) -> [String: String] {
        var values: [String: String] = [:]
        var isInside = false
        for line in text.split(whereSeparator: \.isNewline) {
            let isNested = line.first == " " || line.first == "\t"
            let line = trimmed(line)
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), let end = line.firstIndex(of: "]") {
                let title = line[line.index(after: line.startIndex)..<end].split(separator: " ")
                isInside = sections.contains(title.joined(separator: " "))
                continue
            }
            // Lines that are set in belong to the value above, such as the settings of one service.
            guard isInside, !isNested, let equals = line.firstIndex(of: "=") else { continue }
            values[trimmed(line[..<equals]).lowercased()] = String(
                trimmed(line[line.index(after: equals)...]))
        }
        return values
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}

/// Files of configuration, which are small or not looked at.
enum SmallFile {
    /// The most bytes that are read.
    static let bytesMax = 1 << 20

    /// The text of a file; nil when it cannot be read, is too large or is not UTF-8.
    static func text(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while bytes.count <= bytesMax {
            let count = read(file, &buffer, buffer.count)
            guard count > 0 else { return count == 0 ? String(validating: bytes, as: UTF8.self) : nil }
            bytes += buffer[..<count]
        }
        return nil
    }
}
