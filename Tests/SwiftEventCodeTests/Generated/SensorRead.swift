// SPDX-License-Identifier: Apache-2.0

// Made by `apus schema generate swift`: changes belong into the schema.

import Apus

struct SensorRead: Event, Hashable {
    static let type = "com.plant.sensor.read"
    static let topic = "sensors"

    var sensor: String
    var values: [Double]
    var ok: Bool?

    init(
        sensor: String,
        values: [Double],
        ok: Bool? = nil
    ) {
        self.sensor = sensor
        self.values = values
        self.ok = ok
    }

    private enum CodingKeys: String, CodingKey {
        case sensor
        case values
        case ok
    }
}
