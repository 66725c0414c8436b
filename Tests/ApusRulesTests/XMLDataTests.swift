// SPDX-License-Identifier: Apache-2.0

// Patterns over XML data: what a path means, what can be read, and that the matcher, the explanation and the reference agree.

import CloudEvents
import JSONText
import TestThreads
import Testing

@testable import ApusRules

@Suite struct XMLDataTests {
    private static let order = """
        <?xml version="1.0"?>
        <!-- an order -->
        <o:order xmlns:o="urn:orders" id="7" o:state="new">
          <total currency="EUR"> 12.50 </total>
          <item kind="book"><count>1</count></item>
          <item kind="pen"><count>2</count><note>a &lt;b&gt; &#x41;<![CDATA[ & c]]></note></item>
          <empty/><mixed>one<b>two</b> three</mixed>
        </o:order>
        """

    private func matches(_ pattern: String, _ data: String, type: String = "application/xml") throws -> Bool {
        let event = try CloudEvent(
            id: "1", source: "/s", type: "t", dataContentType: type, data: CloudEventData(Array(data.utf8)))
        let pattern = try Pattern(parsing: pattern)
        let isMatch = RuleMatcher([(1, pattern)]).matches(event) == [1]
        #expect(pattern.explain(event).isMatched == isMatch, "\(pattern)")
        return isMatch
    }

