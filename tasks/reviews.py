"""Reviews of goals that go off their track: made once, shown, told, and the engine started."""

from datetime import UTC, datetime, timedelta

from prefect import task
from prefect.artifacts import create_markdown_artifact

from grace.analysis.rules import load_rules
from grace.goals.charts import goal_chart
from grace.reviews import (
    Review,
    is_reviewed,
    notice,
    off_track_event,
    record_review,
    review,
    review_page,
    unreviewed,
)
from grace.settings import Settings
from grace.store import open_store
from tasks.engines import read_engines
from tasks.notices import notify
from tasks.runs import run_link, start_deployed, start_run

__all__ = ["review_goal", "start_missed_reviews"]

# Prefect starts the review within seconds; only then is its event taken for lost
PATIENCE = timedelta(seconds=60)


@task
def review_goal(settings: Settings, event_index: int) -> str:
    """What became of the event `goal.off_track` at that index of the ledger, in one line.

    Once for each event: where Prefect delivers it again, nothing more is shown, told or started.
    """
    store, now = open_store(settings.url, create=False), datetime.now(UTC)
    event = off_track_event(store, event_index)
    if is_reviewed(store, event):
        return f"the event at {event_index} was reviewed already"
    made = review(store, event, now, load_rules())
    run_id = _start_engine(settings, made)
    _publish(settings, made, run_id)
    # before the record: cut short here, it is told twice rather than never
    notify(settings, "a goal is off track", notice(made))
    told: dict[str, object] = {
        "goal_id": made.goal.goal_id,
        "metric": made.goal.metric,
        "heaviest": made.parts[0].name if made.parts and made.parts[0].lacking else None,
        "proposals": [entry.id for entry in made.proposals],
        "engine_run": run_id,
    }
    with store.writing(datetime.now(UTC)) as writer:
        record_review(writer, event, told)
    return f"{made.goal.title} was reviewed"


@task
def start_missed_reviews(settings: Settings) -> list[int]:
    """Start what an event should have started and did not; the ledger indices of the events.

    Prefect loses events, and an automation that it has just been given it sometimes never takes up.
    """
    missed = unreviewed(open_store(settings.url), datetime.now(UTC), PATIENCE)
    for index in missed:
        start_run(
            settings,
            "goal-review",
            "on-off-track",
            {"event_index": index},
            key=f"{settings.log}:off-track:{index}",
            name=f"review of event {index}",
        )
    return missed


def _start_engine(settings: Settings, made: Review) -> str | None:
    """The run of the engine that looks for what would help, begun now instead of at its time."""
    mine = [each for each in read_engines(settings) if each.name.partition("/")[0] == made.engine]
    if not mine:
        return None
    return start_deployed(
        mine[0].name,
        {},
        key=f"{settings.log}:off-track:{made.event.index}:engine",
        name=f"for {made.goal.title}",
    )


def _publish(settings: Settings, made: Review, run_id: str | None) -> None:
    chart = goal_chart(made.standing) if made.standing else None
    link = run_link(run_id) if run_id else None
    create_markdown_artifact(
        review_page(made, chart, link),
        key=f"goal-review-{made.goal.goal_id}",
        description=f"Off track: {made.goal.title}",
    )
