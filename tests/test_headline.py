"""The headline's parts at small size; `make headline` runs all of it on a system of its own."""

import ast
import asyncio
import copy
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from benchmarks import headline_check, headline_recount
from benchmarks.headline import report
from benchmarks.headline_figures import bars, blocks_between, change, runs_of, sample, sweep_of
from benchmarks.headline_names import labelled, sweep_name
from benchmarks.headline_page import draw, headline_lines, replaced, tables
from grace.measurement.blocks import Block, Unit, values_in
from grace.sample_service import PageService
from grace.settings import PROJECT, Settings
from grace.statistics.switchback import sign_evidence
from grace.store import open_store

ROOMS = {"grace", "tasks", "flows", "benchmarks", "tests"}
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_change_has_its_interval_in_ninety_five_of_a_hundred() -> None:
    """Lognormal times, 12 runs against 12, -60 % in truth; 2,000 draws.

    The naive interval divides that of the second mean by the first as if that were exact.
    """
    rng, hits, naive, n, truth = np.random.default_rng(7), 0, 0, 2000, -0.6
    for _ in range(n):
        before, after = rng.lognormal(2, 0.3, 12), 0.4 * rng.lognormal(2, 0.3, 12)
        found = change("execution", list(before), list(after))
        hits += found.low <= truth <= found.high
        half = t.ppf(0.975, 11) * after.std(ddof=1) / np.sqrt(12)
        naive += abs(after.mean() / before.mean() - 1 - truth) <= half / before.mean()
    assert 0.94 <= hits / n <= 0.98
    assert naive / n < 0.92


def test_the_checker_computes_the_same_by_another_road() -> None:
    """Fieller's interval as a formula and as the roots of its equation; evidence by recursion."""
    rng = np.random.default_rng(8)
    for _ in range(50):
        before, after = rng.lognormal(2, 0.3, rng.integers(5, 20)), rng.lognormal(1, 0.5, 9)
        ours = change("execution", list(before), list(after))
        theirs = headline_recount.change_of(pd.Series(before), pd.Series(after))
        assert theirs["share"] == pytest.approx(ours.share)
        assert (theirs["low"], theirs["high"]) == pytest.approx((ours.low, ours.high))
        assert theirs["before"] == pytest.approx(vars(ours.before))
    for signs in ([-1.0] * 7, [1.0, -1.0, -2.0, 3.0, 0.0, -1.0]):
        plus, minus = (sum(sign * s > 0 for s in signs) for sign in (1, -1))
        assert headline_recount.sign_evidence(signs) == pytest.approx(sign_evidence(plus, minus))


def test_a_mean_that_may_be_nothing_has_no_interval() -> None:
    before, after = [0.0, 0.0, 5.0], [0.1, 0.1, 0.1]
    found = change("excess_wait", before, after)
    assert (found.low, found.high) == (None, None)
    assert not found.reaches(-0.5)
    assert headline_recount.change_of(pd.Series(before), pd.Series(after))["low"] is None
    with pytest.raises(ValueError, match="cannot be compared"):
        change("excess_wait", [1.0], after)


def test_blocks_hold_the_same_runs_for_grace_the_figures_and_the_checker() -> None:
    """Runs of random length one after the other, cut into blocks of 32 s."""
    rng = np.random.default_rng(9)
    begins = np.cumsum(rng.uniform(3, 14, 60))
    lengths = rng.uniform(2, 13, 60)
    queued = [BEGIN + timedelta(seconds=float(second)) for second in begins]
    ended = [at + timedelta(seconds=float(s)) for at, s in zip(queued, lengths, strict=True)]
    runs = pd.DataFrame({"queued": queued, "completed": ended, "ended": ended})
    runs["excess_wait"] = rng.exponential(2, 60)
    units = [
        Unit(at, end, value)
        for at, end, value in zip(queued, ended, runs["excess_wait"], strict=True)
    ]
    counted = 0
    for number in range(10):
        start = BEGIN + timedelta(seconds=32 * number)
        end = start + timedelta(seconds=32)
        # the second block of a pair is judged before its last ten seconds can be read
        settle = 10.0 * (number % 2)
        known = [unit for unit in units if unit.completed <= end - timedelta(seconds=settle)]
        wanted = values_in(Block(number, "after", start, end), known)
        block = {"number": number, "arm": "after", "start": str(start), "end": str(end)}
        assert list(blocks_between(runs, [block], "after", settle)["excess_wait"]) == wanted
        assert list(headline_recount.block_values(runs, block, 10)["excess_wait"]) == wanted
        counted += len(wanted)
    assert counted > 10


def test_a_bar_is_met_only_with_its_whole_interval(capsys: pytest.CaptureFixture[str]) -> None:
    """-60 % from steady runs meets it; from five wild ones it does not, and the exit code is 1."""
    best = sample([3.0, 3.1, 2.9])
    steady = [change("execution", [10.0, 10.1, 9.9, 10.0, 10.2], [4.0, 4.1, 3.9, 4.0, 4.2])]
    wild = [change("execution", [12.0, 8.0, 10.0, 9.0, 11.0], [0.5, 9.0, 0.6, 0.7, 9.2])]
    met = bars({"blocks": steady}, best, best, True)
    missed = bars({"blocks": wild}, sample([4.0, 4.1, 3.9]), best, False)
    assert [one.met for one in met] == [True] * 3
    assert [one.met for one in missed] == [False] * 3
    assert wild[0].share < -0.4
    assert report({"bars": [vars(one) for one in met]}, True) == 0
    assert report({"bars": [vars(one) for one in met]}, False) == 1
    assert report({"bars": [vars(one) for one in missed]}, True) == 1
    assert "MISSED" in capsys.readouterr().out


