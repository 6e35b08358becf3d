"""Running a deployment as a lever, on a real server: started once, read back, never taken back."""

from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed

from grace.errors import BadInput
from tasks.levers.run_deployment import TAG, RunDeployment


@flow(name="train")
def train(epochs: int = 3, model: str = "all") -> None:
    return


@flow(name="fit")
def fit(rows: int) -> None:
    return


class Site:
    """A deployment of its own, and the runs that it has."""

    def __init__(self, of=train, parameters=None, enforced=True):
        self.name = f"{of.name}/again-{uuid4().hex[:8]}"
        with get_client(sync_client=True) as client:
            self.id = client.create_deployment(
                client.create_flow(of),
                name=self.name.partition("/")[2],
                parameters=parameters,
                parameter_openapi_schema=of_schema(of),
                enforce_parameter_schema=enforced,
            )

    @property
    def target(self):
        return f"run:{self.name}"

    @property
    def runs(self) -> list[FlowRun]:
        mine = DeploymentFilter(id=DeploymentFilterId(any_=[self.id]))
        with get_client(sync_client=True) as client:
            return client.read_flow_runs(deployment_filter=mine)


def of_schema(flow):
    return flow.parameters.model_dump()


def value(key="first", **parameters):
    return {"key": key, "parameters": parameters}


@pytest.fixture
def lever(prefect_api):
    return RunDeployment()


@pytest.fixture
def site(prefect_api):
    return Site(parameters={"epochs": 5})


def test_what_was_never_started_reads_as_none(lever, site):
    assert lever.read(site.target) is None


def test_a_value_set_twice_starts_one_run(lever, site):
    """It reads as it was set, though Prefect keeps the deployment's parameters in the run too."""
    for _ in range(3):
        lever.apply(site.target, value(model="fraud"))
    (run,) = site.runs
    assert lever.read(site.target) == value(model="fraud")
    assert run.parameters == {"epochs": 5, "model": "fraud"}
    assert run.name.endswith(" first")
    assert run.state.is_scheduled()
    assert run.tags == [TAG]


def test_the_newest_run_is_what_is_read(lever, site):
    """Whatever its key is called, and however the runs end."""
    for key in ("b", "a", "c"):
        lever.apply(site.target, value(key, epochs=9))
        assert lever.read(site.target) == value(key, epochs=9)
    with get_client(sync_client=True) as client:
        first = min(site.runs, key=lambda run: run.created)
        client.set_flow_run_state(first.id, Completed(), force=True)
    assert lever.read(site.target) == value("c", epochs=9)
    assert lever.last_run(site.target).ended_at is None


def test_how_the_last_run_ended_is_told(lever, site):
    lever.apply(site.target, value())
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(site.runs[0].id, Completed(), force=True)
    last = lever.last_run(site.target)
    assert (last.state, last.value) == ("Completed", value())
    assert last.ended_at is not None


def test_what_others_start_is_not_read(lever, site):
    """A schedule's run or a person's, even one with the same tag, moves nothing."""
    lever.apply(site.target, value())
    with get_client(sync_client=True) as client:
        client.create_flow_run_from_deployment(site.id)
        client.create_flow_run_from_deployment(site.id, tags=[TAG])
    assert len(site.runs) == 3
    assert lever.read(site.target) == value()


def test_two_deployments_of_one_flow_share_no_key(lever, site):
    """Prefect would answer the second with the run of the first: its keys are a flow's."""
    other = Site()
    lever.apply(site.target, value())
    lever.apply(other.target, value())
    assert (len(site.runs), len(other.runs)) == (1, 1)


@pytest.mark.parametrize("again", [value(), value(epochs=4)])
def test_a_key_that_was_used_before_is_refused(lever, site, again):
    """An older run would be answered, and nothing started."""
    lever.apply(site.target, value())
    lever.apply(site.target, value("second"))
    for use in (lever.check, lever.apply):
        with pytest.raises(
            BadInput, match=r"'first' was the key of an earlier run of train/again-"
        ):
            use(site.target, again)
    assert len(site.runs) == 2


@pytest.mark.parametrize("target", ["train/a", "run:", "run:train", "run:train/", "run:a/b/c", ""])
def test_a_target_that_is_none_is_told_how_to_write_one(lever, target):
    with pytest.raises(BadInput, match="run:FLOW/DEPLOYMENT"):
        lever.read(target)


def test_a_deployment_that_is_not_there_is_named(lever):
    for use in (lever.read, lambda target: lever.check(target, value())):
        with pytest.raises(BadInput, match="no deployment 'nobody/nothing'"):
            use("run:nobody/nothing")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, "cannot be taken back"),
        (8, "a run is ordered by"),
        ({"key": "a"}, "parameters: Field required"),
        ({"parameters": {}}, "key: Field required"),
        (value("a b"), "key: "),
        (value("") | {"more": 1}, "key: "),
        (value() | {"more": 1}, "more: Extra inputs"),
        (value(epochs="many"), r"refuses epochs: 'many' is not of type 'integer'"),
        (value(epoch=1), "has no parameter 'epoch'; it has: epochs, model"),
        (value(epochs={"__prefect_kind": "jinja", "template": "{{ 9 }}"}), "__prefect_kind"),
        (value(model=[{"a": {"__prefect_kind": "json", "value": "1"}}]), "__prefect_kind"),
    ],
)
def test_a_value_that_would_start_no_such_run_is_refused_in_one_line(lever, site, wrong, said):
    """Before anything is started."""
    for use in (lever.check, lever.apply):
        with pytest.raises(BadInput, match=said) as caught:
            use(site.target, wrong)
        assert "\n" not in str(caught.value)
    assert site.runs == []


def test_a_parameter_that_is_missing_is_refused_unless_the_deployment_has_it(lever):
    """As the server would say when the run is to be made."""
    with pytest.raises(BadInput, match="'rows' is a required property"):
        lever.check(Site(fit).target, value())
    lever.check(Site(fit).target, value(rows=4))
    lever.check(Site(fit, {"rows": 4}).target, value())


def test_what_a_deployment_does_not_check_is_not_checked(lever):
    site = Site(enforced=False)
    lever.apply(site.target, value(epochs="many"))
    assert site.runs[0].parameters["epochs"] == "many"


def test_a_run_that_was_deleted_may_be_started_again(lever, site):
    """Then nothing of it is there to be read."""
    lever.apply(site.target, value())
    with get_client(sync_client=True) as client:
        client.delete_flow_run(UUID(str(site.runs[0].id)))
    assert lever.read(site.target) is None
    lever.apply(site.target, value())
    assert len(site.runs) == 1
