// SPDX-License-Identifier: Apache-2.0

// Trace context in the extension attributes of events: where tracers put it, and where they find it.

import CloudEvents
import Tracing

/// Writes what tracers carry into attributes; names that attributes cannot have are left out.
struct TraceInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout CloudEventExtensions) {
        // The set of tracers is the program's; a header name such as `x-b3-traceid` is no attribute name, and losing it beats losing the event.
        try? carrier.set(key, to: .string(value))
    }
}

/// Reads what tracers carry from attributes.
struct TraceExtractor: Extractor {
    func extract(key: String, from carrier: CloudEventExtensions) -> String? { carrier[key]?.text }
}
