"""A work pool or work queue that makes flow runs wait is proposed a higher limit like any other."""

import pytest

from grace.opportunities.reduce_wait_time import case_for, stream_of
from grace.opportunities.streams import see
from grace.opportunities.waits import pressures
from tests.ruling import a_policy


@pytest.mark.parametrize("key", ["work-pool:process", "work-queue:process/urgent"])
def test_the_limit_of_a_pool_is_raised(log, start, key):
    """Four flow runs at once every 100 s behind one place: 0, 20, 40 and 60 s of wait."""
    for burst in range(8):
        for place in range(4):
            queued = 100 * burst
            begin = queued + 20 * place
            log._add(
                "flow_run",
                None,
                (queued, begin, begin + 20),
                {"limits": {key: 1}},
                f"f{burst}-{place}",
                "refresh/nightly",
                "process/urgent",
            )
    frame = log.frame()
    (pressure,) = pressures(frame)
    (seen,) = see([stream_of(pressure, start)], pressure.times[-1])
    case = case_for(seen, pressure, frame, a_policy(), 7)
    assert (case.change.lever, case.change.target) == ("concurrency-limit", key)
    assert (case.change.before, case.change.after) == (1, 4)
    assert case.title == f"Raise {key} from 1 to 4"
    assert case.prediction.then == pytest.approx(0, abs=1)
