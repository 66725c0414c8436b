// SPDX-License-Identifier: Apache-2.0

// Every input that ever failed, and the inputs that fuzzing starts from, through the same checks.

import ApusFuzzTargets
import FoundationEssentials
import TestThreads
import Testing

@Suite(.ownThread) struct ReplayTests {
    /// The folder Fuzz/ of this repository.
    private static let folder =
        #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" } + "/Fuzz"

    private static func inputs(_ kind: String, of target: FuzzTarget) throws -> [[UInt8]] {
        let folder = "\(folder)/\(kind)/\(target.rawValue)"
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
            Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))
        }
    }

    @Test(arguments: FuzzTarget.allCases)
    func `inputs that once failed hold now`(target: FuzzTarget) throws {
        for input in try Self.inputs("FailCases", of: target) { target.run(input) }
    }

    @Test(arguments: FuzzTarget.allCases)
    func `every target has inputs to start from, and they hold`(target: FuzzTarget) throws {
        let inputs = try Self.inputs("Corpus", of: target)
        #expect(!inputs.isEmpty)
        for input in inputs { target.run(input) }
    }

    @Test(arguments: FuzzTarget.allCases)
    func `inputs cut off anywhere or with a bit flipped do no harm`(target: FuzzTarget) throws {
        for input in try Self.inputs("Corpus", of: target).filter({ $0.count <= 1024 }) {
            // Opening a store takes a while: every ninth place has to do.
            let places = casesToTry(of: target == .journal ? input.count / 9 : input.count)
            let step = max(input.count / max(places, 1), 1)
            for length in stride(from: 0, to: input.count, by: step) { target.run(Array(input[..<length])) }
            for index in stride(from: 0, to: input.count, by: step) {
                var flipped = input
                flipped[index] ^= 1 << UInt8(index % 8)
                target.run(flipped)
            }
        }
    }
}