@pytest.mark.parametrize("module", [headline_check, headline_recount])
def test_the_checker_knows_nothing_of_grace(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text())
    froms = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    plain = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    ours = {name for name in (*froms, *plain) if name.split(".")[0] in ROOMS}
    assert ours <= {headline_recount.__name__}
    assert "pandas" in plain


def test_the_chart_and_the_tables_tell_every_limit(tmp_path: Path) -> None:
    found = _story()
    draw(found, tmp_path / "headline.svg")
    svg = (tmp_path / "headline.svg").read_text()
    for words in ("set wrong: 2", "found by Grace, best: 8", "approved, applied", "undone"):
        assert words in svg
    assert "| 16 | 10.00 s (9.00 to 11.00), n = 6 |" in tables(found)
    assert "Execution **-60% (-70% to -50%)**: 10.0 s to 4.0 s" in headline_lines(found)
    page = "a\n<!-- headline -->\nold\n<!-- end of headline -->\nz"
    assert replaced(page, "headline", "new") == page.replace("old", "new")
    with pytest.raises(ValueError, match="has no"):
        replaced("a page", "headline", "new")


@pytest.mark.parametrize("page", ["README.md", "docs/performance.md"])
def test_the_pages_have_a_place_for_the_headline(page: str) -> None:
    replaced((PROJECT / page).read_text(), "headline", "new")


def test_the_checker_reads_of_prefect_what_grace_logged(
    prefect_api: str, settings: Settings
) -> None:
    """Three real refreshes under a real tag limit, logged by Grace and recomputed without it."""
    from prefect import tags

    from flows.sample import page_refresh
    from tasks.ingest_prefect import read_history
    from tasks.levers.concurrency_limit import ConcurrencyLimit

    sample_log, lever = settings.for_log("sample"), ConcurrencyLimit()
    names = ["daily", sweep_name(1, 1), sweep_name(2, 2)]
    with _page_service() as service, tags("sample"):
        for name in names:
            lever.apply("tag:sample-pages", labelled(name) or 2)
            named = page_refresh.with_options(flow_run_name=name)
            assert named(pages=4, service=service, return_state=True).is_completed()
    prefect = headline_recount.Prefect(prefect_api)
    _until_written(prefect, 5 * len(names))
    # Grace reads up to ten seconds ago, and these have just ended
    read_history(sample_log, datetime.now(UTC) + timedelta(seconds=11), print)

    logged = runs_of(open_store(sample_log.url), floor_seconds=0.01)
    told = json.loads(logged.to_json(orient="records", date_format="iso", date_unit="us"))
    assert sorted(logged["name"]) == sorted(names)
    assert [row["limit"] for row in sweep_of(logged)] == [1, 2]
    runs = headline_recount.with_waits(*headline_recount.read(prefect), floor_seconds=0.01)
    assert runs.set_index("name")["at_once"][sweep_name(1, 1)] == 1

    say = headline_check.Comparing()
    headline_check.check_runs(say, runs, told, prefect)
    assert (say.compared, say.differing) == (1 + 3 * len(names), [])
    forged = copy.deepcopy(told)
    forged[0]["excess_wait"] *= 0.9
    forged.pop()
    headline_check.check_runs(say, runs, forged, prefect)
    assert len(say.differing) == 2
    assert say.differing[1].startswith(f"excess_wait of {forged[0]['name']}")


@contextmanager
def _page_service() -> Iterator[str]:
    """Pages that take 50 ms, served by a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    service = PageService(random.Random(1), reset_share=0, work_seconds=0.05)
    server = asyncio.run_coroutine_threadsafe(service.start(0), loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _until_written(prefect: headline_recount.Prefect, tasks: int) -> None:
    """Prefect writes the ends of task runs down a little later: four pages and a summary each."""
    deadline = time.monotonic() + 120
    while len(headline_recount.read(prefect)[1]) < tasks:
        assert time.monotonic() < deadline, "the task runs were never written down"
        time.sleep(0.2)


def _story() -> dict[str, object]:
    """Figures as `benchmarks.headline` writes them, of a made-up run."""
    rng = np.random.default_rng(5)
    means = {1: 18.0, 2: 10.0, 4: 6.0, 8: 4.0, 16: 10.0}
    shown = [
        {"limit": limit, "execution": row, "excess_wait": row}
        for limit, mean in means.items()
        for row in [{"n": 6, "mean": mean, "low": mean - 1, "high": mean + 1}]
    ]
    ends = [BEGIN + timedelta(seconds=12 * number) for number in range(40)]
    runs = [
        {"ended": end.isoformat(), "execution": float(rng.uniform(3, 10)), "limit": 0}
        for end in ends
    ]
    names = ("proposed", "raise applied", "raise judged", "harm applied", "harm judged")
    events = [
        {"name": name, "at": (BEGIN + timedelta(minutes=number)).isoformat()}
        for number, name in enumerate(names, 1)
    ]
    side = {"n": 12, "mean": 10.0, "low": 9.0, "high": 11.0}
    less = {"n": 12, "mean": 4.0, "low": 3.5, "high": 4.5}
    changes = [
        {"metric": metric, "before": side, "after": less, "share": -0.6, "low": -0.7, "high": -0.5}
        for metric in ("execution", "excess_wait")
    ]
    return {
        "begun": BEGIN.isoformat(),
        "ended": (BEGIN + timedelta(minutes=31)).isoformat(),
        "settings": {"cores": 2, "load_at_end": 1.0},
        "limits": {"wrong": 2, "found": 8, "best": 8, "harmful": 3},
        "events": events,
        "changes": {"before Grace and after": changes},
        "sweep": shown,
        "proposals": {"harm": {"state": "rolled_back", "verdict": "regressed"}},
        "bars": [],
        "runs": runs,
    }
