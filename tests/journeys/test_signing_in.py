"""Where reviewers have passwords the page asks who one is, and answers are in one's own name."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Error

from tests.browser import Visitor
from tests.journeys.conftest import PASSWORD, give_passwords
from tests.running import System, until

pytestmark = pytest.mark.slow


@pytest.fixture
def asked(system: System) -> dict[str, str]:
    """What waits for an answer, on a system where ann and ben sign in."""
    told = system.grace(
        "--sample", "propose", "variable:greeting", "hello", "--as", "alice", "--why", "friendly"
    )
    until(lambda: system.state(told["run_id"]) == "Suspended")
    give_passwords(system, "ann", "ben")
    return dict(told)


@pytest.fixture
def ann(browser, system: System) -> Iterator[Visitor]:
    person = Visitor(browser, system.installation.api_url.removesuffix("/api"), "ann", PASSWORD)
    yield person
    person.close()


def test_one_answers_in_ones_own_name_alone(
    system: System, asked: dict[str, str], visitor: Visitor, ann: Visitor
) -> None:
    """Nobody comes in unasked; ann is refused as ben, and taken as ann, who was signed in."""
    page = f"/runs/flow-run/{asked['run_id']}"
    with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
        visitor.open(page)

    ann.open(page)
    ann.click("Resume")
    form = ann.fill("approve", "ben", "in his name")
    with ann.page.expect_response(lambda answer: "/resume" in answer.url) as refused:
        ann.click("Submit", form)
    assert "you are signed in as 'ann'" in refused.value.text()
    assert system.grace("--sample", "show", asked["id"])["state"] == "awaiting_approval"

    ann.open(page)
    ann.click("Resume")
    ann.answer("approve", "ann", "in my own")

    def ended() -> bool:
        return bool(system.grace("--sample", "show", asked["id"])["state"] == "kept")

    until(ended)
    decisions = system.grace("--sample", "show", asked["id"])["decisions"]
    (answer,) = [one for one in decisions if one["question"] == "a person's answer"]
    assert (answer["reviewer"], answer["assurance"]) == ("ann", "signed in")
