// SPDX-License-Identifier: Apache-2.0

// Where an explanation has come to: the way into the document, with what is known of every value on it, so that a value found at its end
// can be put into a whole document.

import JSONSchema
import JSONText

struct Site {
    enum Step: Hashable {
        case member(String)
        case element(Int)
        /// The name of a member.
        case name
    }

    struct Frame {
        var conjunction: Conjunction
        var step: Step
    }

    var path = ""
    var frames: [Frame] = []

    var isInside: Bool { !frames.isEmpty }

    /// The name of the member that is looked at.
    var memberName: String? {
        if case .member(let name)? = frames.last?.step { name } else { nil }
    }

    /// Further in. `shown` is what the path says instead of the name.
    func entering(_ step: Step, of conjunction: Conjunction, shown: String? = nil) -> Site {
        var site = self
        site.frames.append(Frame(conjunction: conjunction, step: step))
        let token =
            switch step {
            case .member(let name): SchemaGraph.escape(name)
            case .element(let index): String(index)
            case .name: "(name)"
            }
        site.path += "/" + (shown ?? token)
        return site
    }
}
