// SPDX-License-Identifier: Apache-2.0

// Which types of events a pattern can concern, for who asks before there are events.

extension Pattern {
    /// Whether events of this type can match: false only when none can, whatever else is in them.
    ///
    /// Only what is asked of the attribute `type` decides; of everything else it is assumed that it can be so.
    public func canMatch(type: String) -> Bool {
        let value = EventValue.attribute(Array(type.utf8))
        return root.combinations.contains { combination in
            combination.fields.filter { $0.name == Pattern.typeName }.allSatisfy { field in
                field.leaves.allSatisfy { Explainer.holds($0, of: value) }
            }
        }
    }

    /// Whether a combination of conditions asks for nothing but this type, so that every event of it matches.
    public func matchesAll(ofType type: String) -> Bool {
        let value = EventValue.attribute(Array(type.utf8))
        return root.combinations.contains { combination in
            combination.fields.allSatisfy { field in
                field.name == Pattern.typeName && field.object == nil
                    && field.leaves.allSatisfy { Explainer.holds($0, of: value) }
            }
        }
    }

    private static let typeName = Array("type".utf8)
}
