// SPDX-License-Identifier: Apache-2.0

// How often tests of random cases repeat, and of damage at every place. What they check is the same everywhere; unoptimised code is ten to fifty
// times slower, so there they check fewer cases.

import FoundationEssentials

/// Whether tests go through all of their random cases: in release builds, and when `APUS_TEST_CASES` is `all`.
private let isComplete: Bool = {
    #if DEBUG
        ProcessInfo.processInfo.environment["APUS_TEST_CASES"] == "all"
    #else
        true
    #endif
}()

/// How many of `count` random cases a test goes through: all of them, or in a debug build a tenth.
public func casesToTry(of count: Int) -> Int { isComplete ? count : (count + 9) / 10 }

/// Places in something that is damaged at each of them: all, or in a debug build every seventh, which in things that repeat is another place each time.
public func placesToTry(_ places: Range<Int>) -> StrideTo<Int> {
    stride(from: places.lowerBound, to: places.upperBound, by: isComplete ? 1 : 7)
}

/// The seeds of a block of cases, `count` a block: all of them, or in a debug build a tenth.
public func seedsToTry(block: UInt64, of count: UInt64, from first: UInt64 = 0) -> Range<UInt64> {
    let start = first + block * count
    return start..<start + UInt64(casesToTry(of: Int(count)))
}
