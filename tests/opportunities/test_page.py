"""The part of a page that tells what was looked at: a line each, and each reason once."""

from grace.opportunities.finding import Finding
from grace.opportunities.page import findings_table

TOLD = "tag limit binds.\ntag:pages (limit 2) was found full by 9 of 10 task runs."


def test_each_line_says_what_was_looked_at_and_how_it_stands() -> None:
    """One target may be looked at for several reasons; what is proposed can be opened."""
    slow = Finding(
        target="deployment:a/b",
        kind="improve_execution_time",
        metric="mean execution time",
        standing="proposed",
        reason="Give a_b more workers",
        n=12,
        mean=7.5,
        proposal_id="p-1",
    )
    waits = slow.model_copy(
        update={
            "metric": "mean excess wait",
            "standing": "quiet",
            "reason": "it does not",
            "proposal_id": None,
        }
    )
    page = findings_table([slow, waits]).splitlines()
    assert "| deployment:a/b | mean execution time | proposed | 12 | 7.50 s |" in page
    assert "| deployment:a/b | mean excess wait | quiet | 12 | 7.50 s |" in page
    assert (
        "- **deployment:a/b**, mean execution time: Give a\\_b more workers (`grace show p-1`)"
        in page
    )
    assert "- **deployment:a/b**, mean excess wait: it does not" in page


def test_what_makes_a_deployment_wait_is_said_once() -> None:
    """The same text under each limit would be a wall; another deployment's is its own."""

    def found(target: str, reason: str) -> Finding:
        return Finding(target=target, kind="cause", standing="quiet", reason=reason, n=10)

    page = findings_table(
        [
            found("deployment:a/b", TOLD),
            found("tag:pages", f"Of a/b: {TOLD}"),
            found("tag:other", "Of c/d: nothing binds."),
        ]
    )
    assert page.count("was found full by 9 of 10") == 1
    assert "- **tag:pages**, what makes it wait: see deployment:a/b\n" in page
    assert "- **tag:other**, what makes it wait: Of c/d: nothing binds.\n" in page


def test_nothing_logged_is_said_so() -> None:
    assert findings_table([]) == "Nothing to look at has been logged yet.\n"
