// SPDX-License-Identifier: Apache-2.0

// What a node says of strings, numbers and literals, put so that it is decided while the value is passed over. Most members of most events are
// such: a name with a greatest length, a number with bounds.

extension SchemaCompiler {
    /// Notes the kinds of values of which a node says little.
    func setQuick(_ node: inout Node) {
        guard node.values < 0, node.inPlace.count == 0 else { return }
        if node.types & (TypeBits.bool | TypeBits.null) != 0 { node.quick |= QuickBits.literal }
        if node.types & TypeBits.string != 0 { setQuickStrings(&node) }
        if node.types & TypeBits.number != 0 { setQuickNumbers(&node) }
    }

    private func setQuickStrings(_ node: inout Node) {
        for check in parts.strings[node.strings.range] {
            switch check.kind {
            case .minLength: node.shortest = check.value
            case .maxLength: node.longest = check.value
            case .pattern, .format, .encoding, .mediaType: return
            }
        }
        node.quick |= QuickBits.string
    }

    private func setQuickNumbers(_ node: inout Node) {
        var (wholes, fractions) = (NumberRange(), NumberRange())
        for check in parts.numbers[node.numbers.range] {
            guard check.isSmall else { return }
            let bound = check.small
            // What is no whole number lies above the next one below it, and below the one after that.
            switch check.kind {
            case .minimum:
                wholes.low = max(wholes.low, bound)
                fractions.low = max(fractions.low, bound)
            case .exclusiveMinimum:
                wholes.low = max(wholes.low, bound + 1)
                fractions.low = max(fractions.low, bound)
            case .maximum:
                wholes.high = min(wholes.high, bound)
                fractions.high = min(fractions.high, bound - 1)
            case .exclusiveMaximum:
                wholes.high = min(wholes.high, bound - 1)
                fractions.high = min(fractions.high, bound - 1)
            case .multipleOf: return
            }
        }
        node.wholes = node.types & TypeBits.integer != 0 ? wholes : .empty
        node.fractions = node.types & TypeBits.fraction != 0 ? fractions : .empty
        node.quick |= QuickBits.number
    }
}
