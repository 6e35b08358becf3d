"""`grace analyse` as a person and a program meet it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from grace.analysis.window import Analysis
from grace.cli import main
from grace.settings import PROJECT, Settings
from grace.store import open_store
from tests.analysis.conftest import write
from tests.analysis.logs import Entry

NOON = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
UNTIL = "2026-06-10T14:00:00+02:00"


def attempts(count: int) -> list[Entry]:
    return [
        (
            "healing_attempts",
            {
                "attempt_id": str(n),
                "attempted_at": NOON - n * timedelta(minutes=10),
                "success": n % 2 == 0,
                "severity": "[bold]low",
                "source": "logger",
            },
            NOON,
        )
        for n in range(1, count + 1)
    ]


@pytest.fixture
def log(settings: Settings) -> Settings:
    """Of 30 attempts in five hours."""
    store = open_store(settings.url)
    write(store, attempts(30))
    store.engine.dispose()
    return settings


def grace(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["analyse", *words])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_tables(log: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Health first, then every figure with its interval and n; no Prefect is asked."""
    code, out, err = grace(capsys, "--until", UNTIL)
    assert (code, err) == (0, "")
    assert "Log main, 2026-06-09 12:00 to 2026-06-10 12:00 UTC, 30 events" in out
    assert "Health: 50 of 100" in out
    assert "[bold]low" in out


def test_json_is_the_whole_analysis(log: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """The documented object, which reads back as the record it was."""
    code, out, _ = grace(capsys, "--until", UNTIL, "--hours", "2", "--json")
    told = Analysis.model_validate(json.loads(out))
    assert code == 0
    assert (told.since, told.until) == (NOON - timedelta(hours=2), NOON)
    assert (told.healing.success.n, told.healing.success.hits) == (12, 6)


def test_the_shape_is_documented(log: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Every name of the answer's two upper levels stands in docs/analysis.md."""
    answer = json.loads(grace(capsys, "--until", UNTIL, "--json")[1])
    page = (PROJECT / "docs" / "analysis.md").read_text()
    names = set(answer) | {
        name for part in answer.values() if isinstance(part, dict) for name in part
    }
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_without_an_end_the_window_ends_now(
    log: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last 24 hours."""
    before = datetime.now(UTC)
    told = Analysis.model_validate(json.loads(grace(capsys, "--json")[1]))
    assert before <= told.until <= datetime.now(UTC)
    assert told.until - told.since == timedelta(hours=24)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--until", "yesterday"), "is no time"),
        (("--until", "2026-06-10T12:00:00"), "has no zone"),
        (("--until", "2999-01-01T00:00:00Z"), "but it is only"),
        (("--until", "0001-01-01T00:00:00Z"), "before the calendar begins"),
        (("--hours", "0"), "0.01"),
    ],
)
def test_bad_input_is_one_line(
    log: Settings, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    """Exit code 2, and what is wrong with it."""
    code, out, err = grace(capsys, *words)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


@pytest.mark.parametrize("words", ["no json", '["executed", "pending"]', "7"])
def test_tables_of_words_that_cannot_be_used(
    log: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: str,
) -> None:
    """Exit code 2 and the variable's name; one word cannot mean executed and open."""
    monkeypatch.setenv("GRACE_ANALYSIS_EXECUTED", words)
    code, out, err = grace(capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "GRACE_ANALYSIS_" in err


def test_a_table_of_words_from_the_environment(
    log: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status of one's own counts as executed."""
    store = open_store(log.url)
    row = {"log_id": "1", "status": "Shipped", "timestamp": NOON - timedelta(hours=1)}
    write(store, [("agentic_spine_logs", {**row, "source": "logger"}, NOON)])
    monkeypatch.setenv("GRACE_ANALYSIS_EXECUTED", '["shipped"]')
    told = Analysis.model_validate(json.loads(grace(capsys, "--until", UNTIL, "--json")[1]))
    assert (told.autonomy.executed, told.autonomy.decisions) == (1, 1)


def test_where_there_is_no_log(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and nothing is made."""
    code, _, err = grace(capsys)
    assert code == 2
    assert err.startswith("grace: there is no Grace database")
    assert not settings.data_dir.exists()


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """As every command has."""
    code, out, _ = grace(capsys, "--help")
    assert code == 0
    assert "Example: grace analyse" in out
