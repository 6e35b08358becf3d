"""Which flow run a task run counts for, said plainly and computed at once."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.measurement.family import Family

RUNS = [f"flow-{number}" for number in range(6)]
plain_examples = settings(max_examples=150)


def frame_of(
    above: Mapping[str, str | None], tasks: list[tuple[str | None, bool | None]]
) -> pd.DataFrame:
    end = pd.Timestamp("2026-03-01", tz="UTC")
    rows = [("flow_run", name, parent, True) for name, parent in above.items()]
    rows += [("task_run", f"task-{n}", *each) for n, each in enumerate(tasks)]
    columns = ["process_type", "process_id", "parent_process", "success"]
    return pd.DataFrame(rows, columns=columns).assign(completed_at=end)


def shares(
    above: Mapping[str, str | None], tasks: list[tuple[str | None, bool | None]], units: list[str]
) -> list[float]:
    """One task run after the other, up from its flow run to the first that is a unit."""
    ends: dict[str, list[bool]] = {unit: [] for unit in units}
    for parent, success in tasks:
        at, seen = parent, set()
        while at in above and at not in units and at not in seen:
            seen.add(at)
            at = above[at]
        if at in ends and success is not None:
            ends[at].append(success)
    return [sum(each) / len(each) if each else float("nan") for each in ends.values()]


@plain_examples
@given(
    above=st.fixed_dictionaries(
        {name: st.sampled_from([None, "elsewhere", *RUNS]) for name in RUNS}
    ),
    tasks=st.lists(
        st.tuples(st.sampled_from([None, "elsewhere", *RUNS]), st.sampled_from([True, False, None]))
    ),
    units=st.lists(st.sampled_from(RUNS), unique=True),
)
def test_a_task_run_counts_for_the_nearest_unit_above_it(
    above: dict[str, str | None], tasks: list[tuple[str | None, bool | None]], units: list[str]
) -> None:
    """Subflows of any depth, flow runs that are not there, and some that call each other round."""
    family = Family(frame_of(above, tasks))
    places = np.array([list(above).index(unit) for unit in units], dtype=np.int64)
    found = family.success_shares(places)
    assert found.tolist() == pytest.approx(shares(above, tasks, units), nan_ok=True)
