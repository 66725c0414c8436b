// SPDX-License-Identifier: Apache-2.0

// A rule that was not proven becomes a difference: its words, its places, and a document that shows it.

import JSONSchema
import JSONText

/// What to say of a difference.
enum Phrase {
    case allForbidden, forbidden, kinds(Kinds), restricted, value(JSONValue), changed, required(String)
    case dependent(String, String), closed(String?), propertyGone(String), openProperty(String)
    case closedArray(Int), unique, contains, negation, exclusive(Int, Int), alternatives
    case notCompared, tooManyPatterns
}

extension Prover {
    /// Notes a difference at a site.
    ///
    /// - Parameters:
    ///   - keyword: the keyword of the right schema, if it is one.
    ///   - ways: what values are like that show the difference.
    ///   - forced: a member that shows it.
    ///   - value: a value that shows it.
    mutating func record(
        _ site: Site, _ facts: Facts, _ left: Conjunction, _ right: Place,
        _ kind: SchemaDifference.Kind, _ keyword: String, _ phrase: Phrase, _ ways: [[Atom]],
        forced: (name: String, atoms: [Atom])? = nil, value: JSONValue? = nil
    ) {
        recordings += 1
        guard differences.count < SchemaComparison.differencesMax else { return }
        let first = String(keyword.prefix { $0 != "/" })
        let source = writerPlace(facts, first, site)
        let suffix = keyword.isEmpty ? "" : "/" + keyword
        let rightLocation = places.location(right) + suffix
        let leftHas = !first.isEmpty && places.value(source)[first] != nil
        let leftLocation = places.location(source) + (leftHas ? "/" + first : "")
        let texts = (
            writer: leftHas ? places.value(source)[first] : nil,
            reader: first.isEmpty ? nil : places.value(right)[first]
        )
        let message = Wording(writerIsOld: options.writerIsOld, site: site).message(
            phrase, first, writer: texts.writer, reader: texts.reader)
        let key = [site.path, rightLocation, message]
        guard recorded.insert(key).inserted else { return }
        let witness = witness(site, left, right, ways, forced, value)
        differences.append(
            SchemaDifference(
                kind: kind, instanceLocation: site.path,
                oldLocation: options.writerIsOld ? leftLocation : rightLocation,
                newLocation: options.writerIsOld ? rightLocation : leftLocation, message: message,
                witness: witness))
    }

    /// The schema of the left side that says most of the same.
    private func writerPlace(_ facts: Facts, _ keyword: String, _ site: Site) -> Place {
        let own = facts.holds.filter { $0.side == 0 }
        if let same = own.last(where: { places.value($0)[keyword] != nil }) ?? own.last { return same }
        for frame in site.frames.reversed() {
            for case .holds(let place) in frame.conjunction.atoms where place.side == 0 { return place }
        }
        return places.left
    }

    // MARK: Witnesses

    /// A document that shows that the right schema does not accept all of the left one, without knowing why.
    mutating func guess() -> JSONValue? {
        witness(Site(), Conjunction([.holds(places.left)]), places.right, [], nil, nil)
    }

    private mutating func witness(
        _ site: Site, _ left: Conjunction, _ right: Place, _ ways: [[Atom]],
        _ forced: (name: String, atoms: [Atom])?, _ value: JSONValue?
    ) -> JSONValue? {
        // Each gets its share, so that the first does not use up everything.
        let saved = sampleFuel
        sampleFuel = min(saved, 2_000)
        defer { sampleFuel = saved - (min(saved, 2_000) - max(sampleFuel, 0)) }
        if let value { return whole([value], site) }
        if let forced {
            for value in samples(Conjunction(forced.atoms)) {
                let objects = samples(left, forced: (.member(forced.name), value))
                if let found = whole(objects, site) { return found }
            }
            return nil
        }
        for way in ways + [[.fails(right)]] {
            if let found = whole(samples(left.adding(way)), site) { return found }
        }
        return nil
    }

