// SPDX-License-Identifier: Apache-2.0

// Starting runs through much of the program once: tables of types, recovery, what makes the first answer. The pages of code that this has brought into
// the process stay counted as its memory for as long as nobody else wants them. They are in the system's cache anyway, so they are given back when the
// start is over, and what is needed comes again, a few microseconds at a time.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The program's code in memory.
enum ProgramPages {
    /// Gives back the pages of code that are in memory; nothing that could have been changed. Does nothing where the system does not tell where they are.
    static func release() {
        #if os(Linux)
            guard let program = path(of: "/proc/self/exe"), let maps = fopen("/proc/self/maps", "r") else {
                return
            }
            defer { fclose(maps) }
            var line = [CChar](repeating: 0, count: Int(PATH_MAX) + 128)
            while fgets(&line, Int32(line.count), maps) != nil {
                let fields = text(line).split(whereSeparator: \.isWhitespace)
                // Code is read and run and never written: what is dropped is as it stands in the file.
                guard fields.count == 6, fields[1] == "r-xp", fields[5] == program else {
                    continue
                }
                let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
                guard ends.count == 2, ends[0] < ends[1] else { continue }
                madvise(UnsafeMutableRawPointer(bitPattern: ends[0]), Int(ends[1] - ends[0]), MADV_DONTNEED)
            }
        #endif
    }

    private static func path(of link: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink(link, &buffer, buffer.count - 1)
        return count > 0 ? text(buffer) : nil
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