    @Test(arguments: [
        (#"{"data":{"order":{"@id":["7"]}}}"#, true), (#"{"data":{"order":{"@id":[7.0]}}}"#, true),
        (#"{"data":{"o:order":{"@id":["7"]}}}"#, true), (#"{"data":{"x:order":{"@id":["7"]}}}"#, false),
        (#"{"data":{"order":{"@o:state":["new"]}}}"#, true),
        (#"{"data":{"order":{"@state":["new"]}}}"#, true),
        (#"{"data":{"order":{"@xmlns:o":[{"exists":true}]}}}"#, false),
        (#"{"data":{"order":{"total":["12.50"]}}}"#, true),
        (#"{"data":{"order":{"total":[{"numeric":[">",12,"<=",12.5]}]}}}"#, true),
        (#"{"data":{"order":{"total":{"@currency":[{"equals-ignore-case":"eur"}]}}}}"#, true),
        // One element must have all that is asked of it.
        (#"{"data":{"order":{"item":{"@kind":["pen"],"count":[2]}}}}"#, true),
        (#"{"data":{"order":{"item":{"@kind":["book"],"count":[2]}}}}"#, false),
        (#"{"data":{"order":{"item":{"@kind":["book"],"note":[{"exists":false}]}}}}"#, true),
        (#"{"data":{"order":{"item":{"@kind":["pen"],"note":[{"exists":false}]}}}}"#, false),
        (#"{"data":{"order":{"item":{"note":["a <b> A & c"]}}}}"#, true),
        (#"{"data":{"order":{"item":[{"exists":true}]}}}"#, false),
        (#"{"data":{"order":{"empty":[""]}}}"#, true),
        (#"{"data":{"order":{"empty":[{"exists":false}]}}}"#, false),
        (#"{"data":{"order":{"mixed":["one three"],"mixed2":[{"exists":false}]}}}"#, true),
        (#"{"data":{"order":{"mixed":{"b":["two"]}}}}"#, true),
        (#"{"data":{"order":[{"exists":true}]}}"#, false), (#"{"data":{"total":[{"exists":true}]}}"#, false),
        (#"{"type":["t"],"data":{"order":{"none":[{"exists":false}]}}}"#, true),
    ])
    func `a path follows elements and attributes`(pattern: String, isMatch: Bool) throws {
        #expect(try matches(pattern, Self.order) == isMatch)
    }

    @Test(arguments: ["application/xml", "text/xml; charset=utf-8", "application/vnd.x+xml"])
    func `the content type says that data is XML`(type: String) throws {
        let pattern = #"{"data":{"a":["1"]}}"#
        #expect(try matches(pattern, "<a>1</a>", type: type))
        #expect(try !matches(pattern, "<a>1</a>", type: "application/json"))
        #expect(try !matches(pattern, "<a>1</a>", type: "text/plain"))
    }

    @Test(arguments: [
        "", "a", "<a>", "<a></b>", "<a/><b/>", "<a/>x", "x<a/>", "<a b=1/>", "<a b='1' b='2'/>",
        "<a b='1'c='2'/>",
        "<a b='<'/>", "<a>&b;</a>", "<a>&</a>", "<a>&#0;</a>", "<a>&#xD800;</a>", "<a>&#;</a>", "<a>]]></a>",
        "<a><!-- -- --></a>", "<a><!-- ", "<a><![CDATA[</a>", "<a><?xml version='1.0'?></a>", "<1/>", "<a:/>",
        "<:a/>", "<a:b:c/>", "<a\u{1}/>", "<a>\u{1}</a>", "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<?xml version='1.1'?><a/>", "<?xml version='1.0' encoding='latin1'?><a/>", "<a/><![CDATA[x]]>",
        "<!ELEMENT a>",
        " <?xml version='1.0'?><a/>", "<a>\u{FFFE}</a>", "<a/ >", "< a/>", "<a / >",
    ])
    func `what is not XML matches no pattern on data`(text: String) throws {
        #expect(try !matches(#"{"data":{"z":[{"exists":false}]}}"#, text) || text.isEmpty)
        #expect(try matches(#"{"type":["t"]}"#, text))
    }

    @Test(arguments: [
        "<a/>", " <a/> ", "\u{FEFF}<a/>", "<?xml version='1.0' encoding='UTF-8' standalone='yes'?><a/>",
        "<a b = 'c' d=\"e'\"/>", "<a >x</a >", "<?pi x?><!-- c --><a/><!-- d --><?pi?>", "<é:ü-1.x/>",
        "<a>&lt;&gt;&amp;&apos;&quot;&#10;&#xA;</a>", "<a>]]&gt;</a>", "<a>\u{85}\u{FFFD}\u{10FFFF}</a>",
    ])
    func `what is XML can be read`(text: String) throws {
        #expect(try matches(#"{"data":{"z":[{"exists":false}]}}"#, text))
    }

    @Test func `depth is limited as it is for JSON`() throws {
        for depth in 127...129 {
            let text = String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
            #expect(try matches(#"{"data":{"z":[{"exists":false}]}}"#, text) == (depth <= 128))
        }
    }

    @Test func `line ends and white space mean what the specification says`() throws {
        #expect(try matches(#"{"data":{"a":["x\ny\nz"]}}"#, "<a>\r\n x\r\ny\rz </a>"))
        #expect(try matches(#"{"data":{"a":{"@b":["x y z"]}}}"#, "<a b='x\r\ny\tz'/>"))
    }

    @Test(.ownThread, arguments: 0..<6)
    func `the matcher agrees with the reference on random documents`(block: UInt64) throws {
        var scratch = MatchScratch()
        var matchCount = 0
        for seed in seedsToTry(block: block, of: 12) {
            var cases = RandomCases(seed: 500 + seed)
            let patterns = (0..<10).map { _ in cases.documentPattern() }
            let rules = patterns.enumerated().compactMap { index, pattern in
                (try? Pattern(parsing: pattern.description)).map { (id: index, pattern: $0) }
            }
            let matcher = RuleMatcher(rules)
            for _ in 0..<14 {
                let (text, tree) = cases.document()
                let found = Array(text.utf8).withUnsafeBytes { bytes in
                    var input = MatchInput()
                    input.data = bytes
                    input.dataKind = .xml
                    return matcher.match(input, scratch: &scratch)
                }
                let event = Tree.object([("data", tree)])
                let expected = rules.map(\.id).filter { ReferenceMatcher.matches(patterns[$0], event) }
                #expect(found == expected, "seed \(seed): \(text) \(patterns)")
                let explainer = Explainer(attributes: [], data: Array(text.utf8), kind: .xml)
                #expect(rules.filter { explainer.matches($0.pattern) }.map(\.id) == expected)
                matchCount += found.count
            }
        }
        #expect(matchCount > casesToTry(of: 40), "the cases hardly ever match")
    }
}
