"""From a model that is too unsure to a run that trains it again: once, and never taken back."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.states import Completed

from flows.governance import governance
from grace.brief import brief
from grace.errors import BadInput, NotAllowed
from grace.governance.policy import load_policy
from grace.governance.register import Entry, list_entries
from grace.opportunities.finding import Finding
from grace.settings import Settings
from grace.summary import why
from tasks.by_hand import propose_by_hand
from tasks.changes import undo_change
from tasks.levers.prefect_variable import PrefectVariable
from tasks.opportunities import find_low_confidence, follow_leads
from tasks.units import load_units
from tests.desk import Desk, run_deployed

MODEL = "billing/trees"


@flow(name="train-model")
def train_model(model: str = "all") -> None:
    return


class Site:
    """A deployment that trains models, named in this log's governance."""

    def __init__(self, desk: Desk, learning: str | None = None) -> None:
        self.desk, self.name = desk, f"train-model/again-{uuid4().hex[:8]}"
        with get_client(sync_client=True) as client:
            self.id = client.create_deployment(
                client.create_flow(train_model),
                name=self.name.partition("/")[2],
                parameter_openapi_schema=train_model.parameters.model_dump(),
            )
        named = learning or f'retrain = "{self.name}"\nmodel_parameter = "model"'
        text = desk.governance_file.read_text()
        desk.governance_file.write_text(f"{text}\n[learning]\n{named}\n")

    @property
    def runs(self):
        mine = DeploymentFilter(id=DeploymentFilterId(any_=[self.id]))
        with get_client(sync_client=True) as client:
            return client.read_flow_runs(deployment_filter=mine)

    def finish(self) -> None:
        with get_client(sync_client=True) as client:
            for run in self.runs:
                client.set_flow_run_state(run.id, Completed(), force=True)


def log_predictions(desk: Desk, stated: float, true: float, *, hours: int = 95) -> None:
    """Ten an hour until now."""
    begin, rng = datetime.now(UTC) - timedelta(hours=hours), np.random.default_rng(5)
    rows = [
        {
            "learning_id": f"p{hour}-{n}",
            "learning_type": "prediction",
            "subsystem": "billing",
            "model_type": "trees",
            "predicted_likelihood": float(np.clip(rng.normal(stated, 0.05), 0, 1)),
            "prediction_correct": bool(rng.random() < true),
            "timestamp": begin + timedelta(hours=hour),
        }
        for hour in range(hours)
        for n in range(10)
    ]
    with desk.store.writing(begin) as writer:
        writer.append("ml_learning_logs", rows, source="governed")


def cycle(desk: Desk):
    """One run of the hourly engine; what it found about the model."""
    state = run_deployed("proactive-improvement/hourly")
    assert state.is_completed(), state.message
    return why(desk.store, f"model:{MODEL}")


def proposals(desk: Desk) -> list[Entry]:
    """All but rules for errors: what other tests let fail on this server is read by a cycle too."""
    return [
        each for each in list_entries(desk.store) if each.proposal.change.lever != "pattern-rule"
    ]


def looked(desk: Desk) -> dict[str, Finding]:
    """What the one search finds, by metric; a cycle without the other searches."""
    now = datetime.now(UTC)
    found = follow_leads.fn(desk.settings, now, find_low_confidence.fn(desk.settings, now))
    assert {each.target for each in found} <= {f"model:{MODEL}"}
    return {each.metric: each for each in found}


def test_an_unsure_model_is_trained_again_by_exactly_one_run(desk: Desk) -> None:
    """Low confidence in the log, a proposal, a person's yes, and one run; evidence begins anew."""
    site = Site(desk)
    log_predictions(desk, 0.6, 0.6)
    finding = cycle(desk)
    (entry,) = proposals(desk)
    assert (finding.standing, finding.proposal_id) == ("proposed", entry.id)
    assert (entry.proposal.kind, entry.proposal.risk.tier) == ("improve_ml_confidence", "high")
    assert entry.proposal.evidence.mean == pytest.approx(0.6, abs=0.01)
    page = brief(entry, load_policy(desk.settings))
    assert "**It cannot be undone:**" in page
    assert "grace undo" not in page
    assert f"| mean confidence | **{entry.proposal.evidence.mean:.1%}**".replace("%", " %") in page
    assert f"Train {MODEL} again by {site.name}" in page
    assert site.runs == []
    desk.carry_on(entry)
    desk.answer(entry)
    (run,) = site.runs
    assert desk.entry(entry).state == "applied"
    assert run.parameters == {"model": MODEL}
    run_deployed("measurement/on-block", {"proposal_id": entry.id})
    governance()
    assert len(site.runs) == 1
    kept = desk.entry(entry)
    assert (kept.state, kept.verdict) == ("kept", "insufficient_data")
    with pytest.raises(NotAllowed, match=rf"run:{site.name} cannot be undone: run-deployment has"):
        undo_change(desk.settings, entry.id, "ann", "too early")
    assert desk.entry(entry).state == "kept"
    site.finish()
    assert {(each.standing, each.n) for each in looked(desk).values()} == {("quiet", 0)}
    assert len(proposals(desk)) == 1


