// SPDX-License-Identifier: Apache-2.0

// Recovery from a journal that holds anything: the store opens, keeps what its segments have, takes appends and keeps those.
//
// Most of a journal file is zeros, so an input is a short form of two files: their headers' numbers (32 bytes), then pages of 512 bytes,
// each with its first byte saying which file it goes to; the rest of a page is zeros. A fuzzer does not guess checksums, so
// each input is tried as it is and with every checksum put right.

import ApusModel
import ApusStorage
import ApusTesting
import CApus
import Logging

func fuzzJournal(_ input: [UInt8]) {
    for isRepaired in [false, true] { JournalTrial(input, isRepaired: isRepaired).run() }
}

/// One store that is opened over the journal of an input.
private struct JournalTrial {
    private static let log = LogID(high: 9, low: 9)
    private static let page = 4096
    private static let shortPage = 512

    /// A store with two batches in a segment, which a checkpoint knows, and none in the journal.
    private static let template: SimulatedDisk = {
        let disk = SimulatedDisk(seed: 1)
        let store = open(disk)
        let claim = try? store?.claim(log, LogConfiguration()) { _ in }
        precondition(claim != nil, "an empty store takes no claim")
        for tag in 0..<2 { if let store, let claim { append(tag, to: store, claim) } }
        precondition(store?.checkpointNow() == true, "an empty store takes no checkpoint")
        disk.killProcess()
        return disk
    }()

    private let disk = JournalTrial.template.duplicate(seed: 1)

    init(_ input: [UInt8], isRepaired: Bool) {
        let names = ["/store/journal/00000000.journal", "/store/journal/00000001.journal"]
        let files = JournalTrial.expand(input, isRepaired: isRepaired)
        for (name, bytes) in zip(names, files) where !bytes.isEmpty {
            _ = try? disk.open(name, .write)
            disk.setContent(name, bytes)
        }
    }

    func run() {
        var last: Offset?
        for tag in 7..<9 {
            guard let store = JournalTrial.open(disk) else {
                preconditionFailure("a store does not open because of its journal")
            }
            JournalTrial.check(store, holding: last)
            guard let claim = try? store.claim(JournalTrial.log, LogConfiguration(), onAdvance: { _ in })
            else {
                preconditionFailure("the log cannot be claimed")
            }
            JournalTrial.append(tag, to: store, claim)
            last = (try? store.bounds(JournalTrial.log)).map { Offset($0.end.rawValue - 1) }
            JournalTrial.check(store, holding: last)
            if tag == 7 { precondition(store.checkpointNow(), "a checkpoint fails on a sound disk") }
            disk.killProcess()
        }
        guard let store = JournalTrial.open(disk) else {
            preconditionFailure("the store does not open again")
        }
        JournalTrial.check(store, holding: last)
    }

    // MARK: Store

