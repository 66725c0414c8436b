// SPDX-License-Identifier: Apache-2.0

// Whole command lines against a stub: exact output, exit statuses, and what was asked of the server.

import ApusCLI
import JSONText
import Testing

@Suite struct CommandTests {
    private func run(
        _ arguments: [String], input: String = "", _ handler: @escaping StubServer.Handler
    ) async throws -> (outcome: CommandOutcome, requests: [StubRequest]) {
        try await StubServer.run(handler) { url, stub in
            let outcome = await Command.run(arguments, input: input, variables: ["APUS_URL": url])
            return (outcome, stub.requests)
        }
    }

    // MARK: Command line

    @Test func `a mistyped command gets a suggestion and status 2`() async {
        let outcome = await Command.run(["tpoic", "list"])
        #expect(outcome.status == .usage)
        #expect(outcome.output == "")
        #expect(
            outcome.errors == """
                error: there is no command 'tpoic'
                  why: did you mean 'topic'?
                  try: apus --help

                """)
        let nested = await Command.run(["--json", "topic", "lsit"])
        #expect(
            nested.errors == #"""
                {"error":{"what":"there is no command 'lsit'","why":"did you mean 'list'?","fix":"apus topic --help","exit":2}}

                """#)
    }

    @Test func `help for a word that is no command gets a suggestion, too`() async {
        let outcome = await Command.run(["help", "topic", "lsit"])
        #expect(outcome.status == .usage)
        #expect(outcome.errors.hasPrefix("error: there is no command 'lsit'\n  why: did you mean 'list'?\n"))
        #expect(await Command.run(["help", "topic", "list"]).status == .ok)
    }

    @Test(arguments: [
        ("create it with PUT /v1/topics/orders", "create it with 'apus topic create orders'"),
        (
            "create it with PUT /v1/subscriptions/s",
            "create it with 'apus subscription create s --topic TOPIC'"
        ),
        ("PUT /v1/topics/orders, and publish", "'apus topic create orders', and publish"),
        ("GET /openapi.json lists everything", "GET /openapi.json lists everything"),
        ("GET", "GET"), ("", ""),
    ])
    func `hints that name a request name the command instead`(hint: String, told: String) async throws {
        let (outcome, _) = try await run(["topic", "show", "t"]) { _ in
            .json(#"{"title":"No","hint":"\#(hint)"}"#, status: 404)
        }
        #expect(outcome.errors == "error: No\n  try: \(told)\n")
    }

    @Test func `help is data, begins with examples, and is no failure`() async {
        let outcome = await Command.run(["tail", "--help"])
        #expect(outcome.status == .ok)
        #expect(outcome.errors == "")
        #expect(outcome.output.hasPrefix("OVERVIEW: Show events as they arrive.\n\nEXAMPLES\n"))
        #expect(await Command.run(["--version"]).output == Version.text + "\n")
        #expect(await Command.run(["help", "exit-codes"]).output.contains("    5  no server answers"))
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `there is a completion script for each shell`(shell: String) async {
        let outcome = await Command.run(["completions", shell])
        #expect(outcome.status == .ok)
        #expect(outcome.output.contains("dead-letter"))
    }

    @Test(arguments: [
        ["publish"], ["publish", "t", "x", "--file", "f"], ["publish", "t", "--skip", "1"],
        ["tail", "--from", "xx"],
        ["tail", "--count", "0"], ["get", "t", "--wait", "5w"], ["topic", "set", "t"],
        ["dead-letter", "redrive"],
        ["dead-letter", "redrive", "--all", "--topic", "t"], ["rule", "set", "r", "--topic", "t"],
        ["rule", "test", "--event", "-"], ["bench", "--batch", "0"], ["topic", "delete", "t"],
        ["publish", "t", "--url", "x", "y"],
        ["serve", "--listen", "nowhere"], ["subscription", "create", "s"],
        ["subscription", "set", "s", "--ordering", "tenant"],
        ["subscription", "set", "s", "--weight", "a=2"],
        ["subscription", "set", "s", "--fairness", "key", "--weight", "a=0"],
        ["subscription", "set", "s", "--on-dead-letter", "block"],
    ])
    func `command lines that make no sense end with status 2`(arguments: [String]) async {
        let outcome = await Command.run(arguments)
        #expect(outcome.status == .usage)
        #expect(outcome.errors.hasPrefix("error: "))
    }

    @Test(arguments: [
        (403, CommandStatus.denied), (404, .notFound), (409, .failure), (408, .timeout),
    ])
    func `statuses of the server become exit statuses`(status: Int, exit: CommandStatus) async throws {
        let (outcome, _) = try await run(["topic", "show", "t"]) { _ in
            .json(#"{"title":"No","detail":"because","hint":"do this"}"#, status: status)
        }
        #expect(outcome.status == exit)
        #expect(outcome.errors == "error: No\n  why: because\n  try: do this\n")
    }

    @Test func `where a token is wanted, the options for it are named`() async throws {
        let (outcome, _) = try await run(["topic", "show", "t"]) { _ in
            .json(#"{"title":"No","hint":"send 'Authorization: Bearer TOKEN'"}"#, status: 401)
        }
        #expect(outcome.status == .denied)
        #expect(outcome.errors == "error: No\n  try: --token-file FILE, or put the token into APUS_TOKEN\n")
    }

    @Test func `no server is status 5, at once`() async throws {
        let url = try await StubServer.run({ _ in .json("") }) { url, _ in url }
        let outcome = await Command.run(["publish", "t", "x", "--url", url])
        #expect(outcome.status == .unreachable)
        #expect(outcome.errors.contains("try: start one with 'apus dev'"))
    }

    @Test func `options of all commands may stand before the command`() async throws {
        let (outcome, requests) = try await run(["--json", "--timeout", "5s", "topic", "show", "t"]) { _ in
            .json(#"{"name":"t","partitions":1,"durability":"flush"}"#)
        }
        #expect(outcome.status == .ok)
        #expect(outcome.output == "{\"name\":\"t\",\"partitions\":1,\"durability\":\"flush\"}\n")
        #expect(requests.map(\.path) == ["/v1/topics/t"])
    }

    // MARK: Events

    @Test func `publish sends data from the command line or a pipe`() async throws {
        let receipt = StubAnswer.json(#"{"topic":"orders","partition":0,"offset":42}"#)
        let (outcome, requests) = try await run(
            ["publish", "orders", #"{"id": 1}"#, "--id", "7", "--type", "t", "--key", "k"]
        ) { _ in receipt }
        #expect(outcome.output == "published to orders, partition 0, offset 42\n")
        #expect(
            requests.first?.body == #"""
                {"specversion":"1.0","id":"7","source":"/apus/cli","type":"t","partitionkey":"k","datacontenttype":"application/json","data":{"id": 1}}
                """#)
        let (piped, pipedRequests) = try await run(["publish", "orders", "--json"], input: "hello\n") { _ in
            receipt
        }
        #expect(piped.output == "{\"topic\":\"orders\",\"partition\":0,\"offset\":42}\n")
        #expect(pipedRequests.first?.body.hasSuffix(#""data":"hello"}"#) == true)
    }

    @Test func `publish says when the event had been published before`() async throws {
        let receipt = StubAnswer.json(#"{"topic":"orders","partition":0,"offset":42,"duplicate":true}"#)
        let (told, _) = try await run(["publish", "orders", "x"]) { _ in receipt }
        #expect(told.output == "published before to orders, partition 0, offset 42\n")
        let (single, _) = try await run(["publish", "orders", "x", "--json"]) { _ in receipt }
        #expect(single.output == "{\"topic\":\"orders\",\"partition\":0,\"offset\":42,\"duplicate\":true}\n")
        let (lines, _) = try await run(["publish", "orders", "--file", "-", "--json"], input: "x\n") { _ in
            .json(#"{"receipts":[{"topic":"orders","partition":0,"offset":42,"duplicate":true}]}"#)
        }
        #expect(
            lines.output.hasPrefix(
                "{\"number\":0,\"topic\":\"orders\",\"partition\":0,\"offset\":42,\"duplicate\":true}\n"))
    }

    @Test func `publish tries again when the server cannot now`() async throws {
        let attempts = Counter()
        let (outcome, _) = try await run(["publish", "t", "x"]) { _ in
            attempts.next() < 2
                ? .json(#"{"title":"Not now","retryable":true}"#, status: 503)
                : .json(#"{"topic":"t","partition":0,"offset":0}"#)
        }
        #expect(outcome.status == .ok)
        #expect(attempts.value == 3)
    }

    @Test func `a file's lines are events as they are, or data`() async throws {
        let event = #"{"specversion":"1.0","id":"1","source":"s","type":"t"}"#
        let (outcome, requests) = try await run(
            ["publish", "orders", "--file", "-", "--skip", "1"], input: "skipped\n\(event)\n\n[1]\n"
        ) { Self.receipts(for: $0) }
        #expect(outcome.status == .ok)
        #expect(outcome.output.hasPrefix("published 2 events to orders in "))
        let batch = try JSONValue(parsing: try #require(requests.first).body).array ?? []
        #expect(batch.first?.description == event)
        #expect(batch.last?["data"] == [1])
    }

    @Test func `a line that is meant as an event is never the data of another`() async throws {
        let event = #"{"specversion":"1.0","source":"s","type":"t"}"#
        let lines = (0..<600).map { "\($0)\n" }.joined() + event + "\n"
        let (outcome, requests) = try await run(
            ["publish", "orders", "--file", "-", "--in-flight", "1"], input: lines
        ) { request in
            guard request.body.hasSuffix(event + "]") else { return Self.receipts(for: request) }
            return .json(#"{"title":"Malformed request","detail":"event 100: id is required"}"#, status: 400)
        }
        #expect(requests.last?.body.hasSuffix(event + "]") == true)
        #expect(
            outcome.errors == """
                error: Malformed request (500 events of this run are acknowledged)
                  why: event 600 of the input, counted from 0: id is required
                  try: the same command with --skip 500

