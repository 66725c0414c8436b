// SPDX-License-Identifier: Apache-2.0

// What the server is set to.

internal import ApusHTTPCodec
internal import ApusModel
internal import JSONText

/// The route of the server's settings.
enum SettingsRoute {
    static let all: [Route] = [
        Route(
            method: .get, path: PathTemplate("/v1/settings"), operation: "serverSettings",
            summary:
                "What the server is set to, by the names of its options, and where each value is from; never a secret.",
            chapter: .operations,
            successes: [.json(.ok, "The settings.", .serverSettings)], problems: [],
            handler: .answer { context, _ in
                .json { writer in
                    writer.object { writer in
                        writer.member("settings", list: context.configuration.settings) { writer, setting in
                            writer.object { writer in
                                writer.member("name", setting.name)
                                writer.member("value", setting.value)
                                writer.member("origin", setting.origin.rawValue)
                            }
                        }
                    }
                }
            })
    ]
}
