"""Units fall into arms by a hash: the same everywhere, fairly, and anew in every experiment."""

import math
import subprocess
import sys
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace import assign

RUN = "0195f3a1-7c00-7000-8000-000000000001"


@pytest.mark.parametrize(
    ("experiment", "unit", "arm"),
    [
        ("bigger-pages", "1", "before"),  # f926ad773c61793e
        ("bigger-pages", "2", "before"),  # dacf32c4055f98d4
        ("bigger-pages", RUN, "after"),  # 63b004b1c2ab1f8a
        ("größer", "läuft", "after"),  # 02ca75c0723787e8
    ],
)
def test_the_vectors_that_are_documented(experiment, unit, arm) -> None:
    """Whoever writes it again in another language finds the same."""
    assert assign(experiment, unit) == arm


def test_the_share_is_a_bound_on_the_first_eight_bytes() -> None:
    drawn = 0x63B004B1C2AB1F8A / 2**64
    assert assign("bigger-pages", RUN, share=drawn * (1 + 1e-9)) == "after"
    assert assign("bigger-pages", RUN, share=drawn * (1 - 1e-9)) == "before"


def test_an_id_of_prefect_is_its_text() -> None:
    assert assign("bigger-pages", UUID(RUN)) == assign("bigger-pages", RUN)


@settings(max_examples=25)
@given(st.text(min_size=1), st.sampled_from([0.1, 0.5, 0.8]), st.integers(0, 10**9))
def test_arms_get_their_share_whatever_the_experiment_is_called(name, share, first) -> None:
    """1,000 units numbered in a row: within 5 standard errors of the share (6e-7 an example)."""
    n = 1000
    after = sum(assign(name, str(first + each), share=share) == "after" for each in range(n))
    assert abs(after - n * share) < 5 * math.sqrt(n * share * (1 - share))


@settings(max_examples=25)
@given(st.text(min_size=1), st.text(min_size=1))
def test_one_experiment_tells_nothing_of_another(one, other) -> None:
    """Of 1,000 units about half fall alike in both: within 5 standard errors."""
    if one == other:
        return
    alike = sum(assign(one, str(each)) == assign(other, str(each)) for each in range(1000))
    assert abs(alike - 500) < 5 * math.sqrt(250)


def test_an_experiment_and_a_unit_do_not_run_into_each_other() -> None:
    """`ab` + `c` and `a` + `bc` are two pairs: over 64 of them some differ."""
    assert any(assign(f"a{x}", "c") != assign("a", f"{x}c") for x in map(str, range(64)))


@pytest.mark.parametrize(
    ("experiment", "unit", "share"),
    [("", "u", 0.5), ("e", "", 0.5), ("e", None, 0.5), ("e", "u", 0), ("e", "u", 1)],
)
def test_what_has_no_name_has_no_arm(experiment, unit, share) -> None:
    """A flow run without an id would put all of them into one arm."""
    with pytest.raises(ValueError, match=r"experiment|share"):
        assign(experiment, unit, share=share)


def test_asking_needs_nothing_but_a_hash() -> None:
    heavy = ["sqlalchemy", "pandas", "prefect", "pydantic", "numpy"]
    code = f"import sys; from grace import assign; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