                """)
    }

    @Test func `a file that breaks says what is acknowledged and how to go on`() async throws {
        let lines = (0..<1200).map { "\($0)\n" }.joined()
        let batches = Counter()
        let (outcome, _) = try await run(["publish", "orders", "--file", "-"], input: lines) { request in
            batches.next() < 1 ? Self.receipts(for: request) : .json(#"{"title":"Too large"}"#, status: 413)
        }
        #expect(outcome.status == .failure)
        #expect(
            outcome.errors == """
                error: Too large (500 events of this run are acknowledged)
                  try: the same command with --skip 500

                """)
    }

    @Test func `the order of each key is kept with several requests under way`() async throws {
        let lines = (0..<3000).map {
            #"{"specversion":"1.0","id":"\#($0)","source":"s","type":"t","partitionkey":"k\#($0 % 7)"}"#
                + "\n"
        }
        let (outcome, requests) = try await run(["publish", "t", "--file", "-"], input: lines.joined()) {
            Self.receipts(for: $0)
        }
        #expect(outcome.status == .ok)
        var seen: [String: [Int]] = [:]
        for request in requests {
            for event in try JSONValue(parsing: request.body).array ?? [] {
                let id = event["id"]?.string.flatMap { Int($0) } ?? -1
                seen[event["partitionkey"]?.string ?? "", default: []].append(id)
            }
        }
        #expect(seen.count == 7)
        #expect(seen.values.allSatisfy { $0 == $0.sorted() })
        #expect(seen.values.map(\.count).reduce(0, +) == 3000)
    }

    @Test func `receive prints the events and acknowledges them when asked to`() async throws {
        let delivery =
            #"{"lease":"L","attempt":1,"topic":"t","partition":0,"offset":5,"time":"2026-11-23T21:00:00Z","key":null,"event":{"id":"1","type":"a"}}"#
        let (outcome, requests) = try await run(["receive", "s", "--ack"]) { request in
            request.path.hasSuffix("receive")
                ? .json(#"{"deliveries":[\#(delivery)]}"#)
                : .json(#"{"results":[{"lease":"L","status":"ok"}]}"#)
        }
        #expect(outcome.output == "21:00:00.000  t/0@5  a\n")
        #expect(requests.map(\.path) == ["/v1/subscriptions/s/receive", "/v1/subscriptions/s/ack"])
    }

    @Test func `get reads page after page up to its limit`() async throws {
        let (outcome, requests) = try await run(["get", "t", "--limit", "3", "--data-only"]) { request in
            let first = request.path.contains("from=earliest") ? 0 : 2
            let events = (first..<first + 2).map {
                #"{"partition":0,"offset":\#($0),"time":"x","key":null,"event":{"data":\#($0)}}"#
            }
            return .json(#"{"events":[\#(events.joined(separator: ","))],"next":\#(first + 2),"end":9}"#)
        }
        #expect(outcome.output == "0\n1\n2\n3\n")
        #expect(requests.map(\.path).last == "/v1/topics/t/events?from=2&partition=0&limit=1")
    }

    // MARK: Administration

    @Test func `topic list is a table, or a line of JSON for each`() async throws {
        let topic = #"""
            {"name":"orders","id":"x","partitions":1,"durability":"flush","retention":{"age":"7d","bytes":null},"positions":[{"partition":0,"start":2,"end":1002,"bytes":2048}]}
            """#
        let answer = StubAnswer.json(#"{"topics":[\#(topic)],"next":null}"#)
        let (table, _) = try await run(["topic", "list"]) { _ in answer }
        #expect(
            table.output == """
                NAME    PARTITIONS  DURABILITY  KEEPS  EVENTS     SIZE
                orders           1  flush       7d      1,000  2.0 KiB

