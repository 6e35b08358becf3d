"""A deployment's parameters and its default retries as levers, on a real server."""

from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.settings import PREFECT_API_URL, temporary_settings

from grace.errors import BadInput
from grace.governance.change import Change
from grace.levers import completed, verify
from tasks.deployment import check_parameters
from tasks.levers.default_retries import DELAY, RETRIES, DefaultRetries
from tasks.levers.deployment_parameters import DeploymentParameters

FILLED_IN = {"__prefect_kind": "json", "value": "8"}


@flow(name="tuned")
def tuned(rows: int = 3, model: str | None = "all", options: dict | None = None) -> None:
    return


class Site:
    """A deployment of its own."""

    def __init__(self, parameters=None, job_variables=None, enforced=True):
        self.name = f"tuned/{uuid4().hex[:8]}"
        with get_client(sync_client=True) as client:
            self.id = client.create_deployment(
                client.create_flow(tuned),
                name=self.name.partition("/")[2],
                description="ours",
                tags=["kept"],
                parameters=parameters,
                job_variables=job_variables,
                parameter_openapi_schema=tuned.parameters.model_dump(),
                enforce_parameter_schema=enforced,
            )

    @property
    def now(self):
        with get_client(sync_client=True) as client:
            return client.read_deployment(self.id)

    def set(self, **changed):
        with get_client(sync_client=True) as client:
            client.update_deployment(self.id, DeploymentUpdate(**changed))


@pytest.fixture(scope="module")
def untouched(prefect_server):
    """One that is only read, and of which every change is refused."""
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        return Site(parameters={"rows": 5})


def there_and_back(lever, target, before, wanted):
    """Twice is once, and the inverse is exact."""
    change = Change(
        lever=lever.name,
        target=target,
        before=before,
        after=completed(lever, target, wanted),
    )
    for each in (change, change, change.inverse):
        lever.apply(target, each.after)
        assert verify(lever, each)
    return change


@pytest.fixture
def parameters(prefect_api):
    return DeploymentParameters()


@pytest.fixture
def retries(prefect_api):
    return DefaultRetries()


def test_parameters_are_merged_and_put_back_exactly(parameters):
    """One that was absent before is absent again, and null is a value like any other."""
    site = Site(parameters={"rows": 5, "options": {"a": [1, None]}})
    before = {"rows": 5, "options": {"a": [1, None]}}
    target = f"parameters:{site.name}"
    assert parameters.read(target) == before
    change = there_and_back(parameters, target, before, {"rows": 9, "model": None})
    assert change.after == before | {"rows": 9, "model": None}
    assert site.now.parameters == before
    assert (site.now.description, site.now.tags) == ("ours", ["kept"])


def test_none_set_is_an_empty_object(parameters):
    site = Site()
    target = f"parameters:{site.name}"
    there_and_back(parameters, target, {}, {"rows": 9})


def test_what_somebody_else_sets_meanwhile_is_seen(parameters):
    """Also another parameter: the proposal saw all of them."""
    site = Site(parameters={"rows": 5})
    target = f"parameters:{site.name}"
    change = Change(lever=parameters.name, target=target, before={}, after={"rows": 5})
    assert verify(parameters, change)
    site.set(parameters={"rows": 5, "model": "trees"})
    assert not verify(parameters, change)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, "parameters are written as an object"),
        ([1], "parameters are written as an object"),
        ({"row": 1}, "has no parameter 'row'; it has: model, options, rows"),
        ({"rows": "many"}, "refuses rows: 'many' is not of type 'integer'"),
        ({"rows": FILLED_IN}, "__prefect_kind is filled in"),
        ({"options": {"deep": [FILLED_IN]}}, "__prefect_kind is filled in"),
    ],
)
def test_parameters_that_the_flow_refuses_are_refused_in_one_line(
    parameters, untouched, wrong, said
):
    with pytest.raises(BadInput, match=said) as caught:
        parameters.check(f"parameters:{untouched.name}", wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "rows",
    [
        {"$ref": "#/definitions/gone"},
        {"$ref": "#/definitions/circle"},
    ],
)
def test_a_schema_that_is_broken_is_told_in_one_line(untouched, prefect_api, rows):
    circle = {"circle": {"$ref": "#/definitions/circle"}}
    schema = {"type": "object", "properties": {"rows": rows}, "definitions": circle}
    broken = untouched.now.model_copy(update={"parameter_openapi_schema": schema})
    with pytest.raises(BadInput, match=r"^the parameters of a/b cannot be checked: its schema is"):
        check_parameters("a/b", broken, {"rows": 7})


