// SPDX-License-Identifier: Apache-2.0

// What keywords for objects and arrays become.

import JSONText

extension SchemaCompiler {
    /// Names that a schema asks about, each with its schema and its bit.
    private struct MemberTable {
        var members: [MemberPlan] = []
        var hashes: [UInt64] = []
        var indexes: [String: Int] = [:]
        var tracked: Int32 = 0
    }

    /// The plan for objects, or -1 if the schema says nothing of them.
    mutating func compileObject(_ reader: KeywordReader) throws(SchemaError) -> Int32 {
        var plan = ObjectPlan()
        var table = MemberTable()
        if reader.has(.applicator) {
            for member in try members("properties", reader) {
                let node = try child(at: "/properties/" + JSONPointer.escape(member.name), reader)
                table.members[slot(member.name, &table)].node = node
            }
            var patterns: [PatternPlan] = []
            for member in try members("patternProperties", reader) {
                let pointer = "/patternProperties/" + JSONPointer.escape(member.name)
                let regex = try self.regex(member.name, at: reader.location + pointer)
                patterns.append(PatternPlan(regex: regex, node: try child(at: pointer, reader)))
            }
            plan.patterns = Span(start: Int32(parts.patterns.count), count: Int32(patterns.count))
            parts.patterns += patterns
            plan.additional = try child("additionalProperties", reader) ?? Node.none
            plan.names = try child("propertyNames", reader) ?? Node.none
        }
        if reader.has(.validation) {
            plan.minimum = try reader.count("minProperties") ?? 0
            plan.maximum = try reader.count("maxProperties") ?? .max
            var required: [Int32] = []
            for name in try names(reader.object["required"], "required", reader) {
                let bit = self.bit(of: name, &table)
                required.append(bit)
                if bit < 64 { plan.requiredMask |= 1 << UInt64(bit) }
            }
            plan.required = parts.add(links: required)
        }
        plan.dependents = try compileDependents(reader, &table)
        plan.tracked = table.tracked
        let isSilent =
            table.members.isEmpty && plan.patterns.count == 0 && plan.additional < 0 && plan.names < 0
            && plan.minimum == 0 && plan.maximum == .max
        if isSilent, reader.object["properties"] == nil { return Node.none }
        plan.members = Span(start: Int32(parts.members.count), count: Int32(table.members.count))
        plan.slots = parts.addSlots(table.hashes)
        parts.members += table.members
        parts.objects.append(plan)
        return Int32(parts.objects.count - 1)
    }

    private func members(
        _ keyword: String, _ reader: KeywordReader
    ) throws(SchemaError) -> [JSONObject.Member] {
        guard let value = reader.object[keyword] else { return [] }
        guard let object = value.object else { throw reader.error(keyword, "an object") }
        return object.members
    }

    private func names(
        _ value: JSONValue?, _ keyword: String, _ reader: KeywordReader
    ) throws(SchemaError) -> [String] {
        guard let value else { return [] }
        guard let list = value.array else { throw reader.error(keyword, "an array of names") }
        var names: [String] = []
        for element in list {
            guard let name = element.string else { throw reader.error(keyword, "an array of names") }
            names.append(name)
        }
        return names
    }

    /// The index of a name in the table, new or known.
    private mutating func slot(_ name: String, _ table: inout MemberTable) -> Int {
        if let known = table.indexes[name] { return known }
        var name = name
        let hash = name.withUTF8 { bytes in
            bytes.baseAddress.map { TextBytes.hash(UnsafeRawPointer($0), bytes.count) }
                ?? TextBytes.hash(UnsafeRawPointer(("" as StaticString).utf8Start), 0)
        }
        let place = table.members.count
        let written = parts.add(text: Array("\"\(name)\":".utf8))
        table.members.append(
            MemberPlan(
                name: Span(start: written.start + 1, count: written.count - 3),
                isPlain: name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C },
                hash: UInt32(truncatingIfNeeded: hash), node: Node.none, bit: -1))
        table.hashes.append(hash)
        table.indexes[name] = place
        return place
    }

    /// The bit that tells whether a member is there.
    private mutating func bit(of name: String, _ table: inout MemberTable) -> Int32 {
        let place = slot(name, &table)
        if table.members[place].bit < 0 {
            table.members[place].bit = table.tracked
            table.tracked += 1
        }
        return table.members[place].bit
    }

    private mutating func compileDependents(
        _ reader: KeywordReader, _ table: inout MemberTable
    ) throws(SchemaError) -> Span {
        var plans: [DependentPlan] = []
        if reader.has(.validation), reader.draft != .draft7 {
            for member in try members("dependentRequired", reader) {
                plans.append(try dependent(member, "dependentRequired", reader, &table))
            }
        }
        if reader.has(.applicator) {
            if reader.draft != .draft7 {
                for member in try members("dependentSchemas", reader) {
                    plans.append(try dependent(member, "dependentSchemas", reader, &table))
                }
            }
            for member in try members("dependencies", reader) {
                plans.append(try dependent(member, "dependencies", reader, &table))
            }
        }
        let span = Span(start: Int32(parts.dependents.count), count: Int32(plans.count))
        parts.dependents += plans
        return span
    }

    private mutating func dependent(
        _ member: JSONObject.Member, _ keyword: String, _ reader: KeywordReader, _ table: inout MemberTable
    ) throws(SchemaError) -> DependentPlan {
        let bit = self.bit(of: member.name, &table)
        let kind = DependentPlan.Keyword(keyword)
        if member.value.array != nil {
            var bits: [Int32] = []
            for name in try names(member.value, keyword, reader) { bits.append(self.bit(of: name, &table)) }
            return DependentPlan(bit: bit, required: parts.add(links: bits), node: Node.none, keyword: kind)
        }
        let node = try child(at: "/\(keyword)/" + JSONPointer.escape(member.name), reader)
        return DependentPlan(bit: bit, required: Span(), node: node, keyword: kind)
    }

    /// The plan for arrays, or -1 if the schema says nothing of them.
    mutating func compileArray(_ reader: KeywordReader) throws(SchemaError) -> Int32 {
        var plan = ArrayPlan()
        var says = false
        if reader.has(.applicator) {
            let isNew = reader.draft == .draft2020
            let prefix = isNew ? "prefixItems" : "items"
            if let list = reader.object[prefix]?.array {
                var nodes: [Int32] = []
                for place in list.indices { nodes.append(try child(at: "/\(prefix)/\(place)", reader)) }
                plan.prefix = parts.add(links: nodes)
                if !isNew { plan.items = try child("additionalItems", reader) ?? Node.none }
                says = true
            }
            if isNew || reader.object["items"]?.array == nil, let items = try child("items", reader) {
                plan.items = items
                says = true
            }
            plan.contains = try child("contains", reader) ?? Node.none
            plan.containsEvaluates = isNew
            if plan.contains >= 0 { says = true }
        }
        if reader.has(.validation) {
            plan.minimum = try reader.count("minItems") ?? 0
            plan.maximum = try reader.count("maxItems") ?? .max
            if reader.draft != .draft7 {
                plan.minContains = try reader.count("minContains") ?? 1
                plan.maxContains = try reader.count("maxContains") ?? .max
            }
            plan.isUnique = reader.object["uniqueItems"]?.bool ?? false
            if plan.minimum > 0 || plan.maximum < .max || plan.isUnique { says = true }
        }
        guard says else { return Node.none }
        parts.arrays.append(plan)
        return Int32(parts.arrays.count - 1)
    }
}
