// SPDX-License-Identifier: Apache-2.0

// The two kinds of targets as one, which is what the engine knows.

public import ApusTransport

/// Delivers to webhooks or to outside brokers, as the settings say.
public struct BridgedTarget: Target {
    private let web: any Target
    private let bus: BusTarget

    /// Delivers by `web` what goes to a URL, and by `bus` what goes to a broker.
    public init(web: any Target, bus: BusTarget) {
        self.web = web
        self.bus = bus
    }

    private func target(of settings: PushSettings) -> any Target {
        switch settings.destination {
        case .web: web
        case .bus: bus
        }
    }

    public func deliver(_ deliveries: [Delivery], to settings: PushSettings) async -> Outcome {
        await target(of: settings).deliver(deliveries, to: settings)
    }

    public func deliverEach(_ deliveries: [Delivery], to settings: PushSettings) async -> [Outcome] {
        await target(of: settings).deliverEach(deliveries, to: settings)
    }

    public func begin(
        _ deliveries: [Delivery], to settings: PushSettings, completion: @escaping @Sendable (Outcome) -> Void
    ) -> Bool {
        target(of: settings).begin(deliveries, to: settings, completion: completion)
    }

    public func requestPermission(_ settings: PushSettings) async -> Permission {
        await target(of: settings).requestPermission(settings)
    }

    public func objection(to settings: PushSettings) -> String? {
        target(of: settings).objection(to: settings)
    }
}
