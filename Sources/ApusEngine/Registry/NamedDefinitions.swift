// SPDX-License-Identifier: Apache-2.0

// Definitions of one kind by name, in a tree: others hold a copy while changes go on (a list being answered, a snapshot being made), and a
// change must not copy a hundred thousand rules because of them. Nor has it to wait while a table doubles its size, so what runs because of rules
// is kept in such trees as well.

import ApusModel
import HashTreeCollections

/// Definitions of one kind, or what belongs to them, by name; copies share all that is the same.
struct NamedDefinitions<Definition: Sendable>: Sendable {
    private var tree: TreeDictionary<ResourceName, Definition> = [:]

    subscript(name: ResourceName) -> Definition? {
        get { tree[name] }
        set { tree[name] = newValue }
    }

    var count: Int { tree.count }
    var keys: some Collection<ResourceName> { tree.keys }
    var values: some Collection<Definition> { tree.values }

    /// Sets a definition; returns the one before.
    mutating func updateValue(_ definition: Definition, forKey name: ResourceName) -> Definition? {
        tree.updateValue(definition, forKey: name)
    }

    /// Takes a definition away and returns it.
    mutating func removeValue(forKey name: ResourceName) -> Definition? { tree.removeValue(forKey: name) }

    /// The definitions of a page, by name.
    func page(_ page: Page, where isIncluded: (Definition) -> Bool) -> [Definition] {
        page.names(keys).lazy.compactMap { self[$0] }.filter(isIncluded).prefix(page.limit).map { $0 }
    }
}
