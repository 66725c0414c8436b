// SPDX-License-Identifier: Apache-2.0

// How a topic has its events judged by schemas, as the registry's log keeps it.

import ApusModel
import ApusSchemas
import JSONText

extension SchemaSettings {
    /// Writes what differs from no judgement at all.
    func write(to writer: inout JSONWriter) {
        guard self != SchemaSettings() else { return }
        writer.key("schemaEnforcement")
        writer.string(enforcement.rawValue)
        if let subject {
            writer.key("schemaSubject")
            writer.string(subject.description)
        }
        if let quarantine {
            writer.key("schemaQuarantine")
            writer.string(quarantine.description)
        }
    }

    /// What a topic's definition says. What an older server could not know is off.
    init(registry object: JSONObject) {
        self.init(
            object["schemaEnforcement"]?.string.flatMap { SchemaEnforcement(rawValue: $0) } ?? .off,
            subject: object["schemaSubject"]?.string.flatMap { try? SubjectName($0) },
            quarantine: object["schemaQuarantine"]?.string.flatMap { try? ResourceName($0) })
    }
}
