// SPDX-License-Identifier: Apache-2.0

// What every store promises of logs that are made together.

import ApusModel
import ApusStorage

extension LogStoreContract {
    static let creating = [
        Check(name: "logs that are made together are there, empty, and can be claimed") { subject in
            let base = LogID(high: 77, low: 1)
            let logs = (0..<20).map { base.member($0) }
            try subject.store.create(logs)
            try expect(try Set(subject.store.logs()).isSuperset(of: logs), "all of them are listed")
            for log in logs {
                let bounds = try subject.store.bounds(log)
                try expect(bounds.start == .zero && bounds.end == .zero, "\(log) is empty: \(bounds)")
                let read = try subject.store.read(log, from: .zero, byteLimit: 100)
                try expect(read.isEmpty, "nothing is read from \(log)")
            }
            for (tag, log) in logs.enumerated() {
                let offset = try Writer(subject, log: log).append(batch(records: 1, tag: tag))
                try expect(offset == .zero, "\(log) begins at 0, not \(offset)")
            }
        },
        Check(name: "making a log that exists changes nothing, for its writer neither") { subject in
            let writer = try Writer(subject)
            _ = try writer.append(batch(records: 2, tag: 1))
            let other = LogID(high: 78, low: 1)
            try subject.store.create([writer.log, other, other])
            let next = try writer.append(batch(records: 1, tag: 2))
            try expect(next == Offset(2), "its writer goes on at 2, not \(next)")
            let read = try subject.store.read(writer.log, from: .zero, byteLimit: 1 << 20)
            try expect(try tags(read) == [1, 2], "everything is still there")
            try expect(try subject.store.logs().count { $0 == other } == 1, "a log named twice is made once")
            try expect(
                try Writer(subject, log: other).append(batch(records: 1, tag: 3)) == .zero,
                "the new one begins at 0")
        },
        Check(name: "a deleted log that is made again begins anew") { subject in
            let writer = try Writer(subject)
            _ = try writer.append(batch(records: 5, tag: 1))
            try subject.store.delete(writer.log)
            try subject.store.create([writer.log])
            try expect(try subject.store.bounds(writer.log).end == .zero, "it is empty")
            try expectError(.fenced(writer.log)) { _ = try writer.append(batch(records: 1, tag: 2)) }
        },
    ]
}
