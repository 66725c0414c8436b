// SPDX-License-Identifier: Apache-2.0

// What is configured of a consumer group, as the registry's log keeps it.

import ApusModel
import JSONText

extension GroupDefinition {
    /// Writes the members of a change that sets the group's configs.
    func write(to writer: inout JSONWriter) {
        writer.key("change")
        writer.string("group")
        writer.key("name")
        writer.string(name.description)
        writer.key("configs")
        writer.beginObject()
        for (config, value) in configs.sorted(by: { $0.key < $1.key }) {
            writer.key(config)
            writer.string(value)
        }
        writer.endObject()
    }

    /// What such a change says.
    init(registry object: JSONObject, _ name: ResourceName) {
        let configs = (object["configs"]?.object?.members ?? []).compactMap { member in
            member.value.string.map { (member.name, $0) }
        }
        self.init(name: name, configs: Dictionary(configs) { _, last in last })
    }
}
