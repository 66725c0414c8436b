// SPDX-License-Identifier: Apache-2.0

// What the comparison proves, and what it names when it does not: a case for every keyword.

import JSONSchema
import JSONSchemaEvolution
import JSONText
import Testing

/// Two schemas of which the second accepts all that the first one does.
private let included: [(String, String)] = [
    ("true", "true"), ("false", #"{"type":"string"}"#), (#"{"type":"integer"}"#, #"{"type":"number"}"#),
    (#"{"type":"string"}"#, #"{"type":["string","null"]}"#),
    (#"{"enum":["a","b"]}"#, #"{"type":"string","maxLength":1}"#),
    (#"{"const":3}"#, #"{"enum":[1,3.0]}"#), (#"{"type":"boolean"}"#, #"{"enum":[true,false]}"#),
    (#"{"type":"integer","minimum":1,"maximum":3}"#, #"{"enum":[1,2,3,4]}"#),
    (#"{"minimum":5}"#, #"{"minimum":4.5}"#), (#"{"exclusiveMinimum":5}"#, #"{"minimum":5}"#),
    (#"{"type":"integer","exclusiveMinimum":4}"#, #"{"minimum":5}"#),
    (#"{"type":"integer","maximum":4.5}"#, #"{"exclusiveMaximum":5}"#),
    (#"{"multipleOf":6}"#, #"{"multipleOf":3}"#), (#"{"type":"integer"}"#, #"{"multipleOf":0.5}"#),
    (#"{"multipleOf":2}"#, #"{"type":["integer","string","object","array","null","boolean"]}"#),
    (#"{"minLength":3,"maxLength":5}"#, #"{"minLength":2,"maxLength":6}"#),
    (#"{"pattern":"^a{3}$"}"#, #"{"minLength":3,"maxLength":3}"#),
    (#"{"pattern":"^[a-f]+$"}"#, #"{"pattern":"^[a-z]*$"}"#), (#"{"pattern":"^é+$"}"#, #"{"pattern":"é"}"#),
    (#"{"required":["a","b"]}"#, #"{"required":["b"],"minProperties":2}"#),
    (
        #"{"properties":{"a":{"type":"integer"}},"additionalProperties":false}"#,
        #"{"properties":{"a":{"type":"number"},"b":{"type":"string"}},"maxProperties":1}"#
    ),
    (
        #"{"patternProperties":{"^x":{"type":"integer"}},"additionalProperties":false}"#,
        #"{"patternProperties":{"^x1":{"type":"number"}},"propertyNames":{"minLength":1}}"#
    ),
    (#"{"additionalProperties":{"type":"integer"}}"#, #"{"properties":{"a":{"type":"number"}}}"#),
    (
        #"{"propertyNames":{"pattern":"^a"},"patternProperties":{"^a":{"type":"string"}}}"#,
        #"{"additionalProperties":{"type":"string"}}"#
    ),
    (
        #"{"required":["a"],"dependentRequired":{"a":["b"]}}"#, #"{"required":["b"]}"#
    ),
    (
        #"{"type":"object","required":["a"],"dependentSchemas":{"a":{"properties":{"b":{"type":"integer"}}}}}"#,
        #"{"properties":{"b":{"type":"number"}}}"#
    ),
    (
        #"{"prefixItems":[{"type":"integer"}],"items":false}"#,
        #"{"items":{"type":"number"},"maxItems":1,"uniqueItems":true}"#
    ),
    (
        #"{"type":"array","items":{"const":1},"minItems":2}"#,
        #"{"contains":{"type":"integer"},"minContains":2}"#
    ),
    (#"{"contains":{"const":1}}"#, #"{"contains":{"type":"integer"}}"#),
    (#"{"maxItems":2}"#, #"{"contains":true,"minContains":0,"maxContains":2}"#),
    (#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, #"{"type":["null","string","integer"]}"#),
    (#"{"type":["null","string"]}"#, #"{"anyOf":[{"type":"string"},{"type":"null"}]}"#),
    (
        #"{"oneOf":[{"type":"string"},{"type":"integer"}]}"#,
        #"{"oneOf":[{"type":"number"},{"type":"string"}]}"#
    ),
    (
        #"{"oneOf":[{"required":["k"],"properties":{"k":{"const":"a"}},"type":"object"},{"required":["k"],"properties":{"k":{"const":"b"}},"type":"object"}]}"#,
        #"{"oneOf":[{"required":["k"],"properties":{"k":{"const":"c"}},"type":"object"},{"required":["k"],"properties":{"k":{"const":"b"}},"type":"object"},{"required":["k"],"properties":{"k":{"const":"a"}},"type":"object"}]}"#
    ),
    (
        #"{"type":"object","required":["k"],"properties":{"k":{"enum":["a","b"]}}}"#,
        #"{"anyOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"}}}]}"#
    ),
    (#"{"type":"string"}"#, #"{"not":{"type":"integer"}}"#),
    (#"{"not":{"type":"integer"}}"#, #"{"not":{"const":3}}"#),
    (
        #"{"if":{"required":["a"]},"then":{"required":["b"]},"type":"object"}"#,
        #"{"dependentRequired":{"a":["b"]}}"#
    ),
    (
        #"{"type":"object","dependentRequired":{"a":["b"]}}"#,
        #"{"if":{"required":["a"]},"then":{"required":["b"]}}"#
    ),
    (
        ##"{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"},"v":{"type":"integer"}}}}}"##,
        ##"{"type":"object","properties":{"next":{"$ref":"#"},"v":{"type":"number"}}}"##
    ),
    (
        #"{"allOf":[{"properties":{"a":{"type":"integer"}}}],"unevaluatedProperties":false}"#,
        #"{"properties":{"a":{"type":"number"}},"additionalProperties":false}"#
    ),
    (
        #"{"properties":{"a":{"type":"integer"}},"additionalProperties":false}"#,
        #"{"allOf":[{"properties":{"a":true}}],"unevaluatedProperties":false}"#
    ),
    (
        #"{"$schema":"http://json-schema.org/draft-07/schema#","items":[{"type":"string"}],"additionalItems":false,"dependencies":{"a":["b"]}}"#,
        #"{"prefixItems":[{"type":"string"}],"items":false,"dependentRequired":{"a":["b"]}}"#
    ),
    (
        ##"{"$schema":"https://json-schema.org/draft/2019-09/schema","$recursiveAnchor":true,"items":{"$recursiveRef":"#"},"type":"array"}"##,
        ##"{"$dynamicAnchor":"n","items":{"$dynamicRef":"#n"},"type":["array","null"]}"##
    ),
    // Nothing is accepted by the first.
    (#"{"type":"integer","exclusiveMinimum":1,"exclusiveMaximum":2}"#, "false"),
    (#"{"type":"number","multipleOf":10,"minimum":11,"maximum":19}"#, "false"),
    (#"{"type":"object","required":["a"],"properties":{"a":false}}"#, "false"),
    (##"{"type":"object","required":["a"],"properties":{"a":{"$ref":"#"}}}"##, "false"),
    (#"{"type":"string","pattern":"^a","allOf":[{"pattern":"^b"}]}"#, "false"),
    (#"{"type":"array","items":{"type":"string"},"contains":{"type":"null"}}"#, "false"),
    (#"{"allOf":[{"type":"string"},{"type":"null"}]}"#, "false"),
    (#"{"anyOf":[{"const":1},{"const":2}],"type":"string"}"#, "false"),
]

/// What was accepted, what is now, where it shows, what it is called.
private let excluded: [(String, String, String, SchemaDifference.Kind, String)] = [
    (#"{"type":["string","null"]}"#, #"{"type":"string"}"#, "", .type, "`type` no longer allows null"),
    (#"{"type":"number"}"#, #"{"type":"integer"}"#, "", .type, "`type` no longer allows number"),
    (#"{"enum":["x","y"]}"#, #"{"enum":["y"]}"#, "", .values, #"`"x"` is no longer accepted"#),
    (#"{"type":"string"}"#, #"{"enum":["y"]}"#, "", .values, #"`enum` ["y"] is new"#),
    (#"{"maximum":100}"#, #"{"maximum":50}"#, "", .bounds, "`maximum` 100 became 50"),
    (#"{"type":"integer"}"#, #"{"multipleOf":2}"#, "", .multiple, "`multipleOf` 2 is new"),
    (#"{"multipleOf":2}"#, #"{"multipleOf":4}"#, "", .multiple, "`multipleOf` 2 became 4"),
    (#"{"type":"string"}"#, #"{"maxLength":3}"#, "", .length, "`maxLength` 3 is new"),
    (#"{"pattern":"^a"}"#, #"{"pattern":"^ab"}"#, "", .pattern, #"`pattern` "^a" became "^ab""#),
    ("{}", #"{"required":["email"]}"#, "", .required, "property `email` is required now"),
    (
        #"{"properties":{"a":{"properties":{"b":{"type":["string","null"]}}}}}"#,
        #"{"properties":{"a":{"properties":{"b":{"type":"string"}}}}}"#, "/a/b", .type,
        "`type` no longer allows null"
    ),
    (
        #"{"properties":{"a":true}}"#, #"{"properties":{"a":true},"additionalProperties":false}"#, "",
        .closedObject, "additional properties were allowed and are not"
    ),
    (
        "{}", #"{"properties":{"a":{"type":"string"}}}"#, "", .propertyOfOpenObject,
        "property `a` may not be just anything any more"
    ),
    (
        #"{"properties":{"a":{"type":"string"}},"additionalProperties":false}"#,
        #"{"additionalProperties":false}"#, "", .closedObject, "property `a` is not allowed any more"
    ),
    ("{}", #"{"propertyNames":{"pattern":"^a"}}"#, "", .names, #"`propertyNames` {"pattern":"^a"} is new"#),
    ("{}", #"{"maxProperties":2}"#, "", .propertyCount, "`maxProperties` 2 is new"),
    (
        "{}", #"{"dependentRequired":{"a":["b"]}}"#, "", .dependency,
        "property `b` is required now where `a` is"
    ),
    (
        #"{"items":{"type":"number"}}"#, #"{"items":{"type":"integer"}}"#, "/*", .type,
        "`type` no longer allows number"
    ),
    ("{}", #"{"prefixItems":[true],"items":false}"#, "", .closedArray, "no more than 1 elements are allowed"),
    ("{}", #"{"uniqueItems":true}"#, "", .unique, "elements have to differ now"),
    ("{}", #"{"minItems":1}"#, "", .itemCount, "`minItems` 1 is new"),
    (
        "{}", #"{"contains":{"const":1}}"#, "", .contains,
        "`contains` asks for elements that need not have been there"
    ),
    (
        #"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, #"{"anyOf":[{"type":"string"},{"type":"array"}]}"#,
        "", .values, "`null` is no longer accepted"
    ),
    (
        #"{"type":"string"}"#, #"{"anyOf":[{"pattern":"^a"},{"pattern":"^b"}]}"#, "", .alternatives,
        "no alternative accepts all that was allowed"
    ),
    (
        #"{"type":"integer"}"#, #"{"oneOf":[{"minimum":0},{"maximum":10}]}"#, "", .exclusive,
        "alternatives 0 and 1 of `oneOf` may both accept a value"
    ),
    (#"{"type":"integer"}"#, #"{"not":{"minimum":3}}"#, "", .negation, "what `not` excludes was allowed"),
    (#"{"type":"string"}"#, "false", "", .nothing, "no document is accepted any more"),
    (
        ##"{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"},"v":{"type":"number"}}}}}"##,
        ##"{"type":"object","properties":{"next":{"$ref":"#"},"v":{"type":"integer"}}}"##, "/v", .type,
        "`type` no longer allows number"
    ),
]

@Suite("Comparing schemas")
struct ComparisonTests {
    @Test("proves that everything is accepted", arguments: included)
    func proves(writer: String, reader: String) throws {
        let found = try differences(json(writer), json(reader))
        #expect(found.isEmpty, "\(found)")
    }

    @Test("names what is not accepted, with a document that shows it", arguments: excluded)
    func names(
        writer: String, reader: String, path: String, kind: SchemaDifference.Kind, message: String
    ) throws {
        let found = try differences(json(writer), json(reader))
        let match = found.first { $0.kind == kind && $0.instanceLocation == path && $0.message == message }
        #expect(match != nil, "\(found)")
        #expect(match?.witness != nil, "\(found)")
    }
}
