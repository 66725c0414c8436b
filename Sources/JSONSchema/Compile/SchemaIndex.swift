// SPDX-License-Identifier: Apache-2.0

// All schemas of all documents in play, by resource and place: what `$id`, `$anchor` and their relatives name, and where
// references lead.

import JSONText

/// A part of a document with a URI of its own.
struct SchemaResource {
    /// Absolute if anything around it is; without fragment.
    let uri: String
    let root: JSONValue
    let dialect: Dialect
    /// Places of plain names.
    var anchors: [String: Int] = [:]
    /// Places that dynamic references can lead to; the empty name is that of `$recursiveAnchor`.
    var dynamicAnchors: [String: Int] = [:]
}

/// A schema in a resource.
struct SchemaPlace {
    let value: JSONValue
    let resource: Int
    /// From the root of the resource, as a JSON pointer.
    let pointer: String
}

struct SchemaIndex {
    private let library: SchemaLibrary
    private let options: SchemaOptions
    private(set) var resources: [SchemaResource] = []
    private(set) var places: [SchemaPlace] = []
    private var resourcesByURI: [String: Int] = [:]
    private var placesByPointer: [PlaceKey: Int] = [:]
    private var dialects: [String: Dialect] = [:]
    /// Members looked at while pointers were followed where no schema was expected.
    private var walked = 0

    private static let walkLimit = 1_000_000

    private struct PlaceKey: Hashable {
        let resource: Int
        let pointer: String
    }

    init(options: SchemaOptions, library: SchemaLibrary) {
        self.options = options
        self.library = library
    }

    // MARK: Documents

    /// Takes in a document that was got by `uri`; the place of its root.
    mutating func add(_ document: JSONValue, uri: String, parent: Dialect?) throws(SchemaError) -> Int {
        let dialect = try dialect(of: document, fallback: parent ?? Dialect(options.draft), at: uri)
        let resource = resources.count
        let id = identifier(of: document, dialect.draft)
        let base = id.map { URIReference($0).resolved(against: URIReference(uri)).withoutFragment } ?? uri
        try addResource(base, root: document, dialect: dialect)
        // Also by the URI it was got by.
        if base != uri, resourcesByURI[uri] == nil { resourcesByURI[uri] = resource }
        return try scan(document, resource: resource, pointer: "")
    }

    private mutating func addResource(_ uri: String, root: JSONValue, dialect: Dialect) throws(SchemaError) {
        guard resourcesByURI[uri] == nil || uri.isEmpty else {
            throw SchemaError(.duplicateIdentifier(uri), at: uri)
        }
        resourcesByURI[uri] = resources.count
        resources.append(SchemaResource(uri: uri, root: root, dialect: dialect))
    }

    /// The resource of a URI without fragment, loaded if it is registered or one of ours.
    private mutating func resource(_ uri: String) throws(SchemaError) -> Int? {
        if let known = resourcesByURI[uri] { return known }
        guard let document = document(uri) else { return nil }
        _ = try add(document, uri: uri, parent: nil)
        return resourcesByURI[uri]
    }

    private func document(_ uri: String) -> JSONValue? {
        library.documents[uri] ?? MetaSchemas.document(uri)
    }

    // MARK: Dialects