    private static func open(_ disk: SimulatedDisk) -> FileLogStore? {
        var configuration = FileLogStoreConfiguration()
        configuration.journalFileBytes = 32 << 10
        configuration.firstJournalBytes = 8 << 10
        configuration.blockBytesMax = 8 << 10
        configuration.freeBytesReserve = 0
        return try? FileLogStore(
            directory: "/store", on: disk, configuration: configuration, random: { 7 },
            logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
    }

    private static func append(_ tag: Int, to store: FileLogStore, _ claim: LogClaim) {
        store.append(LogStoreContract.batch(records: 2, tag: tag), holding: claim) { result in
            guard case .success = result else { preconditionFailure("an append fails: \(result)") }
        }
        for _ in 0..<4 {
            if store.commitStep() == .blocked { _ = store.checkpointNow() }
        }
    }

    /// Reads everything: it has an end, what is in the segment stays, and so does the batch that holds offset `last`.
    private static func check(_ store: FileLogStore, holding last: Offset?) {
        guard let bounds = try? store.bounds(log) else { preconditionFailure("the log is gone") }
        var (offset, found) = (bounds.start, [RecordBatch]())
        while offset < bounds.end {
            do throws(LogError) {
                let batches = try store.read(log, from: offset, byteLimit: 1 << 16)
                guard let end = batches.last?.nextOffset else { break }
                precondition(end > offset, "reading stands still")
                found += batches
                offset = end
            } catch {
                guard case .corrupt(_, _, let next, _) = error, next > offset else {
                    preconditionFailure("reading ends with \(error)")
                }
                offset = next
            }
        }
        precondition(found.prefix(2).map(\.baseOffset.rawValue) == [0, 2], "what segments had is gone")
        guard let last else { return }
        precondition(found.contains { $0.nextOffset.rawValue - 1 == last.rawValue }, "an append is gone")
    }

    // MARK: Input

    private static func expand(_ input: [UInt8], isRepaired: Bool) -> [[UInt8]] {
        var files: [[UInt8]] = [0, 16].map { start in
            var page = [UInt8](repeating: 0, count: page)
            let numbers = Array(input.dropFirst(start).prefix(16))
            guard numbers.contains(where: { $0 != 0 }) else { return [] }
            for copy in [0, 2048] {
                page.replaceSubrange(
                    copy..<copy + 16,
                    with: Array("AJPF".utf8) + [1, 0, 0, 0, 7] + [UInt8](repeating: 0, count: 7))
                page.replaceSubrange(copy + 16..<copy + 16 + numbers.count, with: numbers)
                put(crc(page[copy..<copy + 32]), in: &page, at: copy + 32)
            }
            return page
        }
        for start in stride(from: 32, to: input.count, by: shortPage) {
            var bytes = Array(input[start..<min(start + shortPage, input.count)])
            let number = Int(bytes[0] & 0x80) >> 7
            // The byte is the first of a block's mark too, which has its upper bit clear.
            bytes[0] &= 0x7F
            guard !files[number].isEmpty else { continue }
            bytes += [UInt8](repeating: 0, count: page - bytes.count)
            if isRepaired { repair(&bytes) }
            files[number] += bytes
        }
        return files
    }

    /// Puts right the checksums of a page that begins like a block.
    private static func repair(_ block: inout [UInt8]) {
        guard block.starts(with: Array("AJPB".utf8)) else { return }
        let length = min(max(64, Int(word(block, at: 4))), block.count)
        put(UInt32(length), in: &block, at: 4)
        var position = 64
        while position + 64 + RecordBatch.headerLength <= length, block[position] == UInt8(ascii: "A") {
            let room = length - position - 64
            let count = min(max(RecordBatch.headerLength, Int(word(block, at: position + 4))), room)
            put(UInt32(count), in: &block, at: position + 4)
            repairBatch(&block, position + 64, count)
            put(
                crc(block[position + 64..<position + 64 + RecordBatch.uncheckedLength]), in: &block,
                at: position + 52)
            put(crc(block[position..<position + 60]), in: &block, at: position + 60)
            position += 64 + (count + 7) & ~7
        }
        put(0, in: &block, at: 28)
        put(crc(block[..<length]), in: &block, at: 28)
    }

    private static func repairBatch(_ block: inout [UInt8], _ start: Int, _ count: Int) {
        put(UInt32(count - RecordBatch.lengthPrefix).byteSwapped, in: &block, at: start + 8)
        block[start + 16] = 2
        let sum = crc(block[start + RecordBatch.uncheckedLength..<start + count])
        put(sum.byteSwapped, in: &block, at: start + 17)
    }

    private static func word(_ bytes: [UInt8], at position: Int) -> UInt32 {
        bytes[position..<position + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func put(_ value: UInt32, in bytes: inout [UInt8], at position: Int) {
        for index in 0..<4 { bytes[position + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
    }

    private static func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.withUnsafeBytes { raw in raw.baseAddress.map { capus_crc32c(0, $0, raw.count) } ?? 0 }
    }
}
