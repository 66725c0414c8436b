// SPDX-License-Identifier: Apache-2.0

// Lists come in pages, all of the same form.

public import JSONText

/// A part of a list.
public struct Page<Element: Sendable>: Sendable {
    /// The elements, in the order of the list.
    public var elements: [Element]
    /// Where the next page begins; nil when this is the last one.
    public var next: String?
    /// The answer as it came.
    public var json: JSONValue
}

extension ApusClient {
    /// Asks for one page of a list, whose elements the answer has under `member`.
    func page<Element: Sendable>(
        _ request: APIRequest, member: String, limit: Int?, after: String?,
        _ decode: (JSONValue) throws(ApusClientError) -> Element
    ) async throws(ApusClientError) -> Page<Element> {
        var request = request
        request.add("limit", limit.map(String.init))
        request.add("after", after)
        let json = try await send(request).json()
        let fields = try JSONFields(json, "a list")
        return Page(
            elements: try fields.array(member).decoded(decode), next: fields.optionalString("next"),
            json: json)
    }

    /// Puts together the pages of a list.
    public func all<Element: Sendable>(
        _ page: (_ after: String?) async throws(ApusClientError) -> Page<Element>
    ) async throws(ApusClientError) -> [Element] {
        var elements: [Element] = []
        var after: String?
        repeat {
            let next = try await page(after)
            elements += next.elements
            after = next.next
        } while after != nil
        return elements
    }
}
