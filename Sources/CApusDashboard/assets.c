// SPDX-License-Identifier: Apache-2.0

// The files of the dashboard as bytes, put here by the compiler: nothing has to lie beside the program. The build knows that this file
// depends on them. A new file is added in two places, and a test finds one that is missing.

#include "CApusDashboard.h"

// #embed is C23; the compiler has it for C of any year, and says so.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "Assets/index.html"
};
static const unsigned char icon_svg[] = {
#embed "Assets/icon.svg"
};
static const unsigned char app_js[] = {
#embed "Assets/app.js"
};
static const unsigned char components_attempts_js[] = {
#embed "Assets/components/attempts.js"
};
static const unsigned char components_causes_js[] = {
#embed "Assets/components/causes.js"
};
static const unsigned char components_chart_js[] = {
#embed "Assets/components/chart.js"
};
static const unsigned char components_code_js[] = {
#embed "Assets/components/code.js"
};
static const unsigned char components_dialog_js[] = {
#embed "Assets/components/dialog.js"
};
static const unsigned char components_diff_js[] = {
#embed "Assets/components/diff.js"
};
static const unsigned char components_findings_js[] = {
#embed "Assets/components/findings.js"
};
static const unsigned char components_event_list_js[] = {
#embed "Assets/components/event-list.js"
};
static const unsigned char components_journey_js[] = {
#embed "Assets/components/journey.js"
};
static const unsigned char components_json_tree_js[] = {
#embed "Assets/components/json-tree.js"
};
static const unsigned char components_listener_js[] = {
#embed "Assets/components/listener.js"
};
static const unsigned char components_pager_js[] = {
#embed "Assets/components/pager.js"
};
static const unsigned char components_parts_js[] = {
#embed "Assets/components/parts.js"
};
static const unsigned char components_publish_js[] = {
#embed "Assets/components/publish.js"
};
static const unsigned char components_receiver_js[] = {
#embed "Assets/components/receiver.js"
};
static const unsigned char components_reposition_js[] = {
#embed "Assets/components/reposition.js"
};
static const unsigned char components_retry_js[] = {
#embed "Assets/components/retry.js"
};
static const unsigned char components_shortcuts_js[] = {
#embed "Assets/components/shortcuts.js"
};
static const unsigned char components_sidebar_js[] = {
#embed "Assets/components/sidebar.js"
};
static const unsigned char components_table_js[] = {
#embed "Assets/components/table.js"
};
static const unsigned char components_toast_js[] = {
#embed "Assets/components/toast.js"
};
static const unsigned char components_token_js[] = {
#embed "Assets/components/token.js"
};
static const unsigned char css_base_css[] = {
#embed "Assets/css/base.css"
};
static const unsigned char css_components_css[] = {
#embed "Assets/css/components.css"
};
static const unsigned char css_evidence_css[] = {
#embed "Assets/css/evidence.css"
};
static const unsigned char css_journey_css[] = {
#embed "Assets/css/journey.css"
};
static const unsigned char css_layout_css[] = {
#embed "Assets/css/layout.css"
};
static const unsigned char css_overlays_css[] = {
#embed "Assets/css/overlays.css"
};
static const unsigned char css_table_css[] = {
#embed "Assets/css/table.css"
};
static const unsigned char css_tokens_css[] = {
#embed "Assets/css/tokens.css"
};
static const unsigned char lib_activity_js[] = {
#embed "Assets/lib/activity.js"
};
static const unsigned char lib_api_js[] = {
#embed "Assets/lib/api.js"
};
static const unsigned char lib_diff_js[] = {
#embed "Assets/lib/diff.js"
};
static const unsigned char lib_dom_js[] = {
#embed "Assets/lib/dom.js"
};
static const unsigned char lib_format_js[] = {
#embed "Assets/lib/format.js"
};
static const unsigned char lib_json_text_js[] = {
#embed "Assets/lib/json-text.js"
};
static const unsigned char lib_keys_js[] = {
#embed "Assets/lib/keys.js"
};
static const unsigned char lib_peek_js[] = {
#embed "Assets/lib/peek.js"
};
static const unsigned char lib_rates_js[] = {
#embed "Assets/lib/rates.js"
};
static const unsigned char lib_router_js[] = {
#embed "Assets/lib/router.js"
};
static const unsigned char lib_settings_js[] = {
#embed "Assets/lib/settings.js"
};
static const unsigned char lib_shell_quote_js[] = {
#embed "Assets/lib/shell-quote.js"
};
static const unsigned char lib_stream_js[] = {
#embed "Assets/lib/stream.js"
};
static const unsigned char pages_attempts_js[] = {
#embed "Assets/pages/attempts.js"
};
static const unsigned char pages_bottlenecks_js[] = {
#embed "Assets/pages/bottlenecks.js"
};
static const unsigned char pages_bridges_js[] = {
#embed "Assets/pages/bridges.js"
};
static const unsigned char pages_clients_js[] = {
#embed "Assets/pages/clients.js"
};
static const unsigned char pages_dead_letters_js[] = {
#embed "Assets/pages/dead-letters.js"
};
static const unsigned char pages_event_types_js[] = {
#embed "Assets/pages/event-types.js"
};
static const unsigned char pages_event_js[] = {
#embed "Assets/pages/event.js"
};
static const unsigned char pages_find_js[] = {
#embed "Assets/pages/find.js"
};
static const unsigned char pages_flow_js[] = {
#embed "Assets/pages/flow.js"
};
static const unsigned char pages_groups_js[] = {
#embed "Assets/pages/groups.js"
};
static const unsigned char pages_home_js[] = {
#embed "Assets/pages/home.js"
};
static const unsigned char pages_live_js[] = {
#embed "Assets/pages/live.js"
};
static const unsigned char pages_rule_js[] = {
#embed "Assets/pages/rule.js"
};
static const unsigned char pages_rules_js[] = {
#embed "Assets/pages/rules.js"
};
static const unsigned char pages_schedules_js[] = {
#embed "Assets/pages/schedules.js"
};
static const unsigned char pages_schemas_js[] = {
#embed "Assets/pages/schemas.js"
};
static const unsigned char pages_settings_js[] = {
#embed "Assets/pages/settings.js"
};
static const unsigned char pages_subscription_js[] = {
#embed "Assets/pages/subscription.js"
};
static const unsigned char pages_subscriptions_js[] = {
#embed "Assets/pages/subscriptions.js"
};
static const unsigned char pages_topic_js[] = {
#embed "Assets/pages/topic.js"
};
static const unsigned char pages_topics_js[] = {
#embed "Assets/pages/topics.js"
};