                """)
        // What compaction has taken out is not known.
        let compacted = topic.replacing(#""name":"orders""#, with: #""name":"prices","cleanup":"compact""#)
        let (bound, _) = try await run(["topic", "list"]) { _ in
            .json(#"{"topics":[\#(compacted)],"next":null}"#)
        }
        #expect(bound.output.contains("last of each key  at most 1,000  2.0 KiB"))
        let (json, _) = try await run(["topic", "list", "--json"]) { _ in answer }
        #expect(json.output == topic + "\n")
        let (empty, _) = try await run(["topic", "list"]) { _ in .json(#"{"topics":[],"next":null}"#) }
        #expect(empty.output == "")
        #expect(empty.errors == "no topics; make one with 'apus topic create NAME'\n")
    }

    @Test func `topic create names only the settings that were given`() async throws {
        let (outcome, requests) = try await run(
            [
                "topic", "create", "t", "--retention", "never", "--retention-size", "1G", "--durability",
                "100ms",
            ]
        ) { _ in .json(#"{"name":"t","partitions":1,"durability":"100ms"}"#, status: 201) }
        #expect(outcome.output == "created topic t\n")
        #expect(requests.first?.method == "PUT")
        #expect(
            requests.first?.body == #"{"durability":"100ms","retention":{"age":null,"bytes":1073741824}}"#)
    }

    @Test func `changing a topic that is not there does not make one`() async throws {
        let (outcome, requests) = try await run(["topic", "set", "tpyo", "--retention", "1d"]) { _ in
            .json(#"{"title":"Not found"}"#, status: 404)
        }
        #expect(outcome.status == .notFound)
        #expect(requests.map(\.method) == ["GET"])
    }

    @Test func `a subscription is created with its settings`() async throws {
        let (_, requests) = try await run(
            [
                "subscription", "create", "hooks", "--topic", "orders", "--push", "https://example.org/hook",
                "--push-timeout", "5s", "--pattern", #"{"type": ["a"]}"#, "--retry-max", "1m",
            ]
        ) { _ in .json(#"{"name":"hooks","topic":"orders"}"#, status: 201) }
        #expect(
            requests.first?.body == #"""
                {"topic":"orders","kind":"shared","start":"latest","pattern":{"type":["a"]},"retry":{"max":"1m"},"push":{"url":"https://example.org/hook","timeout":"5s"}}
                """#)
    }

    @Test func `a subscription is told who goes first`() async throws {
        let (_, requests) = try await run(
            [
                "subscription", "set", "s", "--ordering", "key", "--on-dead-letter", "block", "--fairness",
                "attribute:tenant", "--weight", "gold=10", "--weight", "a=b=2", "--priority", "none",
            ]
        ) { _ in .json(#"{"name":"s","topic":"orders"}"#, status: 200) }
        #expect(
            requests.last?.body == #"""
                {"ordering":{"by":"key","on_dead_letter":"block"},"fairness":{"by":"attribute:tenant","weights":{"gold":10,"a=b":2}},"priority":null}
                """#)
    }

    @Test func `a rule test explains itself and ends with 1 when nothing matches`() async throws {
        let (outcome, _) = try await run(
            ["rule", "test", "--pattern", #"{"data": {"total": [1]}}"#, "--data", #"{"total": 2}"#]
        ) { _ in
            .json(
                #"{"matched":false,"leaves":[{"path":"data.total","expected":[1],"found":[2],"matched":false},{"path":"x","expected":[],"found":[],"matched":true}]}"#
            )
        }
        #expect(outcome.status == .failure)
        #expect(
            outcome.output == """
                does not match
                  no  data.total: expected 1, found 2
                  ok  x: expected anything, found nothing

