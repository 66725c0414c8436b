// SPDX-License-Identifier: Apache-2.0

// The whole API, in the order of its documentation.

/// Every route.
enum RouteTable {
    static let all: [Route] =
        EventRoutes.all + JourneyRoutes.all + TopicRoutes.all + SubscriptionRoutes.all + RuleRoutes.all
        + DeadLetterRoutes.all
        + DelayedRoutes.all + ScheduleRoutes.all
        + SchemaRoutes.all + EventTypeRoutes.all + GroupRoutes.all + GroupChangeRoutes.all + BridgeRoutes.all
        + OperationRoutes.all
        + ActivityRoutes.all + ObservationRoutes.all + ClientRoutes.all + LogRoute.all + SettingsRoute.all
}
