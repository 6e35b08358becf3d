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
from pydantic import BaseModel, ConfigDict

from grace.errors import BadInput
from grace.installation.state import write_whole

__all__ = ["Deployed", "changed", "declared"]

SAMPLE_TAG = "sample"


class Deployed(BaseModel):
    """What this Prefect database has been told: a digest for each `flow/deployment`."""

    model_config = ConfigDict(frozen=True)

    pool_id: str
    digests: dict[str, str] = {}

    @classmethod
    def read(cls, file: Path, pool_id: str) -> "Deployed":
        if file.exists():
            deployed = cls.model_validate_json(file.read_text())
            if deployed.pool_id == pool_id:
                return deployed
        return cls(pool_id=pool_id)

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
        if sample or SAMPLE_TAG not in entry.get("tags", [])
    }


def changed(digests: dict[str, str], deployed: Deployed) -> list[str]:
    return [name for name, digest in digests.items() if deployed.digests.get(name) != digest]


def _content(prefect_file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(prefect_file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise BadInput(f"cannot read {prefect_file}: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("deployments"), list):
        raise BadInput(f"{prefect_file} declares no deployments")
    return content


def _full_name(entry: dict[str, Any]) -> str:
    """`flow/deployment`; a flow's name here is its function's, with hyphens."""
    function = entry["entrypoint"].rpartition(":")[2]
    return f"{function.replace('_', '-')}/{entry['name']}"


def _digest(written: object) -> str:
    return hashlib.sha256(json.dumps(written, sort_keys=True, default=str).encode()).hexdigest()
