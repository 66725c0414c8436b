// SPDX-License-Identifier: Apache-2.0

// How fast a folder's disk flushes: what `doctor` shows and what durable publishing can reach at best.

import ApusModel

/// How fast flushes are.
public struct FlushSpeed: Hashable, Sendable {
    /// Bytes of each write.
    public var bytes: Int
    /// Half of the flushes were at least this fast.
    public var median: Duration
    /// One in a hundred took this long or longer.
    public var slowest1In100: Duration
    /// Flushes a second, one after another.
    public var perSecond: Double
}

extension FileLogStore {
    /// Measures writes with a flush each, over prepared space as in the journal. Takes about `duration`, leaves nothing.
    public static func measureFlush(
        in directory: String, bytes: Int = 4096, duration: Duration = .milliseconds(300)
    ) throws(LogError) -> FlushSpeed {
        let disk = PosixDisk()
        let path = directory + "/flush-probe"
        do throws(DiskError) {
            defer { try? disk.remove(path) }
            let size = AlignedBuffer.roundUp(max(bytes, 1))
            let file = try disk.open(path, .direct)
            let buffer = AlignedBuffer(capacity: size)
            buffer.bytes.initializeMemory(as: UInt8.self, repeating: 7)
            let block = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<size])
            let places = max(1, min(256, (8 << 20) / size))
            for place in 0..<places { try file.write(block, at: Int64(place * size)) }
            try file.sync()
            return try measure(file, block, places, duration)
        } catch { throw LogError(error) }
    }

    private static func measure(
        _ file: any DiskFile, _ block: UnsafeRawBufferPointer, _ places: Int, _ duration: Duration
    ) throws(DiskError) -> FlushSpeed {
        let clock = StoreClock.system.monotonic
        let start = clock()
        var times: [Duration] = []
        while times.isEmpty || clock() - start < duration {
            let before = clock()
            try file.write(block, at: Int64(times.count % places * block.count))
            try file.sync()
            times.append(clock() - before)
        }
        let whole = clock() - start
        times.sort()
        return FlushSpeed(
            bytes: block.count, median: times[times.count / 2], slowest1In100: times[times.count * 99 / 100],
            perSecond: Double(times.count) / whole.seconds)
    }
}
