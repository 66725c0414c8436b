// SPDX-License-Identifier: Apache-2.0

// How a file store is laid out and what it may use. The defaults were measured; docs/log.md has the figures.

/// How a ``FileLogStore`` is laid out and what it may use.
public struct FileLogStoreConfiguration: Hashable, Sendable {
    /// Size of a journal file, in bytes.
    public var journalFileBytes = 32 << 20
    /// How many journal files are prepared and recycled; at least 2.
    public var journalFiles = 4
    /// Size of the first journal file of an empty store, which has to be ready before the first append.
    public var firstJournalBytes = 1 << 20
    /// Appends are flushed together up to this many bytes; one larger batch still goes alone.
    public var blockBytesMax = 1 << 20
    /// Bytes that may wait for the journal before appends are refused with `overloaded`.
    public var queueBytesMax = 64 << 20
    /// Bytes journaled and kept in memory until their segments are durable; above it appends wait.
    public var tailBytesMax = 96 << 20
    /// Segments are written and made durable when this much waits in the journal,
    public var checkpointBytes = 16 << 20
    /// and no less than this for each log that has something waiting,
    public var checkpointBytesPerLog = 32 << 10
    /// or when something has waited this long,
    public var checkpointAge = Duration.seconds(1)
    /// and no less than this for each log that has something waiting,
    public var checkpointAgePerLog = Duration.milliseconds(1)
    /// but not longer than this.
    public var checkpointAgeMax = Duration.seconds(10)
    /// A checkpoint pauses for a moment after it has written this much, so that the journal's flushes in between stay short,
    public var checkpointPortionBytes = 512 << 10
    /// or to this many logs.
    public var checkpointPortionLogs = 16
    /// How often segments with durability `none` are made durable, to keep recovery short.
    public var idleSyncAge = Duration.seconds(30)
    /// Segment and index files kept open at most.
    public var descriptorsMax = 512
    /// Below this much free space, in bytes, only logs that are essential can be appended to.
    public var freeBytesReserve: Int64 = 64 << 20
    /// Below this much free space the store says that there is little; none unless told.
    public var spaceAlarm = SpaceThreshold()
    /// Below this much free space, if that is more than the reserve, only logs that are essential can be appended to.
    public var spaceRefusal = SpaceThreshold()
    /// How often free space is looked at and failed files are tried again.
    public var retryInterval = Duration.seconds(1)
    /// How long appends wait for a disk that goes on failing before they are answered nevertheless.
    public var patience = Duration.seconds(5)

    /// The defaults.
    public init() {}

    /// Divides `bytes` among the journal's files: recycling needs several, and small ones cost many changes of file.
    public mutating func resizeJournal(to bytes: Int) {
        journalFileBytes = max(8 << 20, bytes / journalFiles / 4096 * 4096)
    }
}
