// SPDX-License-Identifier: Apache-2.0

// From method and path to a route, or to the problem that there is none: 404 for a path nobody knows, 405 with the
// methods that would do otherwise.

internal import ApusHTTPCodec

/// Finds routes.
struct Router: Sendable {
    /// All routes, in the order of the documentation. Handlers are told apart by their index here.
    let routes: [Route]
    /// Indexes of the routes by how many parts their path has.
    private let byLength: [Int: [Int]]

    init(_ routes: [Route]) {
        self.routes = routes
        byLength = Dictionary(grouping: routes.indices) { routes[$0].path.segments.count }
    }

    /// A route that was found.
    struct Match: Sendable {
        var index: Int
        var values: [String]
    }

    /// The route that is meant.
    ///
    /// - Throws: ``Problem`` when there is none.
    func find(_ head: HTTPRequestHead) throws(Problem) -> Match {
        let path: [String]
        do {
            path = try head.pathSegments()
        } catch {
            throw Problem(.malformed, "the path cannot be decoded")
        }
        return try find(head.method, path)
    }

    func find(_ method: HTTPMethod, _ path: [String]) throws(Problem) -> Match {
        var allowed: [HTTPMethod] = []
        var best: (match: Match, literalCount: Int)?
        for index in byLength[path.count] ?? [] {
            let route = routes[index]
            guard let values = route.path.match(path) else { continue }
            allowed += route.methods
            guard route.methods.contains(method), route.path.literalCount > best?.literalCount ?? -1 else {
                continue
            }
            best = (Match(index: index, values: values), route.path.literalCount)
        }
        if let best { return best.match }
        guard allowed.isEmpty else {
            let names = Set(allowed.map(\.name)).sorted().joined(separator: ", ")
            throw Problem(.methodNotAllowed, "this path does not take that method", hint: "it takes \(names)")
                .with(.allow(names))
        }
        throw Problem(
            .notFound, "there is nothing at '/\(path.joined(separator: "/").prefix(200))'",
            hint: "GET /openapi.json lists everything that there is")
    }
}

extension Route {
    /// The methods that it answers.
    fileprivate var methods: [HTTPMethod] {
        if case .stream = handler { return [method] }
        return method == .get ? [.get, .head] : [method]
    }
}
