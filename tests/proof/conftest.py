"""Two changes with everything that was logged about them: one was kept, one undone."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from grace.actions.applying import apply_approved
from grace.actions.measuring import Measuring
from grace.governance.asking import submit, take_answer
from grace.governance.change import Change
from grace.governance.consent import Answer
from grace.governance.policy import load_policy
from grace.governance.register import find
from grace.measurement.blocks import Unit
from grace.notary.signer import sign
from grace.proof.improvement import prove
from grace.settings import Settings
from grace.store import Store, open_store
from tests.actions.conftest import Clock
from tests.actions.file_lever import FileLever
from tests.notary.conftest import _tall, _written, signed, tall  # noqa: F401 - fixtures
from tests.proposing import a_plan, a_proposal
from tests.tampering import NOW, entropy, row_of

ORDER = (("before", "after"), ("after", "before")) * 15
ROWS_BEFORE = 5


def decide(settings: Settings, store: Store, lever: FileLever, clock: Clock, **differing) -> str:
    """Propose a value for the pages, have it approved by the operator, and measure it."""
    policy = load_policy(settings)
    with store.writing(clock()) as writer:
        size = writer.size
    seen = a_proposal().evidence.model_copy(update={"ledger_size": size})
    proposal = a_proposal(evidence=seen, policy_digest=policy.digest, **differing)
    entry = submit(store, proposal, policy, clock())
    answer = Answer(answer="approve", reviewer="operator", reason="the service can take it")
    name = f"{entry.id}:answer-1"
    take_answer(
        store,
        policy,
        entry,
        answer,
        asked_hash=entry.content_hash,
        decision_id=name,
        now=clock(),
        run_id=None,
    )
    entry = apply_approved(store, lever, find(store, entry.id), policy, clock, None)
    measuring, units = Measuring(store, lever, policy, clock), []
    while measuring.step(find(store, entry.id), units, clock()).next_at is not None:
        queued = clock() + timedelta(seconds=10)
        wait = 10 / lever.read("pages") + 0.01 * len(units)
        units.append(Unit(queued, queued + timedelta(seconds=20), wait))
        clock.pass_(60)
    return entry.id


@pytest.fixture(scope="session")
def _told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, str, str]:
    folder = tmp_path_factory.mktemp("told")
    settings = Settings(data_dir=folder / "data")
    store, clock = open_store(settings.url), Clock()
    (folder / "values.json").write_text('{"pages": 2}')
    lever = FileLever(folder / "values.json")
    with store.writing(NOW) as writer:
        writer.append("goals", [row_of("goals", number) for number in range(ROWS_BEFORE)])
    plan = a_plan(subject="pages", floor_seconds=0.0, smallest_effect=0.5, order=ORDER)
    names = []
    for name, before, after in (("p-kept", 2, 8), ("p-undone", 8, 1)):
        change = Change(lever="file", target="pages", before=before, after=after)
        told = decide(settings, store, lever, clock, proposal_id=name, change=change, plan=plan)
        names.append(told)
        clock.pass_(3600)
    sign(settings, store, clock(), entropy=entropy())
    store.engine.dispose()
    return settings, names[0], names[1]


@pytest.fixture
def told(_told: tuple[Settings, str, str], tmp_path: Path) -> tuple[Settings, str, str]:
    """A copy of the log: its settings, the id of what was kept, and of what was undone."""
    settings, kept, undone = _told
    shutil.copytree(settings.data_dir, tmp_path / "told")
    return Settings(data_dir=tmp_path / "told"), kept, undone


Prove = Callable[[str], str]


@pytest.fixture
def proof_of(told: tuple[Settings, str, str]) -> Prove:
    """The file for a proposal of the copy."""
    settings = told[0]

    def make(proposal_id: str) -> str:
        return prove(settings, open_store(settings.url), proposal_id)[0]

    return make
