"""When a permit is earned: what `governance.toml` may say of it, and how a mistake is told."""

from pathlib import Path

import pytest

from grace.errors import BadInput
from grace.governance.governing import Earning, read_governing

REVIEWERS = 'reviewers = ["ann"]\n'


def test_everything_in_the_table_is_taken_over():
    text = (
        f'{REVIEWERS}[earning]\nexecutions = 50\nsuccess_rate = 0.99\nwaited = ["queued"]\n'
        'succeeded = ["fine"]\n'
    )
    assert read_governing(Path("governance.toml"), text).earning == Earning(
        executions=50, success_rate=0.99, waited=("queued",), succeeded=("fine",)
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("executions = 4", "line 4, earning.executions: "),
        ("executions = true", "line 4, earning.executions: "),
        ("success_rate = 1.0", "line 4, earning.success_rate: "),
        ("success_rate = 0.4", "line 4, earning.success_rate: "),
        ("waited = []", "line 4, earning.waited: "),
        ('waited = ["asked",\n"x", 3]', "line 4, earning.waited: "),
        ('succeeded = [" "]', "line 4, earning.succeeded: "),
        ("sucess_rate = 0.9", "line 4, earning.sucess_rate: there is no such key"),
        ('waited = ["ok"]', "line 3, earning: ok cannot mean both waited and succeeded"),
    ],
)
def test_a_mistake_is_told_with_its_line(line, said):
    with pytest.raises(BadInput) as caught:
        read_governing(Path("governance.toml"), f"{REVIEWERS}\n[earning]\n{line}\n")
    assert str(caught.value).startswith(f"governance.toml: {said}")
    assert "\n" not in str(caught.value)
