// SPDX-License-Identifier: Apache-2.0

// A clock that moves when it is told to.

public import ApusEngine
public import ApusModel
import Synchronization

/// Both of the engine's clocks, moved by hand.
public final class ManualClock: EngineClock {
    private let state: Mutex<(now: Duration, wall: Timestamp)>

    /// A clock that shows `wall`.
    public init(wall: Timestamp = Timestamp(milliseconds: 1_700_000_000_000)) {
        state = Mutex((.zero, wall))
    }

    public var now: Duration { state.withLock(\.now) }
    public var wall: Timestamp { state.withLock(\.wall) }

    /// Lets time pass.
    public func advance(by duration: Duration) {
        state.withLock { state in
            state.now += duration
            state.wall = state.wall.advanced(by: duration)
        }
    }

    /// Sets the clock on the wall, as an administrator might; monotonic time does not notice.
    public func jump(by duration: Duration) {
        state.withLock { $0.wall = $0.wall.advanced(by: duration) }
    }
}