    /// The first of the values that, put into a document, is accepted by the left schema and refused by the right one.
    private mutating func whole(_ values: [JSONValue], _ site: Site) -> JSONValue? {
        for value in values {
            var documents = [value]
            for frame in site.frames.reversed() {
                documents = documents.flatMap { inner in
                    samples(frame.conjunction, forced: (frame.step, inner))
                }
                if documents.count > 4 { documents.removeLast(documents.count - 4) }
            }
            for document in documents {
                sampleFuel -= 1
                guard sampleFuel > 0 else { return nil }
                if places.accepts(document, places.left) == true,
                    places.accepts(document, places.right) == false
                {
                    return document
                }
            }
        }
        return nil
    }
}

/// Differences in words.
private struct Wording {
    let writerIsOld: Bool
    let site: Site

    /// The sentence for old readers of new documents, or else for new readers of old ones.
    private func say(_ backward: String, _ forward: String) -> String { writerIsOld ? backward : forward }

    private var subject: String { site.memberName.map { "property `\($0)`" } ?? "the value" }

    func message(
        _ phrase: Phrase, _ keyword: String, writer: JSONValue?, reader: JSONValue?
    ) -> String {
        switch phrase {
        case .allForbidden:
            return say("no document is accepted any more", "no document was accepted before")
        case .forbidden: return say("\(subject) is not allowed any more", "\(subject) was not allowed before")
        case .kinds(let kinds):
            let names = kinds.names.joined(separator: ", ")
            return say("`type` no longer allows \(names)", "`type` allows \(names), which it did not before")
        case .restricted, .changed: return change(keyword, writer, reader)
        case .value(let value):
            let text = Self.short(value)
            return say("`\(text)` is no longer accepted", "`\(text)` is accepted, which it was not before")
        case .required(let name):
            return say("property `\(name)` is required now", "property `\(name)` is no longer required")
        case .dependent(let name, let other):
            return say(
                "property `\(other)` is required now where `\(name)` is",
                "property `\(other)` is no longer required where `\(name)` is")
        case .closed:
            return say(
                "additional properties were allowed and are not",
                "additional properties are allowed and were not")
        case .propertyGone(let name):
            return say(
                "property `\(name)` is not allowed any more", "property `\(name)` was not allowed before")
        case .openProperty(let name):
            return say(
                "property `\(name)` may not be just anything any more",
                "property `\(name)` may be anything, which it might not before")
        case .closedArray(let count):
            return say(
                "no more than \(count) elements are allowed", "no more than \(count) elements were allowed")
        case .unique: return say("elements have to differ now", "elements need no longer differ")
        case .contains:
            return say(
                "`contains` asks for elements that need not have been there",
                "`contains` asked for elements that need no longer be there")
        case .negation:
            return say("what `not` excludes was allowed", "what `not` excluded is allowed")
        case .exclusive(let first, let second):
            return say(
                "alternatives \(first) and \(second) of `oneOf` may both accept a value",
                "alternatives \(first) and \(second) of `oneOf` in the older version may both accept a value")
        case .alternatives:
            return say(
                "no alternative accepts all that was allowed",
                "no alternative of the older version accepts all that is allowed")
        case .notCompared:
            return keyword.isEmpty
                ? "cannot be told to accept everything that was accepted" : "`\(keyword)` is not compared"
        case .tooManyPatterns: return "there are too many patterns for names to be compared"
        }
    }

    private func change(_ keyword: String, _ writer: JSONValue?, _ reader: JSONValue?) -> String {
        let old = writerIsOld ? writer : reader
        let new = writerIsOld ? reader : writer
        switch (old, new) {
        case (let old?, let new?) where old == new:
            return "`\(keyword)` \(Self.short(new)) holds for other values"
        case (let old?, let new?): return "`\(keyword)` \(Self.short(old)) became \(Self.short(new))"
        case (nil, let new?): return "`\(keyword)` \(Self.short(new)) is new"
        case (let old?, nil): return "`\(keyword)` \(Self.short(old)) is gone"
        case (nil, nil): return "`\(keyword)` changed"
        }
    }

    private static func short(_ value: JSONValue) -> String {
        let text = value.description
        return text.count > 60 ? String(text.prefix(57)) + "..." : text
    }
}
