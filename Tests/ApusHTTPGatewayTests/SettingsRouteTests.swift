// SPDX-License-Identifier: Apache-2.0

// What a server tells of how it is set.

import ApusModel
import JSONText
import Testing

@testable import ApusHTTPGateway

@Suite struct SettingsRouteTests {
    @Test func `settings are told with their values and where these are from`() async throws {
        try await GatewayFixture.with {
            $0.settings = [ServerSetting("data", "/data", .flag), ServerSetting("port-file", nil)]
        } _: { fixture async throws in
            #expect(
                try await fixture.get("/v1/settings").json == [
                    "settings": [
                        ["name": "data", "value": "/data", "origin": "flag"],
                        ["name": "port-file", "value": .null, "origin": "default"],
                    ]
                ])
        }
    }
}
