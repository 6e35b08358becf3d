"""Which deployments `prefect.yaml` declares, and which of them have changed since deployed.

A deploy switches paused schedules back on and undoes changes made through the API, approved ones
included. So a deployment is deployed only when what is written about it has changed, and what was
deployed last is kept beside the id of the work pool, which changes with the database.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from grace.errors import BadInput, NotOurs
from grace.installation.state import write_whole

__all__ = ["SAMPLE_TAG", "Deployed", "changed", "declared"]

SAMPLE_TAG = "sample"


class Deployed(BaseModel):
    """What this Prefect database has been told: a digest for each `flow/deployment`.

    `resting` holds the names, by id, of deployments that `grace up` without `--sample` paused.
    """

    model_config = ConfigDict(frozen=True)

    pool_id: str
    digests: dict[str, str] = {}
    resting: dict[str, str] = {}

    @classmethod
    def read(cls, file: Path, pool_id: str) -> "Deployed":
        """Nothing, where nothing was deployed or the database is another by now.

        Raises:
            NotOurs: the file is not one that Grace wrote.
        """
        if not file.exists():
            return cls(pool_id=pool_id)
        try:
            deployed = cls.model_validate_json(file.read_bytes())
        except ValidationError as error:
            raise NotOurs(f"{file} is not a list of deployments of Grace: delete it") from error
        return deployed if deployed.pool_id == pool_id else cls(pool_id=pool_id)

    def with_digests(self, digests: dict[str, str]) -> "Deployed":
        return self.model_copy(update={"digests": self.digests | digests})

    def with_resting(self, resting: dict[str, str]) -> "Deployed":
        return self.model_copy(update={"resting": self.resting | resting})

    def write(self, file: Path) -> None:
        write_whole(file, self.model_dump_json(indent=2))


def declared(prefect_file: Path, sample: bool) -> dict[str, str]:
    """Digest of each deployment declared; those of the sample workload only where asked.

    Raises:
        BadInput: the file is missing or is no list of deployments.
    """
    content = _content(prefect_file)
    # `pull` holds the folder of the project once deployed, so moving it is a change
    around = [str(prefect_file.parent.absolute()), content.get("pull")]
    return {
        _full_name(entry): _digest([around, entry])
        for entry in content["deployments"]
        if sample or SAMPLE_TAG not in (entry.get("tags") or [])
    }


def changed(digests: dict[str, str], deployed: Deployed) -> list[str]:
    return [name for name, digest in digests.items() if deployed.digests.get(name) != digest]


def _content(prefect_file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(prefect_file.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadInput(f"cannot read {prefect_file}: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("deployments"), list):
        raise BadInput(f"{prefect_file} declares no deployments")
    for number, entry in enumerate(content["deployments"], start=1):
        _check(entry, f"{prefect_file}: deployment {number}")
    return content


def _check(entry: object, where: str) -> None:
    for key in ("name", "entrypoint"):
        if not isinstance(entry, dict) or not isinstance(entry.get(key), str):
            raise BadInput(f"{where} has no {key}")


def _full_name(entry: dict[str, Any]) -> str:
    """`flow/deployment`; a flow's name here is its function's, with hyphens."""
    function = entry["entrypoint"].rpartition(":")[2]
    return f"{function.replace('_', '-')}/{entry['name']}"


def _digest(written: object) -> str:
    return hashlib.sha256(json.dumps(written, sort_keys=True, default=str).encode()).hexdigest()
