# SPDX-License-Identifier: Apache-2.0
"""Each request by which a page changes something, and the tests that press its button and run its command: a new one wants a line here, and a test."""

import pathlib
import re

ASSETS = pathlib.Path(__file__).parents[3] / "Sources/CApusDashboard/Assets"
CALL = re.compile(r"\b(post|put|remove|create)\(\s*([\"`])(/v1/.*?)\2", re.DOTALL)
NAME = re.compile(r"\$\{[^}]*\}")

# File of the pages, method, path with * for names: how often, and tests as file::name; none where nothing is changed.
ACTIONS = {
    # One event, and all or what came lately.
    ("components/retry.js", "post", "/v1/subscriptions/*/retry"): (2, [
        "test_actions::what_waits_for_a_retry_is_retried_now", "test_actions::attempts_of_all_subscriptions_are_chosen_and_retried_since",
        "test_actions_subscriptions::a_failed_attempt_is_retried_from_the_list_of_them"]),
    ("components/receiver.js", "post", "/v1/subscriptions/*/test"): (1, ["test_actions_subscriptions::a_receiver_is_tested_by_the_page_and_by_the_command"]),
    ("components/receiver.js", "post", "/v1/subscriptions/*/rotate-secret"): (1, [
        "test_actions_subscriptions::a_secret_is_made_shown_once_and_the_old_one_retired"]),
    ("components/receiver.js", "post", "/v1/subscriptions/*/retire-secrets"): (1, [
        "test_actions_subscriptions::a_secret_is_made_shown_once_and_the_old_one_retired"]),
    ("components/reposition.js", "post", "/v1/groups/*/reset"): (1, ["test_actions_groups::a_group_is_moved_after_a_preview_and_by_the_command"]),
    ("pages/groups.js", "remove", "/v1/groups/*"): (1, ["test_actions_groups::a_group_is_forgotten_once_its_name_is_typed"]),
    ("components/journey.js", "post", "/v1/dead-letters/redrive"): (1, [
        "test_event_journey::the_journey_is_told_and_its_dead_letter_sent_back",
        "test_actions_dead_letters::a_dead_letter_is_redriven_from_the_page_of_its_event"]),
    ("components/publish.js", "post", "/v1/topics/*/events"): (1, [
        "test_actions::a_first_event_is_published_from_an_empty_server", "test_actions::an_event_is_published_again_whole"]),
    # Reset and replay.
    ("components/reposition.js", "post", "/v1/subscriptions/*/replay"): (2, [
        "test_actions::a_subscription_is_paused_replayed_and_moved_after_a_preview", "test_actions_subscriptions::a_cursor_is_moved_and_has_no_replay",
        "test_actions_subscriptions::the_commands_of_replay_and_reset_do_the_same_as_the_buttons"]),
    ("pages/bridges.js", "post", "/v1/feeds/*/*"): (1, ["test_actions_server::a_feed_is_paused_and_goes_on"]),
    ("pages/clients.js", "remove", "/v1/clients/*"): (1, [
        "test_actions::a_client_is_seen_and_sent_away", "test_actions_server::the_command_that_sends_a_client_away_does_that"]),
    # All or some, the dry run before that, and one that was edited.
    ("pages/dead-letters.js", "post", "/v1/dead-letters/redrive"): (3, [
        "test_actions::dead_letters_are_grouped_redriven_after_a_dry_run_and_discarded",
        "test_actions::the_command_for_a_group_of_dead_letters_is_for_all_of_them",
        "test_actions_dead_letters::all_dead_letters_of_a_subscription_are_redriven_after_a_dry_run",
        "test_actions_dead_letters::one_dead_letter_is_redriven_and_the_others_stay",
        "test_actions_dead_letters::everything_is_redriven_and_discarded_where_nothing_is_chosen",
        "test_actions_dead_letters::the_command_for_an_edited_dead_letter_takes_a_file"]),
    ("pages/dead-letters.js", "post", "/v1/dead-letters/discard"): (1, [
        "test_actions::the_command_for_a_group_of_dead_letters_is_for_all_of_them",
        "test_actions_dead_letters::one_dead_letter_is_discarded_and_the_others_stay",
        "test_actions_dead_letters::everything_is_redriven_and_discarded_where_nothing_is_chosen"]),
    ("pages/rule.js", "create", "/v1/rules/*"): (1, [
        "test_actions::a_rule_is_tried_while_it_is_typed_then_made_and_switched_off",
        "test_actions_of_others::a_new_rule_does_not_silently_replace_one_of_that_name"]),
    # Save, and switch on or off.
    ("pages/rule.js", "put", "/v1/rules/*"): (2, [
        "test_actions::a_rule_is_tried_while_it_is_typed_then_made_and_switched_off",
        "test_actions_rules::an_existing_rule_is_changed_tried_and_saved",
        "test_actions_rules::a_rule_that_is_off_stays_off_when_it_is_saved"]),
    ("pages/rule.js", "remove", "/v1/rules/*"): (1, ["test_actions_rules::a_rule_is_deleted_by_the_page_and_by_its_command"]),
    ("pages/rule.js", "post", "/v1/rules/test"): (1, []),
    ("pages/rule.js", "post", "/v1/rules/try"): (1, []),
    ("pages/schedules.js", "remove", "/v1/delayed/*"): (1, ["test_actions_server::events_that_wait_for_their_time_are_cancelled"]),
    ("pages/schemas.js", "post", "/v1/schemas/*/check?version=*"): (1, []),
    ("pages/settings.js", "post", "/v1/verify"): (1, ["test_actions_server::checksums_are_verified_and_damage_is_told"]),
    # Pause and go on.
    ("pages/subscription.js", "post", "/v1/subscriptions/*/*"): (1, [
        "test_actions::a_subscription_is_paused_replayed_and_moved_after_a_preview"]),
    ("pages/subscriptions.js", "create", "/v1/subscriptions/*"): (1, [
        "test_actions::a_subscription_is_created_by_the_page_as_by_the_command"]),
    ("pages/subscription.js", "remove", "/v1/subscriptions/*"): (1, [
        "test_actions_subscriptions::a_subscription_is_deleted_once_its_name_is_typed"]),
    ("pages/topic.js", "post", "/v1/topics/*/purge"): (1, [
        "test_actions::a_topic_is_created_purged_and_deleted", "test_actions_server::the_commands_that_empty_and_delete_a_topic_do_that"]),
    ("pages/topic.js", "remove", "/v1/topics/*?cascade=true"): (1, [
        "test_actions::a_topic_is_created_purged_and_deleted", "test_actions_server::the_commands_that_empty_and_delete_a_topic_do_that"]),
    ("pages/topics.js", "create", "/v1/topics/*"): (1, [
        "test_actions_of_others::a_new_topic_does_not_silently_change_one_of_that_name",
        "test_actions::a_topic_is_created_purged_and_deleted", "test_actions_server::the_command_for_a_new_topic_makes_one_like_the_pages"]),
}


