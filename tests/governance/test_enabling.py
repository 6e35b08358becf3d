"""What may be changed on an installation that is not Grace's own: by the log, nothing at first."""

from datetime import UTC, datetime

import pytest

from grace.errors import BadInput
from grace.governance.enabling import enabled, observe_only, set_enabled
from grace.store.read import newest

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def say(store):
    """Enable or disable targets; what is enabled then."""

    def change(answer, *targets):
        return set_enabled(store, targets, answer, NOW, reviewer="ann", reason="a try").targets

    return change


@pytest.fixture
def watched(store):
    observe_only(store, NOW, "http://prefect.example")
    return store


def test_in_the_log_of_an_own_installation_all_is_allowed_and_nothing_is_listed(store, say):
    assert enabled(store).allows("tag:etl")
    with pytest.raises(BadInput, match="its policy says what may be done"):
        say("enable", "tag:etl")


def test_a_watched_one_begins_with_nothing_and_connecting_again_takes_nothing_away(watched, say):
    assert not enabled(watched).allows("tag:etl")
    say("enable", "tag:etl")
    observe_only(watched, NOW, "http://prefect.example")
    assert enabled(watched).targets == ("tag:etl",)


@pytest.mark.parametrize(
    ("listed", "target", "allowed"),
    [
        ("tag:etl", "tag:etl", True),
        ("tag:etl", "tag:etl-nightly", False),
        ("tag:etl", "global:etl", False),
        ("tag:*", "tag:etl", True),
        ("tag:*", "deployment:etl/nightly", False),
        ("deployment:etl/*", "deployment:etl/nightly", True),
        ("deployment:etl/*", "deployment:etl-2/nightly", False),
        ("tag:a*", "tag:A", False),
        ("tag:[ab]", "tag:a", False),
    ],
)
def test_a_target_is_allowed_by_its_name_or_by_how_it_begins(watched, say, listed, target, allowed):
    say("enable", listed)
    assert enabled(watched).allows(target) is allowed


def test_what_is_disabled_is_allowed_no_more_and_the_others_still_are(watched, say):
    say("enable", "tag:a", "tag:b")
    assert say("disable", "tag:a") == ("tag:b",)
    assert say("enable", "tag:a") == ("tag:b", "tag:a")


@pytest.mark.parametrize("target", ["", "tag", "tag:", ":a", "*", "tag:*a", "*:a"])
def test_what_is_no_target_is_refused_and_none_of_its_command_is_recorded(watched, say, target):
    with pytest.raises(BadInput, match="is no target"):
        say("enable", "tag:good", target)
    assert enabled(watched).targets == ()


def test_only_what_is_on_the_list_can_be_taken_off(watched, say):
    """A part of what a line with * covers cannot: that line has to go."""
    say("enable", "tag:*")
    with pytest.raises(BadInput, match=r"tag:a is not on the list; enabled: tag:\*"):
        say("disable", "tag:a")
    assert enabled(watched).allows("tag:a")


def test_each_word_stands_in_the_log_with_who_said_it_and_why(watched, say):
    say("enable", "tag:a")
    say("disable", "tag:a")
    rows = newest(watched, "decisions", question="enable")
    assert rows["answer"].to_list() == ["observe only", "enable", "disable"]
    assert rows["reviewer"].to_list()[1:] == ["ann", "ann"]
    assert rows["reason"].to_list()[1:] == ["a try", "a try"]


def test_one_log_is_of_one_installation(watched):
    """Connected again it is the same; two servers in one log would be one to all that read it."""
    observe_only(watched, NOW, "http://prefect.example")
    with pytest.raises(BadInput, match=r"this log is of http://prefect\.example"):
        observe_only(watched, NOW, "http://elsewhere.example")
