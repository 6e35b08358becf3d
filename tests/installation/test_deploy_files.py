"""What deploy/ says of Grace is so."""

import re
from configparser import RawConfigParser

import yaml
from typer.testing import CliRunner

from grace.cli import application
from grace.settings import PROJECT

DEPLOY = PROJECT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


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
    (manifest,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    spec = yaml.safe_load(manifest)["spec"]
    pod = spec["template"]["spec"]
    assert spec["replicas"] == 1
    assert f"--uid {pod['securityContext']['runAsUser']} " in DOCKERFILE
    assert pod["enableServiceLinks"] is False, "a Service named grace would set GRACE_PORT"
    (container,) = pod["containers"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {"/data", "/tmp"}
