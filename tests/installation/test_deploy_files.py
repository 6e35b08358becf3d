"""What deploy/ says of Grace is so."""

import json
import os
import re
import socket
import subprocess
import sys
from configparser import RawConfigParser
from urllib.parse import urlsplit

import prefect.settings
import yaml
from prefect.settings.legacy import _get_settings_fields
from typer.testing import CliRunner

from grace.cli import application
from grace.settings import PROJECT, Settings

DEPLOY = PROJECT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
OTHERS = ("compose.yaml", "grace.service")


def test_both_start_grace_by_a_command_that_there_is() -> None:
    unit = RawConfigParser(strict=False)
    unit.read(DEPLOY / "grace.service")
    assert unit["Service"]["ExecStart"].endswith("/grace up --foreground")
    assert 'ENTRYPOINT ["grace"]\nCMD ["up", "--foreground"]' in DOCKERFILE
    assert "--foreground" in CliRunner().invoke(application(), ["up", "--help"]).output


def test_the_image_holds_the_rooms_and_nothing_of_the_data() -> None:
    """What the build is given is what it copies."""
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    given = {line[1:] for line in ignore if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert {name for line in copied for name in line.split()} == given
    assert {"grace", "tasks", "flows", "prefect.yaml", "requirements.lock"} <= given
    assert ignore[1] == "*", "all else is left out"
    assert "data" not in given
    assert "USER grace" in DOCKERFILE


def test_compose_keeps_to_this_machine_and_holds_no_secret() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    published = [port for each in services.values() for port in each.get("ports", [])]
    assert published == ["127.0.0.1:4200:4200"]
    password = "${POSTGRES_PASSWORD:?write deploy/.env}"
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD"] == password
    url = services["grace"]["environment"]["PREFECT_SERVER_DATABASE_CONNECTION_URL"]
    assert url == f"postgresql+asyncpg://prefect:{password}@postgres:5432/prefect"
    assert "/deploy/.env" in (PROJECT / ".gitignore").read_text().splitlines()


def test_the_note_on_kubernetes_keeps_one_signer_and_the_images_user() -> None:
    page = (PROJECT / "docs/operations.md").read_text()
    (manifest,) = re.findall(r"```yaml\n(apiVersion.*?)```", page, re.DOTALL)
    spec = yaml.safe_load(manifest)["spec"]
    pod = spec["template"]["spec"]
    assert spec["replicas"] == 1
    assert f"--uid {pod['securityContext']['runAsUser']} " in DOCKERFILE
    assert pod["enableServiceLinks"] is False, "a Service named grace would set GRACE_PORT"
    (container,) = pod["containers"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {"/data", "/tmp"}


def test_every_path_that_is_copied_into_the_image_is_there() -> None:
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    assert {"grace", "tasks", "flows", "prefect.yaml"} <= {name.rstrip("/") for name in names}
    assert [name for name in names if not (PROJECT / name).exists()] == []


def test_every_variable_is_one_that_grace_or_prefect_reads() -> None:
    """In the image, the compose file, the unit, the document: a misspelt one would say nothing."""
    known = {f"GRACE_{name.upper()}" for name in Settings.model_fields}
    known |= set(_get_settings_fields(prefect.settings.Settings))
    page = (PROJECT / "docs/operations.md").read_text()
    files = [DOCKERFILE, page, *((DEPLOY / name).read_text() for name in OTHERS)]
    named = set(re.findall(r"\b(?:GRACE|PREFECT)_[A-Z][A-Z_]+(?!\*)\b", "\n".join(files)))
    assert {"GRACE_DATA_DIR", "PREFECT_SERVER_DATABASE_CONNECTION_URL"} <= named
    assert named - known == set()


def test_the_images_health_check_tells_a_server_that_answers_from_none(prefect_server: str) -> None:
    """The command as it stands in the file, with the port that Grace was given."""
    (command,) = re.findall(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    program, *arguments = json.loads(command)
    assert program == "python"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for port, code in ((urlsplit(prefect_server).port, 0), (taken.getsockname()[1], 1)):
            environment = os.environ | {"GRACE_PORT": str(port)}
            done = subprocess.run(
                [sys.executable, *arguments], env=environment, capture_output=True, check=False
            )
            assert done.returncode == code, done.stderr


def test_the_volume_holds_what_grace_keeps_and_nothing_else_is_written() -> None:
    """The container's own files are read-only, so its home and its data must lie on the volume."""
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["grace"]
    (mounted,) = (place.partition(":")[2] for place in service["volumes"])
    assert service["read_only"]
    for name in ("HOME", "GRACE_DATA_DIR"):
        assert re.search(rf"\b{name}={mounted}\b", DOCKERFILE), name


def test_the_commands_of_the_document_are_there() -> None:
    """Those that are to be run in the container or beside the unit."""
    page = (PROJECT / "docs/operations.md").read_text()
    told = re.findall(r"(?:exec grace|\.venv/bin/)grace ([a-z]+(?: --[a-z]+)?)", page)
    told += re.findall(r"^  ?grace ([a-z]+ [a-z]+)", page, re.MULTILINE)
    assert len(told) >= 2
    for command in told:
        words = [word for word in command.split() if not word.startswith("--")]
        shown = CliRunner().invoke(application(), [*words, "--help"])
        assert shown.exit_code == 0, command
        for option in set(command.split()) - set(words):
            assert option in shown.output, command
