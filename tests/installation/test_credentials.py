"""Grace's own credential: made once, kept for its owner, and told to its own server alone."""

import os
import stat

import pytest

from grace.errors import BadInput
from grace.installation import check_no_other_server, connect_environment, state
from grace.installation.environment import child_environment
from grace.installation.people import make_service_credential, service_credential
from grace.installation.state import Installation

OWN = "http://127.0.0.1:4711/api"


@pytest.fixture
def installed(settings, monkeypatch):
    """An installation that is said to run; what is set in the environment goes with the test."""
    for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING", "PREFECT_HOME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    make_service_credential(settings)
    state.write(settings, Installation(port=4711))
    return settings


def test_it_is_made_once_for_its_owner_alone(installed):
    made = service_credential(installed)
    assert len(made) > 40
    assert stat.S_IMODE(installed.service_file.stat().st_mode) == 0o600
    make_service_credential(installed)
    assert service_credential(installed) == made


def test_the_command_line_and_every_child_have_it(installed, monkeypatch):
    connect_environment(installed)
    assert os.environ["PREFECT_API_URL"] == OWN
    assert os.environ["PREFECT_API_AUTH_STRING"] == service_credential(installed)
    told = child_environment(installed, Installation(port=4711))
    assert told["PREFECT_API_AUTH_STRING"] == service_credential(installed)


@pytest.mark.parametrize(
    "other", ["https://prefect.example/api", "http://127.0.0.1:4712/api", f"{OWN}/v2"]
)
def test_no_other_server_ever_sees_it(installed, monkeypatch, other):
    """One that somebody named in the environment is not ours."""
    monkeypatch.setenv("PREFECT_API_URL", other)
    connect_environment(installed)
    assert "PREFECT_API_AUTH_STRING" not in os.environ


def test_one_password_for_all_is_refused(monkeypatch):
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "admin:secret")
    with pytest.raises(BadInput, match="give each reviewer one"):
        check_no_other_server()
