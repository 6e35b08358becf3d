"""A row is erased as any change is made: proposed, approved by somebody else, applied once."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from grace.actions.applying import apply_approved
from grace.errors import BadInput
from grace.governance.asking import submit, take_answer
from grace.governance.change import Change
from grace.governance.consent import Answer
from grace.governance.policy import load_policy
from grace.governance.register import Entry, find, move
from grace.levers import find_lever, is_reversible
from grace.measurement.plan import Plan
from grace.notary.signer import sign
from grace.notary.verify import verify
from grace.settings import Settings
from grace.states import State
from grace.store import Store
from grace.store.read import newest
from tasks.levers.erase_row import EraseRow
from tests.actions.conftest import Clock
from tests.proposing import NOON, a_proposal

SECRET = "the patient is called Jane Doe"
TARGET = "row:healing_attempts/attempt-17"


@pytest.fixture
def logged(store: Store) -> Store:
    """Two revisions of an attempt that say too much, and another attempt."""
    for status in ("started", "done"):
        with store.writing(NOON) as writer:
            row = {"attempt_id": "attempt-17", "error_message": SECRET * 300, "status": status}
            writer.append("healing_attempts", [row], source="app")
    with store.writing(NOON) as writer:
        writer.append("healing_attempts", [{"attempt_id": "attempt-18"}], source="app")
    return store


def proposed(
    settings: Settings,
    store: Store,
    target: str = TARGET,
    name: str = "p-e",
    lever: str = "erase-row",
) -> Entry:
    policy = load_policy(settings)
    proposal = a_proposal(
        proposal_id=name,
        kind="by_hand",
        title=f"Erase {target}",
        why="the message names a patient",
        proposed_by="alice",
        change=Change(lever=lever, target=target, before="kept", after="erased"),
        plan=Plan(design="unmeasured", subject=target, smallest_effect=0.5),
        policy_digest=policy.digest,
    )
    return submit(store, proposal, policy, NOON)


def answered(settings: Settings, store: Store, entry: Entry) -> Entry:
    answer = Answer(answer="approve", reviewer="operator", reason="agreed")
    outcome = take_answer(
        store,
        load_policy(settings),
        entry,
        answer,
        asked_hash=entry.content_hash,
        decision_id=f"{entry.id}:answer-1",
        now=NOON,
        run_id=None,
    )
    assert outcome == "approved"
    return find(store, entry.id)


def test_an_approved_erasure_takes_the_payload_and_leaves_the_proof(
    settings: Settings, logged: Store
) -> None:
    """Both revisions are emptied; who asked, who agreed and why stands in the log; it verifies."""
    lever = EraseRow(settings, Clock())
    sign(settings, logged, NOON)
    assert lever.read(TARGET) == "kept"
    entry = answered(settings, logged, proposed(settings, logged))
    apply_approved(logged, lever, entry, load_policy(settings), Clock(), None)
    assert lever.read(TARGET) == "erased"
    erasures = newest(logged, "erasures")
    assert len(erasures) == 2
    told = erasures[["requested_by", "approved_by", "reason"]].drop_duplicates()
    assert told.values.tolist() == [["alice", "operator", "the message names a patient"]]
    attempts = newest(logged, "healing_attempts").set_index("attempt_id")
    assert attempts["error_message"].isna().all()
    sign(settings, logged, NOON)
    assert verify(settings, logged).ok


def test_the_file_does_not_keep_what_was_erased(settings: Settings, logged: Store) -> None:
    """Not in the freed space of its pages either, though SQLite by itself would leave it there."""
    lever = EraseRow(settings, Clock())
    sa.event.listen(
        lever._store.engine, "connect", lambda raw, _: raw.execute("PRAGMA secure_delete = OFF")
    )
    entry = answered(settings, logged, proposed(settings, logged))
    apply_approved(logged, lever, entry, load_policy(settings), Clock(), None)
    for opened in (logged, lever._store):
        opened.engine.dispose()
    folder = settings.log_dir
    kept = [file for file in folder.rglob("*") if file.is_file() and holds(file, SECRET)]
    assert kept == []


def holds(file: Path, text: str) -> bool:
    return text.encode() in file.read_bytes()


def test_twice_is_once(settings: Settings, logged: Store) -> None:
    """Taken up again after a crash, nothing is erased or recorded a second time."""
    lever = EraseRow(settings, Clock())
    entry = answered(settings, logged, proposed(settings, logged))
    apply_approved(logged, lever, entry, load_policy(settings), Clock(), None)
    with pytest.raises(BadInput, match="nobody approved"):
        lever.apply(TARGET, "erased")
    assert len(newest(logged, "erasures")) == 2


def test_without_an_approval_nothing_is_erased(settings: Settings, logged: Store) -> None:
    """The lever itself looks for the proposal that is being applied."""
    lever = EraseRow(settings, Clock())
    proposed(settings, logged)
    with pytest.raises(BadInput, match="nobody approved that"):
        lever.apply(TARGET, "erased")
    assert lever.read(TARGET) == "kept"


@pytest.mark.parametrize(
    ("target", "value", "said"),
    [
        (TARGET, "kept", "can only be erased"),
        ("row:healing_attempts", "erased", "write row:TABLE/KEY"),
        ("row:healing_attempts/nix", "erased", "has no row with attempt_id 'nix'"),
        ("row:nix/1", "erased", "there is no log table"),
        ("row:proposals/p-e", "erased", "Grace works by its own rows of proposals"),
        ("row:decisions/p-e:answer-1", "erased", "is of no proposal that is at its end"),
    ],
)
def test_what_cannot_be_erased_is_refused_in_one_line(
    settings: Settings, logged: Store, target: str, value: str, said: str
) -> None:
    """Before anything is proposed."""
    answered(settings, logged, proposed(settings, logged))
    with pytest.raises(BadInput, match=said) as problem:
        EraseRow(settings, Clock()).check(target, value)
    assert len(str(problem.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("state", "hours", "said"),
    [
        ("kept", 48, "is kept: by its deeds it is seen"),
        ("rolled_back", 23, "counts for the daily limit"),
        ("rolled_back", 25, None),
    ],
)
def test_no_deed_is_forgotten_that_a_brake_goes_by(
    settings: Settings, store: Store, state: State, hours: int, said: str | None
) -> None:
    """Drift and the limit of changes a day are read from the deeds."""
    entry = answered(settings, store, proposed(settings, store, "row:healing_attempts/x"))
    way: tuple[State, ...] = ("applying", "applied", "measuring", "kept")
    with store.writing(NOON) as writer:
        row = {"action_id": f"{entry.id}:apply", "proposal_id": entry.id, "purpose": "apply"}
        writer.append("actions", [row])
        for each in way if state == "kept" else (*way, "rolling_back", "rolled_back"):
            entry = move(writer, entry, each)
    lever = EraseRow(settings, lambda: NOON + timedelta(hours=hours))
    if said is None:
        lever.check(f"row:actions/{entry.id}:apply", "erased")
        return
    with pytest.raises(BadInput, match=said):
        lever.check(f"row:actions/{entry.id}:apply", "erased")


def test_a_change_of_the_same_target_by_another_lever_is_no_leave_to_erase(
    settings: Settings, logged: Store
) -> None:
    """It is approved, and about that row; but nobody said *erased*."""
    entry = proposed(settings, logged, name="p-f", lever="file")
    answered(settings, logged, entry)
    with pytest.raises(BadInput, match="nobody approved that"):
        EraseRow(settings, Clock()).apply(TARGET, "erased")


def test_it_is_found_by_its_name_and_marked_irreversible(settings: Settings, logged: Store) -> None:
    """`grace propose row:…` takes the same door as every lever."""
    lever = find_lever("erase-row", settings)
    assert not is_reversible(lever, TARGET)
