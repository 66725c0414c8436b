// SPDX-License-Identifier: Apache-2.0

// What is offered of xRegistry, as it asks to be told: the model of entities, and the capabilities.

internal import ApusSchemas
internal import JSONSchemaEvolution
internal import JSONText

enum XRegistryModel {
    /// The capabilities, by what schemas can be checked and compared.
    static func capabilities(_ formats: SchemaFormats) -> [UInt8] {
        let checked = SchemaFormat.allCases.filter { formats.judges($0) }
        let compared = SchemaFormat.allCases.filter { formats.compares($0) }
        var writer = JSONWriter(capacity: 1024)
        writer.beginObject()
        writer.key("available")
        writer.beginObject()
        for (name, isMutable) in [("capabilities", false), ("entities", true), ("model", false)] {
            writer.key(name)
            writer.beginObject()
            writer.member("mutable", isMutable)
            writer.endObject()
        }
        writer.endObject()
        writer.key("compatibilities")
        writer.beginObject()
        for format in compared {
            writer.key(pattern(format))
            writer.list(SchemaCompatibility.allCases.compactMap(\.xRegistryName))
        }
        writer.endObject()
        writer.key("flags")
        writer.list(["specversion"])
        writer.key("formats")
        writer.list(checked.map(pattern))
        writer.key("ignores")
        writer.list([String]())
        writer.key("mutable")
        writer.list(["entities"])
        writer.member("pagination", true)
        writer.member("shortself", false)
        writer.key("specversions")
        writer.list([XRegistryEntities.specification])
        writer.key("versionmodes")
        writer.list(["manual"])
        writer.endObject()
        return writer.bytes
    }

    private static func pattern(_ format: SchemaFormat) -> String {
        switch format {
        case .json: "JsonSchema*"
        case .xsd: "XSD/1.0"
        case .avro: "Avro*"
        case .protobuf: "Protobuf*"
        }
    }

    /// The model: one type of group, one type of resource, and the attributes that are kept.
    static let model = """
        {"attributes":{"specversion":{"name":"specversion","type":"string","readonly":true,"required":true},\
        "registryid":{"name":"registryid","type":"string","readonly":true,"required":true},\(common)},\
        "groups":{"schemagroups":{"plural":"schemagroups","singular":"schemagroup",\
        "modelcompatiblewith":"https://xregistry.io/xreg/domains/schema/specs/model.json",\
        "attributes":{"schemagroupid":{"name":"schemagroupid","type":"string","readonly":true,"required":true},\(common)},\
        "resources":{"schemas":{"plural":"schemas","singular":"schema","maxversions":0,"setversionid":false,\
        "setdefaultversionsticky":false,"hasdocument":true,"versionmode":"manual","singleversionroot":false,\
        "validateformat":true,"validatecompatibility":true,"strictvalidation":false,\
        "versionattributes":{"schemaid":{"name":"schemaid","type":"string","immutable":true,"required":true},\
        "versionid":{"name":"versionid","type":"string","immutable":true,"required":true},\(common),\
        "isdefault":{"name":"isdefault","type":"boolean","readonly":true,"required":true},\
        "ancestorid":{"name":"ancestorid","type":"string","readonly":true,"required":true},\
        "contenttype":{"name":"contenttype","type":"string","readonly":true},\
        "format":{"name":"format","type":"string","immutable":true,"required":true},\
        "formatvalidated":{"name":"formatvalidated","type":"boolean","readonly":true},\
        "formatvalidatedreason":{"name":"formatvalidatedreason","type":"string","readonly":true},\
        "compatibilityvalidated":{"name":"compatibilityvalidated","type":"boolean","readonly":true},\
        "compatibilityvalidatedreason":{"name":"compatibilityvalidatedreason","type":"string","readonly":true},\
        "globalid":{"name":"globalid","type":"uinteger","readonly":true,"required":true},\
        "references":{"name":"references","type":"array","immutable":true,"item":{"type":"object","attributes":{\
        "name":{"name":"name","type":"string","required":true},"subject":{"name":"subject","type":"string","required":true},\
        "version":{"name":"version","type":"uinteger","required":true}}}}},\
        "metaattributes":{"schemaid":{"name":"schemaid","type":"string","immutable":true,"required":true},\(common),\
        "readonly":{"name":"readonly","type":"boolean","readonly":true,"required":true},\
        "compatibility":{"name":"compatibility","type":"string","enum":["backward","backward_transitive","forward",\
        "forward_transitive","full","full_transitive"]},\
        "defaultversionid":{"name":"defaultversionid","type":"string","readonly":true,"required":true},\
        "defaultversionurl":{"name":"defaultversionurl","type":"url","readonly":true,"required":true},\
        "defaultversionsticky":{"name":"defaultversionsticky","type":"boolean","enum":[false],"required":true,"default":false}}\
        }}}}}
        """

    /// What every entity has.
    private static let common = """
        "self":{"name":"self","type":"url","readonly":true,"required":true},\
        "xid":{"name":"xid","type":"xid","readonly":true,"required":true},\
        "epoch":{"name":"epoch","type":"uinteger","readonly":true,"required":true},\
        "createdat":{"name":"createdat","type":"timestamp","readonly":true,"required":true},\
        "modifiedat":{"name":"modifiedat","type":"timestamp","readonly":true,"required":true}
        """
}