def test_nothing_named_is_held_back_with_what_to_write(desk: Desk) -> None:
    """And so is a deployment that is named but not there: the cycle itself does not fail."""
    log_predictions(desk, 0.6, 0.6)
    finding = looked(desk)["mean confidence"]
    assert finding.standing == "held back"
    assert 'write retrain = "FLOW/DEPLOYMENT" under [learning]' in finding.reason
    Site(desk, 'retrain = "train-model/nowhere"')
    reason = looked(desk)["mean confidence"].reason
    assert "there is no deployment 'train-model/nowhere'" in reason
    assert list_entries(desk.store) == []


@pytest.mark.filterwarnings("ignore:Artifact creation outside")
def test_an_overconfident_model_is_asked_for_more_by_its_threshold(desk: Desk) -> None:
    """Where no retraining is named; what is measured is the model's own overconfidence."""
    name = f"sure_from_{uuid4().hex[:8]}"
    PrefectVariable().apply(f"variable:{name}", 0.7)
    Site(desk, f'threshold_variable = "{name}"\nthreshold_step = 0.1')
    log_predictions(desk, 0.95, 0.6)
    standings = {metric: each.standing for metric, each in looked(desk).items()}
    assert standings == {
        "mean confidence": "quiet",
        "overconfidence": "proposed",
        "underconfidence": "quiet",
    }
    (entry,) = list_entries(desk.store)
    change, plan = entry.proposal.change, entry.proposal.plan
    assert (change.target, change.before, change.after) == (f"variable:{name}", 0.7, 0.8)
    assert (plan.design, plan.metric, plan.subject) == ("switchback", "overconfidence", MODEL)
    assert plan.block_seconds == 7200
    assert 2 * plan.smallest_effect == pytest.approx(0.035, abs=0.005)
    page = brief(entry, load_policy(desk.settings))
    assert " points; threshold 5.0 points" in page
    desk.carry_on(entry)
    desk.answer(entry)
    assert PrefectVariable().read(change.target) == 0.8
    now = datetime.now(UTC) + timedelta(hours=3)
    row = {"learning_type": "prediction", "subsystem": "billing", "model_type": "trees"}
    row |= {"predicted_likelihood": 0.8, "prediction_correct": False, "data_sources": {}}
    with desk.store.writing(now) as writer:
        for n, run in enumerate(("f", "f", None)):
            about = {"learning_id": f"late{n}", "timestamp": now + timedelta(minutes=n)}
            about["data_sources"] = {"flow_run": run} if run else {}
            writer.append("ml_learning_logs", [row | about], source="governed")
    units = load_units(desk.store, entry, now + timedelta(hours=2), load_policy(desk.settings))
    assert [unit.value for unit in units[-2:]] == [pytest.approx(0.9)] * 2
    assert units[-2].completed == now + timedelta(minutes=1)


def test_a_run_proposed_by_hand_goes_the_same_way(desk: Desk) -> None:
    """Refused in one line where nothing could be started; asked about once, started once."""
    site, value = Site(desk), {"key": "try-1", "parameters": {"model": "trees"}}

    def propose(what=value):
        return propose_by_hand(
            desk.settings, "run-deployment", f"run:{site.name}", what, why="a test", by="carl"
        )

    with pytest.raises(BadInput, match="has no parameter 'epoch'"):
        propose({"key": "try-1", "parameters": {"epoch": 1}})
    entry = propose()
    assert entry.proposal.title == f'Run {site.name} with {{"model": "trees"}}'
    assert not entry.proposal.risk.reversible
    desk.carry_on(entry)
    desk.answer(entry)
    assert [run.parameters for run in site.runs] == [{"model": "trees"}]
    assert desk.entry(entry).state == "applied"
    with pytest.raises(BadInput, match="is applied already"):
        propose({"key": "try-2", "parameters": {}})
    assert len(site.runs) == 1


def test_a_log_without_models_has_no_leads(settings: Settings) -> None:
    assert find_low_confidence.fn(settings, datetime.now(UTC)) == []
