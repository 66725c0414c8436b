// SPDX-License-Identifier: Apache-2.0

// The OpenAPI 3.1 document, made from the routes and the schemas that the handlers use.

internal import ApusHTTPCodec
internal import CloudEvents
internal import JSONText

/// Describes the API to programs.
enum OpenAPIDocument {
    /// The document as JSON.
    static func json(_ routes: [Route], version: String, needsToken: Bool) -> JSONValue {
        var document = JSONObject()
        document["openapi"] = "3.1.0"
        document["info"] = [
            "title": "Apus", "version": .string(version),
            "description": "An event bus in one binary: publish, read, subscribe, route.",
            "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
        ]
        document["servers"] = [["url": "/"]]
        document["tags"] = .array(Route.Chapter.allCases.map { ["name": .string($0.rawValue)] })
        document["paths"] = paths(routes)
        document["components"] = components(routes, needsToken: needsToken)
        if needsToken { document["security"] = [["token": []]] }
        return .object(document)
    }

    private static func paths(_ routes: [Route]) -> JSONValue {
        var paths = JSONObject()
        for route in routes {
            var path = paths[route.path.description]?.object ?? JSONObject()
            path[route.method.name.lowercased()] = operation(route)
            paths[route.path.description] = .object(path)
        }
        return .object(paths)
    }

    private static func operation(_ route: Route) -> JSONValue {
        var operation = JSONObject()
        operation["operationId"] = .string(route.operation)
        operation["summary"] = .string(route.summary)
        operation["tags"] = [.string(route.chapter.rawValue)]
        let parameters = route.path.parameters.map(pathParameter) + route.parameters.map(queryParameter)
        if !parameters.isEmpty { operation["parameters"] = .array(parameters) }
        if let body = body(route.body) { operation["requestBody"] = body }
        operation["responses"] = responses(route)
        return .object(operation)
    }

    // MARK: Requests

    private static func pathParameter(_ name: String) -> JSONValue {
        // Kafka's groups, subjects of schemas and types of events are called whatever people like.
        let schema = ["group", "subject", "type"].contains(name) ? Schema.text : Schema.name
        return ["name": .string(name), "in": "path", "required": true, "schema": schema.json]
    }

    private static func queryParameter(_ parameter: QueryParameter) -> JSONValue {
        let schema = parameter.isRepeatable ? Schema.list(parameter.schema) : parameter.schema
        return [
            "name": .string(parameter.name), "in": "query", "description": .string(parameter.about),
            "schema": schema.json,
        ]
    }

    private static func body(_ body: RequestBody) -> JSONValue? {
        switch body {
        case .none: nil
        case .json(let schema):
            ["required": true, "content": ["application/json": ["schema": schema.json]]]
        case .optionalJSON(let schema):
            ["required": false, "content": ["application/json": ["schema": schema.json]]]
        case .event:
            [
                "required": true,
                "description": .string(
                    "A CloudEvent in binary mode (attributes as 'ce-' headers), in structured mode, or a batch. A body "
                        + "of another type without such headers becomes an event of type "
                        + "'\(PublishDecoder.plainType)'."),
                "content": [
                    CloudEventJSONFormat.contentType: ["schema": Schema.reference(.cloudEvent).json],
                    CloudEventJSONFormat.batchContentType: [
                        "schema": Schema.list(.reference(.cloudEvent)).json
                    ],
                    "application/json": ["schema": [:]],
                ],
            ]
        }
    }

    // MARK: Responses

    private static func responses(_ route: Route) -> JSONValue {
        var responses = JSONObject()
        for success in route.successes { responses[String(success.status.code)] = response(success) }
        let codes = Set((route.problems + Problem.Kind.common).map(\.status.code)).sorted()
        for code in codes {
            let isPartial = code == 503 && route.problems.contains(.partial)
            let name = isPartial ? "PartlyStored" : "Problem\(code)"
            responses[String(code)] = ["$ref": .string("#/components/responses/\(name)")]
        }
        return .object(responses)
    }

    private static func response(_ success: Success) -> JSONValue {
        var response = JSONObject()
        response["description"] = .string(success.about)
        if !success.fields.isEmpty {
            var fields = JSONObject()
            for field in success.fields {
                fields[field.name] = ["description": .string(field.about), "schema": Schema.count.json]
            }
            response["headers"] = .object(fields)
        }
        if !success.content.isEmpty {
            var content = JSONObject()
            for form in success.content { content[form.mediaType] = ["schema": form.schema.json] }
            response["content"] = .object(content)
        }
        return .object(response)
    }

    // MARK: Components

    private static func components(_ routes: [Route], needsToken: Bool) -> JSONValue {
        var schemas = JSONObject()
        for definition in Definition.allCases { schemas[definition.rawValue] = definition.schema.json }
        var components = JSONObject()
        components["schemas"] = .object(schemas)
        components["responses"] = problemResponses(routes)
        if needsToken { components["securitySchemes"] = ["token": ["type": "http", "scheme": "bearer"]] }
        return .object(components)
    }

    /// One response for each status that a problem can have; what problems of the same status differ in is their type.
    private static func problemResponses(_ routes: [Route]) -> JSONValue {
        var responses = JSONObject()
        let kinds = Set(routes.flatMap(\.problems) + Problem.Kind.common)
        for code in Set(kinds.map(\.status.code)).sorted() {
            let titles = Problem.Kind.allCases.filter { kinds.contains($0) && $0.status.code == code }.map(
                \.title)
            responses["Problem\(code)"] = problemResponse(
                titles.joined(separator: ", or: ") + ".", .reference(.problem), code)
        }
        if kinds.contains(.partial) {
            responses["PartlyStored"] = problemResponse(
                "Nothing was stored; or of a batch only a part, then 'receipts' tells which.",
                .either([.reference(.partialReceipts), .reference(.problem)]), 503)
        }
        return .object(responses)
    }

    private static func problemResponse(_ about: String, _ schema: Schema, _ code: UInt16) -> JSONValue {
        var response = JSONObject()
        response["description"] = .string(about)
        if code == 503 {
            response["headers"] = [
                "Retry-After": [
                    "description": "Seconds to wait before the next try.", "schema": Schema.count.json,
                ]
            ]
        }
        response["content"] = ["application/problem+json": ["schema": schema.json]]
        return .object(response)
    }
}
