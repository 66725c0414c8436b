// SPDX-License-Identifier: Apache-2.0

// One fuzzer for all targets: APUS_FUZZ_TARGET chooses, `list` names them. The targets themselves are in the
// main package, where tests replay them.

import ApusFuzzTargets
import Glibc

/// libFuzzer's hook before the first input.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<CInt>?,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    if chosenName == "list" {
        for target in FuzzTarget.allCases { print(target.rawValue) }
        exit(0)
    }
    return 0
}

/// libFuzzer's hook for each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}

private let chosenName = getenv("APUS_FUZZ_TARGET").map { String(cString: $0) } ?? ""

private let target: FuzzTarget = {
    if let target = FuzzTarget(rawValue: chosenName) { return target }
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    print("APUS_FUZZ_TARGET is \"\(chosenName)\"; there are: \(names)")
    exit(2)
}()