    /// The dialect that `$schema` of a resource's root names.
    private mutating func dialect(
        of root: JSONValue, fallback: Dialect, at location: String
    ) throws(SchemaError) -> Dialect {
        guard let named = root["$schema"] else { return fallback }
        guard let text = named.string else {
            throw SchemaError(.invalidKeyword("$schema", expected: "a URI"), at: location)
        }
        let reference = URIReference(text)
        guard reference.fragment?.isEmpty ?? true else {
            throw SchemaError(.unknownDialect(text), at: location)
        }
        let uri = reference.withoutFragment
        if let draft = SchemaDraft(rawValue: uri) { return Dialect(draft) }
        if let known = dialects[uri] { return known }
        guard let metaSchema = document(uri), let base = metaSchema["$schema"]?.string,
            let draft = SchemaDraft(rawValue: URIReference(base).withoutFragment)
        else { throw SchemaError(.unknownDialect(text), at: location) }
        var vocabularies = Dialect.Vocabularies.standard
        if let declared = metaSchema["$vocabulary"]?.object, draft != .draft7 {
            vocabularies = .core
            for member in declared.members {
                if let vocabulary = Dialect.vocabulary(member.name) {
                    vocabularies.formUnion(vocabulary)
                    // A format vocabulary of 2019-09 that is required is an assertion.
                    if vocabulary == .formatAnnotation, draft == .draft2019, member.value == .bool(true) {
                        vocabularies.formUnion(.formatAssertion)
                    }
                } else if member.value == .bool(true) {
                    throw SchemaError(.unknownVocabulary(member.name), at: uri)
                }
            }
        }
        let dialect = Dialect(draft, vocabularies: vocabularies, metaSchema: uri)
        dialects[uri] = dialect
        return dialect
    }

    /// The URI that a schema gives itself, if it begins a resource.
    private func identifier(of schema: JSONValue, _ draft: SchemaDraft) -> String? {
        guard let id = schema["$id"]?.string else { return nil }
        guard draft == .draft7 else { return id }
        // Beside a reference nothing counts, and a mere fragment is an anchor.
        return schema["$ref"] != nil || id.hasPrefix("#") ? nil : id
    }

    // MARK: Scanning

    /// Takes in a schema and all schemas in it; its place.
    private mutating func scan(_ schema: JSONValue, resource: Int, pointer: String) throws(SchemaError) -> Int
    {
        guard places.count < options.limits.schemas else {
            throw SchemaError(
                .tooLarge(what: "schemas in the documents", limit: options.limits.schemas),
                at: resources[resource].uri)
        }
        let place = places.count
        places.append(SchemaPlace(value: schema, resource: resource, pointer: pointer))
        placesByPointer[PlaceKey(resource: resource, pointer: pointer)] = place
        guard let object = schema.object else { return place }
        try addAnchors(of: schema, place: place)
        for member in object.members {
            let here = pointer + "/" + JSONPointer.escape(member.name)
            switch member.value {
            case .object, .bool:
                if Subschemas.named.contains(member.name) {
                    for inner in member.value.object?.members ?? [] where inner.value.array == nil {
                        try enter(
                            inner.value, resource: resource,
                            pointer: here + "/" + JSONPointer.escape(inner.name))
                    }
                } else if Subschemas.single.contains(member.name) {
                    try enter(member.value, resource: resource, pointer: here)
                }
            case .array(let elements):
                guard Subschemas.lists.contains(member.name) else { continue }
                for (index, element) in elements.enumerated() {
                    try enter(element, resource: resource, pointer: "\(here)/\(index)")
                }
            default: break
            }
        }
        return place
    }

    /// Takes in a schema in a schema, which may begin a resource.
    private mutating func enter(_ schema: JSONValue, resource: Int, pointer: String) throws(SchemaError) {
        let outer = resources[resource]
        guard let id = identifier(of: schema, outer.dialect.draft) else {
            _ = try scan(schema, resource: resource, pointer: pointer)
            return
        }
        let uri = URIReference(id).resolved(against: URIReference(outer.uri))
        guard uri.fragment?.isEmpty ?? true else {
            throw SchemaError(.invalidURI(id), at: location(resource, pointer))
        }
        let inner = resources.count
        let dialect = try dialect(of: schema, fallback: outer.dialect, at: uri.withoutFragment)
        try addResource(uri.withoutFragment, root: schema, dialect: dialect)
        placesByPointer[PlaceKey(resource: resource, pointer: pointer)] = try scan(
            schema, resource: inner, pointer: "")
    }

