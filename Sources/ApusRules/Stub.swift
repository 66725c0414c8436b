extension MatchRun { func visit(xml data: UnsafeRawBufferPointer, _ dataNode: UInt32) -> Bool { false } }
extension EventValue { init?(xml bytes: [UInt8]) { return nil } }