def test_every_request_that_changes_something_has_a_test():
    found = {}
    for file in sorted(ASSETS.rglob("*.js")):
        for method, _, path in CALL.findall(file.read_text()):
            key = (file.relative_to(ASSETS).as_posix(), method, NAME.sub("*", path))
            found[key] = found.get(key, 0) + 1
    assert found == {key: count for key, (count, _) in ACTIONS.items()}
    for tests in (tests for _, tests in ACTIONS.values()):
        for test in tests:
            file, name = test.split("::")
            assert f"def test_{name}(" in (pathlib.Path(__file__).parent / f"{file}.py").read_text(), test


def test_no_request_is_sent_but_by_these_functions():
    """So that the list above is whole."""
    changing = re.findall(r"export const (\w+) = .*?exchange\(\"(?!GET)", (ASSETS / "lib/api.js").read_text())
    assert changing == ["post", "put", "remove"]
    for file in sorted(ASSETS.rglob("*.js")):
        name = file.relative_to(ASSETS).as_posix()
        text = file.read_text()
        # The API's own file, and the one that reads streams.
        assert name == "lib/api.js" or not re.search(r"\bfetch\(|XMLHttpRequest|sendBeacon|\bexchange\(\s*[\"`](?:GET|POST|PUT)", text), name
        assert name in ("lib/api.js", "lib/stream.js") or not re.search(r"\bsend\(", text), name
        # What calls them names its path where it calls.
        assert name == "lib/api.js" or len(re.findall(r"(?<![.\w])(?:post|put|remove|create)\(", text)) == len(CALL.findall(text)), name