static const struct capus_asset assets[] = {
    {"index.html", index_html, sizeof index_html},
    {"icon.svg", icon_svg, sizeof icon_svg},
    {"app.js", app_js, sizeof app_js},
    {"components/attempts.js", components_attempts_js, sizeof components_attempts_js},
    {"components/causes.js", components_causes_js, sizeof components_causes_js},
    {"components/chart.js", components_chart_js, sizeof components_chart_js},
    {"components/code.js", components_code_js, sizeof components_code_js},
    {"components/dialog.js", components_dialog_js, sizeof components_dialog_js},
    {"components/diff.js", components_diff_js, sizeof components_diff_js},
    {"components/findings.js", components_findings_js, sizeof components_findings_js},
    {"components/event-list.js", components_event_list_js, sizeof components_event_list_js},
    {"components/journey.js", components_journey_js, sizeof components_journey_js},
    {"components/json-tree.js", components_json_tree_js, sizeof components_json_tree_js},
    {"components/listener.js", components_listener_js, sizeof components_listener_js},
    {"components/pager.js", components_pager_js, sizeof components_pager_js},
    {"components/parts.js", components_parts_js, sizeof components_parts_js},
    {"components/publish.js", components_publish_js, sizeof components_publish_js},
    {"components/receiver.js", components_receiver_js, sizeof components_receiver_js},
    {"components/reposition.js", components_reposition_js, sizeof components_reposition_js},
    {"components/retry.js", components_retry_js, sizeof components_retry_js},
    {"components/shortcuts.js", components_shortcuts_js, sizeof components_shortcuts_js},
    {"components/sidebar.js", components_sidebar_js, sizeof components_sidebar_js},
    {"components/table.js", components_table_js, sizeof components_table_js},
    {"components/toast.js", components_toast_js, sizeof components_toast_js},
    {"components/token.js", components_token_js, sizeof components_token_js},
    {"css/base.css", css_base_css, sizeof css_base_css},
    {"css/components.css", css_components_css, sizeof css_components_css},
    {"css/evidence.css", css_evidence_css, sizeof css_evidence_css},
    {"css/journey.css", css_journey_css, sizeof css_journey_css},
    {"css/layout.css", css_layout_css, sizeof css_layout_css},
    {"css/overlays.css", css_overlays_css, sizeof css_overlays_css},
    {"css/table.css", css_table_css, sizeof css_table_css},
    {"css/tokens.css", css_tokens_css, sizeof css_tokens_css},
    {"lib/activity.js", lib_activity_js, sizeof lib_activity_js},
    {"lib/api.js", lib_api_js, sizeof lib_api_js},
    {"lib/diff.js", lib_diff_js, sizeof lib_diff_js},
    {"lib/dom.js", lib_dom_js, sizeof lib_dom_js},
    {"lib/format.js", lib_format_js, sizeof lib_format_js},
    {"lib/json-text.js", lib_json_text_js, sizeof lib_json_text_js},
    {"lib/keys.js", lib_keys_js, sizeof lib_keys_js},
    {"lib/peek.js", lib_peek_js, sizeof lib_peek_js},
    {"lib/rates.js", lib_rates_js, sizeof lib_rates_js},
    {"lib/router.js", lib_router_js, sizeof lib_router_js},
    {"lib/settings.js", lib_settings_js, sizeof lib_settings_js},
    {"lib/shell-quote.js", lib_shell_quote_js, sizeof lib_shell_quote_js},
    {"lib/stream.js", lib_stream_js, sizeof lib_stream_js},
    {"pages/attempts.js", pages_attempts_js, sizeof pages_attempts_js},
    {"pages/bottlenecks.js", pages_bottlenecks_js, sizeof pages_bottlenecks_js},
    {"pages/bridges.js", pages_bridges_js, sizeof pages_bridges_js},
    {"pages/clients.js", pages_clients_js, sizeof pages_clients_js},
    {"pages/dead-letters.js", pages_dead_letters_js, sizeof pages_dead_letters_js},
    {"pages/event-types.js", pages_event_types_js, sizeof pages_event_types_js},
    {"pages/event.js", pages_event_js, sizeof pages_event_js},
    {"pages/find.js", pages_find_js, sizeof pages_find_js},
    {"pages/flow.js", pages_flow_js, sizeof pages_flow_js},
    {"pages/groups.js", pages_groups_js, sizeof pages_groups_js},
    {"pages/home.js", pages_home_js, sizeof pages_home_js},
    {"pages/live.js", pages_live_js, sizeof pages_live_js},
    {"pages/rule.js", pages_rule_js, sizeof pages_rule_js},
    {"pages/rules.js", pages_rules_js, sizeof pages_rules_js},
    {"pages/schedules.js", pages_schedules_js, sizeof pages_schedules_js},
    {"pages/schemas.js", pages_schemas_js, sizeof pages_schemas_js},
    {"pages/settings.js", pages_settings_js, sizeof pages_settings_js},
    {"pages/subscription.js", pages_subscription_js, sizeof pages_subscription_js},
    {"pages/subscriptions.js", pages_subscriptions_js, sizeof pages_subscriptions_js},
    {"pages/topic.js", pages_topic_js, sizeof pages_topic_js},
    {"pages/topics.js", pages_topics_js, sizeof pages_topics_js},
};

size_t capus_asset_count(void) { return sizeof assets / sizeof assets[0]; }

struct capus_asset capus_asset_at(size_t index) { return assets[index]; }
