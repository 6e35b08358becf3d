"""Which log the settings are about, and what belongs to it alone."""

import pytest
from pydantic import ValidationError

from grace.settings import Settings, current_settings


def test_an_address_without_the_name_of_a_log_is_the_main_logs(tmp_path):
    """Nothing of the sample, or of a connected installation, may enter the main one."""
    found = Settings(data_dir=tmp_path, database_url="sqlite:///x.db", checkpoint_url="file:///c")
    assert (found.url, found.publishing_url) == ("sqlite:///x.db", "file:///c")
    for name in ("sample", "prod", "demo"):
        other = found.for_log(name)
        assert other.url == f"sqlite:///{tmp_path / name / 'grace.db'}"
        assert other.publishing_url is None


def test_an_address_with_the_name_of_a_log_is_each_ones_own(tmp_path):
    found = Settings(data_dir=tmp_path, database_url="sqlite:///{log}.db", checkpoint_url="f/{log}")
    assert (found.url, found.publishing_url) == ("sqlite:///main.db", "f/main")
    assert found.for_log("prod").url == "sqlite:///prod.db"
    assert found.for_log("prod").publishing_url == "f/prod"
    assert found.for_log("demo").url == f"sqlite:///{tmp_path / 'demo' / 'grace.db'}"


@pytest.mark.parametrize(
    "name", ["run", "prefect", "samples", "Prod", "-a", "a/b", "..", "", "a" * 41]
)
def test_what_no_folder_can_be_called_is_no_log(name):
    with pytest.raises(ValidationError):
        Settings(log=name)
    with pytest.raises(ValueError, match="a log's name"):
        Settings().for_log(name)


def test_settings_are_read_again_once_a_variable_or_the_file_changed(tmp_path, monkeypatch):
    """And not before: a logging call asks for them every time."""
    file = tmp_path / "grace.env"
    monkeypatch.setitem(Settings.model_config, "env_file", str(file))
    first = current_settings()
    assert current_settings() is first
    assert first == Settings()
    monkeypatch.setenv("GRACE_PORT", "4301")
    assert current_settings().port == 4301
    file.write_text("GRACE_HOST=127.0.0.2\n")
    assert (current_settings().port, current_settings().host) == (4301, "127.0.0.2")
    file.unlink()
    monkeypatch.delenv("GRACE_PORT")
    assert current_settings() == first
