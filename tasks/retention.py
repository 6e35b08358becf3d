"""Looking which archives may go, and asking about it: one question at a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from prefect import task
from prefect.artifacts import create_table_artifact

from grace.desk import Desk
from grace.export.retention import Retention, retention
from grace.export.shelf import Shelved
from grace.governance.change import Change
from grace.governance.enabling import enabled
from grace.governance.policy import Policy
from grace.governance.proposal import Evidence, Prediction
from grace.governance.register import Entry, list_entries
from grace.governance.track import track_of
from grace.opportunities import reduce_wait_time
from grace.opportunities.drawing import Case, Kind, draw_up
from grace.opportunities.standing import RESTING
from grace.settings import Settings
from tasks.levers.delete_archives import DeleteArchives, archives_target, archives_title, sum_of
from tasks.search import Search

__all__ = ["propose_retention"]

KIND: Kind = "retain_archives"
# what a page of a proposal can show; the next time goes on with the rest
MOST_AT_ONCE = 50
MOST_SHOWN = 50


@task
def propose_retention(settings: Settings, now: datetime, desk: Desk | None = None) -> str:
    """Propose to delete what the rules do not keep, unless it is asked already; what came of it."""
    search = Search.begin(settings, now, desk)
    rules = search.policy.retention
    if not rules.is_on:
        return "no archive is ever deleted: [retention] in governance.toml says how many to keep"
    found = retention(settings, rules, now)
    _publish(settings, found)
    if not found.goes:
        return f"all {len(found.shelf.archives)} archives stay: {rules.told}"
    if against := _against(list_entries(search.store), search.policy, now):
        return f"{len(found.goes)} archives could go: {against}"
    return _propose(search, found)


def _against(entries: Sequence[Entry], policy: Policy, now: datetime) -> str | None:
    """What stands against asking now, whatever day the archives are of."""
    for entry in reversed(entries):
        if entry.proposal.change.lever != DeleteArchives.name:
            continue
        if entry.is_open:
            return f"proposal {entry.id[-12:]} for it is {entry.state}"
        rests = entry.changed_at + policy.rest
        if entry.proposal.kind == KIND and entry.state in RESTING and now < rests:
            return f"it was {entry.state} and rests until {rests:%Y-%m-%d}"
    waiting = sum(entry.is_open and entry.proposal.by_engine for entry in entries)
    if waiting >= policy.open_proposals:
        return f"{waiting} proposals are open already, which is the most allowed"
    return None


def _propose(search: Search, found: Retention) -> str:
    goes = found.goes[:MOST_AT_ONCE]
    settings, lever = search.settings, search.desk.lever(DeleteArchives.name)
    target = archives_target(settings.log, goes[-1].made_at.date() + timedelta(days=1))
    if not enabled(search.store).allows(target):
        command = f"grace --log {settings.log} enable 'archives:{settings.log}/*' --as REVIEWER"
        return f"{len(goes)} archives could go; to be asked about it: {command} --reason WHY"
    before, going = lever.read(target), {one.name for one in goes}
    assert isinstance(before, dict)
    after = {name: kept for name, kept in before.items() if name not in going}
    lever.check(target, after)
    change = Change(lever=lever.name, target=target, before=before, after=after)
    with search.store.writing(search.now) as writer:
        ledger_size = writer.size
    proposal = draw_up(
        _case(change, found, goes, search.policy, ledger_size),
        lever=lever,
        policy=search.policy,
        track=track_of(list_entries(search.store), lever.name),
        log=settings.log,
        now=search.now,
        rng=search.desk.rng(),
    )
    entry = search.desk.submit(proposal, search.policy)
    return f"{entry.id} is {entry.state}: {proposal.title}"


def _case(
    change: Change, found: Retention, goes: Sequence[Shelved], policy: Policy, ledger_size: int
) -> Case:
    going = {one.name for one in goes}
    stays = [one for one in found.shelf.archives if one.name not in going]
    facts = {
        "go": sum_of([one.bytes for one in goes]),
        "stay": sum_of([one.bytes for one in stays]),
        **{one.name: _why(one, found) for one in reversed(stays[-MOST_SHOWN:])},
    }
    how = f"{_megabytes(sum(one.bytes for one in goes))} are free again, and nothing measures it"
    metric = reduce_wait_time.METRIC
    return Case(
        kind=KIND,
        title=archives_title(change),
        why=f"The rules keep {policy.retention.told} of each kind, and nothing relies on the "
        "others.",
        proposed_by="grace",
        change=change,
        evidence=Evidence(
            metric=metric, unit="none", n=len(goes), mean=None, ledger_size=ledger_size, facts=facts
        ),
        prediction=Prediction(metric=metric, now=None, then=None, how=how),
        subject=None,
        floor_seconds=None,
        gap_seconds=None,
    )


def _why(one: Shelved, found: Retention) -> str:
    reason = found.stays.get(one.name, "it goes another time")
    return f"stays, {_megabytes(one.bytes)}: {reason}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _publish(settings: Settings, found: Retention) -> None:
    rows = [
        {
            "archive": one.name,
            "made": f"{one.made_at:%Y-%m-%d %H:%M} UTC",
            "rows": one.manifest.rows,
            "bytes": one.bytes,
            "stays": found.stays.get(one.name, "no"),
        }
        for one in reversed(found.shelf.archives)
    ]
    create_table_artifact(
        rows, key=f"archives-{settings.log}", description=f"{len(found.goes)} archives could go"
    )