    private mutating func addAnchors(of schema: JSONValue, place: Int) throws(SchemaError) {
        let resource = places[place].resource
        let draft = resources[resource].dialect.draft
        func add(_ name: String, to index: inout SchemaIndex) throws(SchemaError) {
            guard index.resources[resource].anchors.updateValue(place, forKey: name) == nil else {
                throw SchemaError(
                    .duplicateIdentifier("#" + name),
                    at: index.location(resource, index.places[place].pointer))
            }
        }
        if draft == .draft7 {
            if let id = schema["$id"]?.string, id.hasPrefix("#"), id.utf8.count > 1, schema["$ref"] == nil {
                try add(String(id.dropFirst()), to: &self)
            }
            return
        }
        if let anchor = schema["$anchor"]?.string { try add(anchor, to: &self) }
        if draft == .draft2020, let anchor = schema["$dynamicAnchor"]?.string {
            if schema["$anchor"]?.string != anchor { try add(anchor, to: &self) }
            resources[resource].dynamicAnchors[anchor] = place
        }
        if draft == .draft2019, schema["$recursiveAnchor"]?.bool == true, places[place].pointer.isEmpty {
            resources[resource].dynamicAnchors[""] = place
        }
    }

    /// A place as text.
    func location(_ resource: Int, _ pointer: String) -> String { resources[resource].uri + "#" + pointer }

    // MARK: References

    /// The place that a reference leads to from a resource.
    mutating func resolve(
        _ reference: String, from resource: Int, at location: String
    ) throws(SchemaError) -> Int {
        let target = URIReference(reference).resolved(against: URIReference(resources[resource].uri))
        let isLocal = URIReference(reference).withoutFragment.isEmpty
        let uri = target.withoutFragment
        guard let found = isLocal ? resource : try self.resource(uri) else {
            throw SchemaError(.unresolvedReference(target.text), at: location)
        }
        guard let fragment = JSONPointer.decodePercent(target.fragment ?? "") else {
            throw SchemaError(.invalidURI(reference), at: location)
        }
        if fragment.isEmpty, let place = placesByPointer[PlaceKey(resource: found, pointer: "")] {
            return place
        }
        if fragment.hasPrefix("/") {
            if let place = placesByPointer[PlaceKey(resource: found, pointer: fragment)] { return place }
            if let place = try follow(fragment, in: found) { return place }
        } else if let place = resources[found].anchors[fragment] {
            return place
        }
        throw SchemaError(.unresolvedReference(target.text), at: location)
    }

    /// The place of a schema in a resource, by its pointer.
    mutating func resolveInside(
        _ pointer: String, resource: Int, at location: String
    ) throws(SchemaError) -> Int {
        if let place = placesByPointer[PlaceKey(resource: resource, pointer: pointer)] { return place }
        if let place = try follow(pointer, in: resource) { return place }
        throw SchemaError(
            .invalidKeyword(String(pointer.split(separator: "/").last ?? ""), expected: "a schema"),
            at: location)
    }

    /// Follows a pointer token by token: through schemas with URIs of their own, and to where no schema was expected.
    private mutating func follow(_ pointer: String, in start: Int) throws(SchemaError) -> Int? {
        var resource = start
        var here = ""
        var value = resources[start].root
        for token in JSONPointer.tokens(pointer) {
            switch value {
            case .object(let object):
                walked += object.members.count
                guard let next = object[token] else { return nil }
                value = next
            case .array(let elements):
                guard let index = Int(token), elements.indices.contains(index) else { return nil }
                value = elements[index]
            default: return nil
            }
            walked += 1
            guard walked < Self.walkLimit else {
                throw SchemaError(
                    .tooLarge(what: "steps to follow references", limit: Self.walkLimit), at: pointer)
            }
            here += "/" + JSONPointer.escape(token)
            if let place = placesByPointer[PlaceKey(resource: resource, pointer: here)],
                places[place].resource != resource
            {
                resource = places[place].resource
                here = ""
            }
        }
        if let known = placesByPointer[PlaceKey(resource: resource, pointer: here)] { return known }
        guard value.object != nil || value.bool != nil else { return nil }
        return try scan(value, resource: resource, pointer: here)
    }
}