                """)
    }

    @Test func `a rule test shows what the targets of a rule would get`() async throws {
        let rule =
            #"{"name":"vip","topic":"o","pattern":{},"targets":[{"topic":"plain"},{"topic":"a","transformation":{"input":1}},{"webhook":{"url":"http://x"},"transformation":{"input":2}}]}"#
        let (outcome, requests) = try await run(
            ["rule", "test", "--rule", "vip", "--data", #"{"total": 2}"#]
        ) { request in
            guard request.method == "POST" else { return .json(rule) }
            let answers = [
                #"{"input":1}"#: #""transformed":{"id":"1","data":1},"failure":null"#,
                #"{"input":2}"#: #""transformed":null,"failure":"it cannot be""#,
            ]
            let body = try? JSONValue(parsing: request.body)
            let rest =
                body?["transformation"].flatMap { answers[$0.description] }
                ?? #""transformed":null,"failure":null"#
            return .json(#"{"matched":true,"leaves":[],"note":null,\#(rest)}"#)
        }
        #expect(outcome.status == .failure)
        #expect(
            outcome.output == """
                matches
                  ->  a: {"id":"1","data":1}
                  no  http://x: it cannot be

                """)
        let told = requests.compactMap { try? JSONValue(parsing: $0.body) }.filter {
            $0["transformation"] != nil
        }
        #expect(told.map { $0["rule"] } == ["vip", "vip"])
        #expect(told.map { $0["topic"] } == ["o", "o"])
    }

    @Test func `a rule is made with a transformation from a file`() async throws {
        let (outcome, requests) = try await run(
            [
                "rule", "set", "vip", "--topic", "o", "--pattern", "{}", "--to-topic", "a", "--to-topic", "b",
                "--transform", "-",
            ], input: #"{"input": 1}"#
        ) { _ in .json(#"{"name":"vip","topic":"o"}"#, status: 201) }
        #expect(outcome.status == .ok)
        let targets = try JSONValue(parsing: requests.first?.body ?? "")["targets"]?.array
        #expect(targets?.map { $0["transformation"] } == [["input": 1], ["input": 1]])
        #expect(targets?.map { $0["topic"] } == ["a", "b"])
    }

    @Test func `verdicts that come too late are a failure`() async throws {
        let (outcome, _) = try await run(["subscription", "ack", "s", "A", "B"]) { _ in
            .json(#"{"results":[{"lease":"A","status":"ok"},{"lease":"B","status":"expired"}]}"#)
        }
        #expect(outcome.status == .failure)
        #expect(outcome.output == "A  ok\nB  expired\n")
        #expect(outcome.errors.hasPrefix("error: 1 of 2 leases had expired\n"))
    }

    @Test func `trying a rule goes on until nothing is left, and adds up`() async throws {
        let event =
            #"{"topic":"o","partition":0,"offset":7,"time":"2026-11-23T21:00:00Z","key":null,"event":"#
            + #"{"specversion":"1.0","id":"e1","source":"/s","type":"placed"},"destinations":[{"topic":"vip","partition":2},{"webhook":"https://example.org/"}]}"#
        let (outcome, requests) = try await run(["rule", "try", "--rule", "vip", "--from", "7d"]) { request in
            guard request.path == "/v1/rules/try" else {
                return .json(
                    #"{"name":"vip","topic":"o","pattern":{"type":["placed"]},"targets":[{"topic":"vip"}]}"#)
            }
            guard request.body.contains("rest") else {
                return .json(
                    #"{"looked":1500,"matched":1,"unreadable":0,"events":[\#(event)],"#
                        + #""rest":[{"partition":0,"next":5,"end":9}]}"#)
            }
            return .json(#"{"looked":500,"matched":3,"unreadable":0,"events":[],"rest":[]}"#)
        }
        #expect(outcome.output.contains("o/0/7"))
        #expect(outcome.output.contains("vip/2, https://example.org/"))
        #expect(outcome.output.hasSuffix("4 of 2,000 events would match (0.2 %)\n"))
        #expect(
            requests.map(\.body).dropFirst() == [
                #"{"topic":"o","pattern":{"type":["placed"]},"targets":[{"topic":"vip"}],"from":"7d","show":10}"#,
                #"{"topic":"o","pattern":{"type":["placed"]},"targets":[{"topic":"vip"}],"show":9,"rest":[{"partition":0,"next":5,"end":9}]}"#,
            ])
    }

    @Test func `trying a rule on the newest events shows the newest of all steps first`() async throws {
        @Sendable func event(_ offset: Int, _ second: Int) -> String {
            #"{"topic":"o","partition":0,"offset":\#(offset),"time":"2026-11-23T21:00:0\#(second).000Z","key":null,"#
                + #""event":{"specversion":"1.0","id":"e","source":"/s","type":"t"},"destinations":[]}"#
        }
        let line = ["rule", "try", "--topic", "o", "--pattern", "{}", "--newest", "1000", "--limit", "2"]
        let (outcome, requests) = try await run(line) { request in
            guard request.body.contains("rest") else {
                return .json(
                    #"{"looked":500,"matched":2,"unreadable":0,"events":[\#(event(1, 5)),\#(event(2, 3))],"#
                        + #""rest":[{"partition":0,"next":5,"end":9}]}"#)
            }
            return .json(
                #"{"looked":500,"matched":1,"unreadable":0,"events":[\#(event(3, 4))],"rest":[]}"#)
        }
        let places = outcome.output.split(separator: "\n").dropFirst().map { $0.prefix(5) }
        #expect(places == ["o/0/1", "o/0/3", "3 of "])
        #expect(
            requests.map(\.body) == [
                #"{"topic":"o","pattern":{},"newest":1000,"show":2}"#,
                #"{"topic":"o","pattern":{},"newest":1000,"show":2,"rest":[{"partition":0,"next":5,"end":9}]}"#,
            ])
    }

    @Test func `causes of dead letters are added up over all steps`() async throws {
        @Sendable func cause(_ count: Int, _ last: Int) -> String {
            let letter =
                #"{"id":"o.dead-letter/0/\#(last)","subscription":"s","rule":null,"target":null,"feed":null,"reason":"gate 4 is shut","#
                + #""attempts":1,"status":null,"first":"x","last":"x","origin":null,"event":{"specversion":"1.0","id":"e","source":"/s","type":"t\#(last)"}}"#
            return #"{"subscription":"s","rule":null,"feed":null,"cause":"gate … is shut","count":\#(count),"#
                + #""first":"2026-11-23T21:00:0\#(last).000Z","last":"2026-11-23T21:00:0\#(last).000Z","sample":\#(letter)}"#
        }
        let (outcome, requests) = try await run(["dead-letter", "causes", "--since", "1h"]) { request in
            request.path.contains("after")
                ? .json(#"{"causes":[\#(cause(30, 5))],"looked":30,"next":null}"#)
                : .json(#"{"causes":[\#(cause(4000, 2))],"looked":4000,"next":"o.dead-letter/0/4000"}"#)
        }
        let row = outcome.output.split(separator: "\n").last.map(String.init) ?? ""
        #expect(row.hasPrefix("s ") && row.contains("4,030") && row.hasSuffix("gate … is shut"))
        #expect(row.contains("21:00:02") && row.contains("21:00:05") && row.contains("t5"))
        #expect(requests.count == 2)
    }

    @Test func `a group is moved after a look at what that changes`() async throws {
        let answer =
            #"{"applied":false,"positions":[{"topic":"orders","partition":0,"committed":1200,"to":200,"again":1000,"skipped":0},"#
            + #"{"topic":"orders","partition":1,"committed":null,"to":7,"again":0,"skipped":0}]}"#
        let line = ["group", "reset", "billing", "--topic", "orders", "--to", "1h", "--dry-run"]
        let (outcome, requests) = try await run(line) { _ in .json(answer) }
        #expect(
            outcome.output.contains("1,200")
                && outcome.output.hasSuffix("1,000 events would come again, 0 are passed over\n"))
        #expect(requests.map(\.path) == ["/v1/groups/billing/reset"])
        #expect(requests.map(\.body) == [#"{"to":"1h","topic":"orders","dry_run":true}"#])
        let (refused, _) = try await run(["group", "reset", "billing", "--partition", "2", "--to", "1h"]) {
            _ in .json("{}")
        }
        #expect(refused.status == .usage)
    }

    @Test func `dead letters are redriven by selection`() async throws {
        let (outcome, requests) = try await run([
            "dead-letter", "redrive", "--subscription", "s", "--dry-run",
        ]) { _ in
            .json(#"{"matched":1200,"redriven":0}"#)
        }
        #expect(outcome.output == "would redrive 1,200 dead letters\n")
        #expect(requests.first?.body == #"{"subscription":"s","dry_run":true}"#)
    }

    @Test(arguments: [(["redrive"], "redriven"), (["discard", "--yes"], "discarded")])
    func `a dead letter that is named must exist`(verb: [String], member: String) async throws {
        let ids = ["--id", "o.dead-letter/0/7", "--id", "o.dead-letter/0/8"]
        let (outcome, _) = try await run(["dead-letter"] + verb + ids) { _ in
            .json(#"{"matched":1,"\#(member)":1}"#)
        }
        #expect(outcome.status == .notFound)
        #expect(outcome.errors.hasPrefix("error: 1 of 2 dead letters do not exist\n"))
    }

    @Test func `a rule that was shown can be set again`() async throws {
        let shown = #"""
            {"name":"vip","topic":"o","pattern":{},"targets":[{"topic":"v"}],"enabled":true,"created":"2026-11-23T21:00:00Z","matches":3,"subscriptions":[]}
            """#
        let (outcome, requests) = try await run(["rule", "set", "vip", "--file", "-"], input: shown) { _ in
            .json(shown)
        }
        #expect(outcome.status == .ok)
        #expect(
            requests.first?.body == #"{"topic":"o","pattern":{},"targets":[{"topic":"v"}],"enabled":true}"#)
    }

    /// A receipt for each event of a batch.
    private static func receipts(for request: StubRequest) -> StubAnswer {
        let count = (try? JSONValue(parsing: request.body))?.array?.count ?? 0
        let receipts = (0..<count).map { #"{"topic":"t","partition":0,"offset":\#($0)}"# }
        return .json(#"{"receipts":[\#(receipts.joined(separator: ","))]}"#)
    }
}
