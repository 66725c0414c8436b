// SPDX-License-Identifier: Apache-2.0

// Consumer groups of Kafka's clients, to look at: who is in them and how far they are.

internal import ApusEngine
internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// Routes about consumer groups.
enum GroupRoutes {
    static let all: [Route] = [list, get]

    private static let list = Route(
        method: .get, path: PathTemplate("/v1/groups"), operation: "listGroups",
        summary: "Lists consumer groups of Kafka clients by name.",
        chapter: .groups, parameters: [.search] + QueryParameter.page,
        successes: [.json(.ok, "A page of groups.", .groups)],
        problems: [.invalid],
        handler: .answer { context, call throws(Problem) in
            let page = try call.query.page()
            let groups = try names(context, page).map { name throws(Problem) in
                try view(name, context) ?? GroupView(name: name, .positionsOnly, [])
            }
            return .page("groups", groups, of: page, next: \.name) { $0.groupSummary($1) }
        })

    private static let get = Route(
        method: .get, path: PathTemplate("/v1/groups/{group}"), operation: "getGroup",
        summary: "The members of a consumer group, and how far it is in each partition.", chapter: .groups,
        successes: [.json(.ok, "The group.", .group)], problems: [.notFound],
        handler: .answer { context, call throws(Problem) in
            let name = call.pathValues.first ?? ""
            guard let group = try view(name, context) else {
                throw Problem(
                    .notFound, "there is no group '\(name.prefix(80))'",
                    hint: "groups are made by Kafka clients that join them or commit positions")
            }
            return .json { $0.group(group) }
        })

    /// The names of a page: of groups with members and of those with positions.
    private static func names(_ context: GatewayContext, _ page: Page) throws(Problem) -> [String] {
        var names = Set(context.configuration.groups?.groupNames() ?? [])
        names.formUnion(try ask { () throws(CoordinatorError) in try context.broker.groupsWithOffsets() })
        let wanted = page.search.map { $0.lowercased() }
        let found = names.filter { name in
            guard page.after.map({ name > $0 }) ?? true else { return false }
            return wanted.map { name.lowercased().contains($0) } ?? true
        }
        return Array(found.sorted().prefix(page.limit))
    }

    private static func view(_ name: String, _ context: GatewayContext) throws(Problem) -> GroupView? {
        let membership = context.configuration.groups?.membership(of: name)
        let assigned = (membership?.members ?? []).flatMap(\.partitions)
        let progress = try ask { () throws(CoordinatorError) in
            try context.broker.progress(ofGroup: name, also: assigned)
        }
        guard membership != nil || !progress.isEmpty else { return nil }
        return GroupView(name: name, membership ?? .positionsOnly, progress)
    }

    private static func ask<Value>(_ body: () throws(CoordinatorError) -> Value) throws(Problem) -> Value {
        do throws(CoordinatorError) { return try body() } catch {
            throw Problem(error, group: "")
        }
    }
}