def test_without_a_schema_to_enforce_anything_may_be_set(parameters):
    site = Site(enforced=False)
    parameters.check(f"parameters:{site.name}", {"rows": "many", "more": 1})


def test_a_parameter_that_is_filled_in_at_the_start_is_not_filled_in_for_good(parameters):
    """Prefect does that on every update of parameters, and no inverse leads back."""
    site = Site(parameters={"rows": FILLED_IN}, enforced=False)
    with pytest.raises(BadInput, match="would fill in for good"):
        parameters.check(f"parameters:{site.name}", {"model": "trees"})
    site.set(parameters={"rows": FILLED_IN, "model": "trees"})
    assert site.now.parameters == {"rows": 8, "model": "trees"}


def test_retries_are_merged_into_the_job_variables(retries):
    """Absent before is absent after the inverse; what else stands there stays."""
    mine = {"env": {"REGION": "eu"}, "command": "python -m worker"}
    site = Site(job_variables=mine)
    target = f"retries:{site.name}"
    change = there_and_back(retries, target, None, 2)
    assert site.now.job_variables == mine
    retries.apply(target, change.after)
    assert site.now.job_variables == mine | {"env": {"REGION": "eu", RETRIES: "2"}}


def test_a_deployment_without_job_variables_has_none_again(retries):
    site = Site()
    target = f"retries:{site.name}"
    there_and_back(retries, target, None, {"retries": 3, "delay_seconds": 1.5})
    assert site.now.job_variables == {}


def test_a_number_alone_leaves_the_delay_as_it_is(retries):
    site = Site(job_variables={"env": {RETRIES: "1", DELAY: "20"}})
    target = f"retries:{site.name}"
    before = {"retries": 1, "delay_seconds": 20}
    assert retries.read(target) == before
    change = there_and_back(retries, target, before, 4)
    assert change.after == {"retries": 4, "delay_seconds": 20}


@pytest.mark.parametrize("text", ["02", "nan", ""])
def test_what_somebody_wrote_otherwise_is_put_back_letter_by_letter(retries, text):
    """Prefect reads 02 as 2; the inverse is exact all the same."""
    site = Site(job_variables={"env": {RETRIES: text}})
    there_and_back(retries, f"retries:{site.name}", text, 2)
    assert site.now.job_variables == {"env": {RETRIES: text}}


def test_prefect_takes_the_variables_that_are_set():
    """By the names that it reads its settings from."""
    from prefect.settings.models.tasks import TasksSettings

    fields = TasksSettings.model_fields
    names = {field: str(fields[field].validation_alias) for field in fields}
    assert RETRIES.lower() in names["default_retries"]
    assert DELAY.lower() in names["default_retry_delay_seconds"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, "retries: "),
        (-1, "retries: Input should be greater"),
        (11, "retries: Input should be less"),
        (True, "retries: "),
        (2.0, "retries: "),
        ("2", "retries: "),
        ({"retries": 2}, "delay_seconds: Field required"),
        ({"retries": 2, "delay_seconds": -1}, "delay_seconds: "),
        ({"retries": 2, "delay_seconds": 1, "more": 1}, "more: Extra inputs"),
    ],
)
def test_what_are_no_retries_is_refused_in_one_line(retries, wrong, said):
    with pytest.raises(BadInput, match=f"a whole number from 0 to 10.*{said}") as caught:
        retries.check("retries:tuned/any", wrong)
    assert "\n" not in str(caught.value)


def test_an_environment_that_is_none_is_not_written_over(retries):
    site = Site(job_variables={"env": "{{ all }}"})
    for use in (retries.read, lambda target: retries.apply(target, 2)):
        with pytest.raises(BadInput, match="no object of variables"):
            use(f"retries:{site.name}")


@pytest.mark.parametrize(("kind", "value"), [("parameters", {"rows": 1}), ("retries", 2)])
def test_a_deployment_that_is_not_there_is_named(kind, value, prefect_api):
    """None of the calls makes one."""
    lever = DeploymentParameters() if kind == "parameters" else DefaultRetries()
    for use in (
        lever.read,
        lambda target: lever.check(target, value),
        lambda target: lever.apply(target, value),
    ):
        with pytest.raises(BadInput, match="no deployment 'nobody/nothing'"):
            use(f"{kind}:nobody/nothing")
        with pytest.raises(BadInput, match=f"write {kind}:FLOW/DEPLOYMENT"):
            use(f"{kind}:nothing")
