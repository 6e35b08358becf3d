"""Which archives of a log stay, and why; the others may go, once governance agrees.

The rules keep the newest of each of the last days, weeks and months that have one, within each kind
of export, so that a log that is exported no more never loses its last archives. Whatever they say,
what something else relies on stays.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from grace.export.drill import last_drill
from grace.export.history import Finished, last_backup, read_history
from grace.export.shelf import Series, Shelf, Shelved, exports_folder, read_shelf
from grace.governance.retaining import Retaining
from grace.settings import Settings

__all__ = ["Relied", "Retention", "kept_by_rules", "needed", "read_relied", "retention"]

BUCKETS: Mapping[str, Callable[[datetime], str]] = {
    "keep_daily": lambda at: f"day {at:%Y-%m-%d}",
    "keep_weekly": lambda at: f"week {at:%G-W%V}",
    "keep_monthly": lambda at: f"month {at:%Y-%m}",
}


@dataclass(frozen=True)
class Relied:
    """What is relied on beside the files themselves, by what Grace remembers of its exports.

    `tried` is what the next restore drill takes, `drilled` what the last good one took, `latest`
    what the next export since the last one goes on from: file names where they lie in the exports
    folder, paths and URLs of those that went elsewhere, which are `elsewhere`.
    """

    tried: str | None = None
    drilled: str | None = None
    latest: Collection[str] = ()
    elsewhere: Sequence[Finished] = ()


@dataclass(frozen=True)
class Retention:
    """`stays` tells of each archive that does why; the others are `goes`, the oldest first."""

    shelf: Shelf
    stays: Mapping[str, str]

    @property
    def goes(self) -> list[Shelved]:
        return [one for one in self.shelf.archives if one.name not in self.stays]


@dataclass(frozen=True)
class _Span:
    """An export of the rows at `low` to `size`; `name` is its file's, or where else it went."""

    series: Series
    low: int
    size: int
    name: str


def retention(settings: Settings, rules: Retaining, now: datetime) -> Retention:
    """As the rules have it now; without rules everything stays."""
    shelf = read_shelf(settings)
    if not rules.is_on:
        return Retention(shelf, dict.fromkeys((one.name for one in shelf.archives), "no rules"))
    kept = kept_by_rules(shelf.archives, rules, now.date())
    return Retention(shelf, kept | needed(shelf.archives, kept, read_relied(settings)))


def kept_by_rules(archives: Sequence[Shelved], rules: Retaining, today: date) -> dict[str, str]:
    """Of `archives`, the oldest first, those that a rule keeps, and which; days are UTC's."""
    kept = {one.name: "made today" for one in archives if one.made_at.date() >= today}
    for series in _alike(archives):
        for rule, bucket in BUCKETS.items():
            newest = {bucket(one.made_at): one for one in series}
            count: int = getattr(rules, rule)
            for when, one in list(newest.items())[-count:] if count else ():
                kept.setdefault(one.name, f"newest of {when}")
    return kept


def _alike(archives: Iterable[Shelved]) -> Iterator[list[Shelved]]:
    """Those that could stand for one another: an extract is no substitute for a backup."""
    found: dict[object, list[Shelved]] = {}
    for one in archives:
        told = one.manifest
        found.setdefault((one.series, told.newest, told.validated), []).append(one)
    yield from found.values()


def read_relied(settings: Settings) -> Relied:
    folder, history = exports_folder(settings).absolute(), read_history(settings)
    backup, drill = last_backup(settings), last_drill(settings)

    def name(path: str) -> str:
        return Path(path).name if Path(path).parent == folder else path

    return Relied(
        tried=name(backup.path) if backup else None,
        drilled=name(drill.path) if drill and drill.ok else None,
        latest={(each.scope, each.tables): name(each.path) for each in history}.values(),
        elsewhere=[each for each in history if name(each.path) == each.path],
    )


def needed(archives: Sequence[Shelved], staying: Collection[str], relied: Relied) -> dict[str, str]:
    """Which of `archives` must not go where those named `staying` stay, and why."""
    found: dict[str, str] = {}
    for one in archives:
        if one.is_backup:
            found = {one.name: "the newest valid backup"}
    if relied.tried:
        found.setdefault(relied.tried, "the next restore drill tries it")
    if relied.drilled:
        found.setdefault(relied.drilled, "the last restore drill restored it")
    for name in relied.latest:
        found.setdefault(name, "the next export since the last one builds upon it")
    for base, builder in _built_upon(_spans(archives, relied.elsewhere), {*staying, *found}):
        found.setdefault(base.name, f"{builder.name} builds upon it")
    names = {one.name for one in archives}
    return {name: why for name, why in found.items() if name in names}


def _spans(archives: Iterable[Shelved], elsewhere: Iterable[Finished]) -> list[_Span]:
    here = [_Span(one.series, one.manifest.low, one.manifest.size, one.name) for one in archives]
    return here + [
        _Span((each.scope, each.tables), each.low, each.size, each.path) for each in elsewhere
    ]


def _built_upon(spans: Sequence[_Span], staying: Collection[str]) -> Iterator[tuple[_Span, _Span]]:
    """What those that stay need to be whole, with what needs it; what that needs, and so on."""
    todo = [span for span in spans if span.name in staying]
    seen = set(todo)
    while todo:
        builder = todo.pop()
        for base in _bases(builder, spans):
            yield base, builder
            if base not in seen:
                seen.add(base)
                todo.append(base)


def _bases(builder: _Span, spans: Iterable[_Span]) -> list[_Span]:
    """Those that end where it begins; else the one that ends next behind that."""
    fit = [
        each
        for each in spans
        if each.series == builder.series and each.low < builder.low <= each.size
    ]
    nearest = min((each.size for each in fit), default=0)
    return [each for each in fit if each.size == nearest]
