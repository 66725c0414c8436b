// SPDX-License-Identifier: Apache-2.0

// What EventBridge documents of its input transformer, and where Apus does otherwise on purpose.

import ApusTransform
import CloudEvents
import JSONText
import Testing

@Suite struct EventBridgeTests {
    private let data =
        #"{"instance-id": "i-0123456789", "state": "RUNNING", "tags": {"a": "x\"y", "n": [1, 2.50, null]}}"#
    private let paths = [
        ("instance", "$.data.instance-id"), ("state", "$.data.state"), ("data", "$.data"),
        ("tags", "$.data.tags"), ("none", "$.data.none"),
    ]

    @Test(arguments: [
        (#""instance <instance> is in <state>""#, #""instance i-0123456789 is in RUNNING""#),
        (#""instance \"<instance>\" is in <state>""#, #""instance \"i-0123456789\" is in RUNNING""#),
        (#"{"instance" : <instance>, "state": <state> }"#, #"{"instance":"i-0123456789","state":"RUNNING"}"#),
        (#"{"instance": "<instance>"}"#, #"{"instance":"i-0123456789"}"#),
        (
            #"{"instance": <instance>, "state": [9, <state>, true], "Transformed" : "Yes"}"#,
            #"{"instance":"i-0123456789","state":[9,"RUNNING",true],"Transformed":"Yes"}"#
        ),
        (#""<aws.events.rule-name> triggered""#, #""vip triggered""#),
        (#"{"arn": <aws.events.rule-arn>}"#, #"{"arn":"/v1/rules/vip"}"#),
        (#"<aws.events.event.ingestion-time>"#, #""2023-11-14T22:13:20.123Z""#),
    ])
    func `templates come out as documented`(template: String, expected: String) throws {
        #expect(try filled(template, paths, data) == expected)
    }

    @Test func `objects lose their quotes inside strings`() throws {
        #expect(
            try filled(#""tags <tags>""#, paths, data) == #""tags {a:x\"y,n:[1,2.50,null]}""#)
        #expect(try filled(#"{"tags": <tags>}"#, paths, data) == #"{"tags":{"a":"x\"y","n":[1,2.50,null]}}"#)
    }

    @Test func `the whole event can be had with its data and without`() throws {
        let event = try event(data)
        var bare = event
        bare.data = nil
        for (name, expected) in [
            ("aws.events.event.json", event), ("apus.event.json", event), ("aws.events.event", bare),
            ("apus.event", bare),
        ] {
            let text = try transformed(["input_template": .string(#"{"event": <\#(name)>}"#)], event)
            #expect(
                try JSONValue(parsing: text)["event"]
                    == JSONValue(parsing: CloudEventJSONFormat.encode(expected)))
        }
    }

    @Test func `a value that is not there is nothing in a string and null by itself`() throws {
        #expect(try filled(#""is <none>!""#, paths, data) == #""is !""#)
        #expect(try filled(#"{"none": <none>}"#, paths, data) == #"{"none":null}"#)
    }

    @Test func `values are escaped, which EventBridge leaves to chance`() throws {
        let data = #"{"text": "a \"quoted\" \\ \u0001 line\nbreak é"}"#
        #expect(
            try filled(#"{"a": <t>, "b": "<t>"}"#, [("t", "$.data.text")], data)
                == #"{"a":"a \"quoted\" \\ \u0001 line\nbreak é","b":"a \"quoted\" \\ \u0001 line\nbreak é"}"#
        )
    }

    @Test func `numbers stay as they are written`() throws {
        let data = #"{"n": 12345678901234567890.10, "b": true, "z": null}"#
        let paths = [("n", "$.data.n"), ("b", "$.data.b"), ("z", "$.data.z")]
        #expect(
            try filled(#"{"n": <n>, "b": <b>, "z": <z>, "s": "<n> <b> <z>"}"#, paths, data)
                == #"{"n":12345678901234567890.10,"b":true,"z":null,"s":"12345678901234567890.10 true null"}"#
        )
    }

    @Test func `a less-than sign that begins no variable stands for itself`() throws {
        #expect(
            try filled(#""1 < 2, </b>, <>, \u003cn>""#, [("n", "$.data.n")], "{}")
                == #""1 < 2, </b>, <>, \u003cn>""#)
    }
}
