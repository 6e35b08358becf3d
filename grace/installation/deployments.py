"""Which deployments `prefect.yaml` declares, and which of them have changed since deployed.

A deploy switches paused schedules back on and undoes changes made through the API, approved ones
included. So a deployment is deployed only when what is written about it has changed, and what was
deployed last is kept beside the id of the work pool, which changes with the database.
"""

import copy
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from grace.errors import BadInput, NotOurs
from grace.installation.state import write_whole

__all__ = [
    "LOG_TAG",
    "SAMPLE_TAG",
    "Content",
    "Deployed",
    "changed",
    "content",
    "declared",
    "write_content",
]

GRACE_TAG, SAMPLE_TAG = "grace", "sample"
# with the name of the log behind it: on the deployments that serve a connected installation
LOG_TAG = "log:"
# the label of an event that says whose it is
EVENT_LOG = "grace.log"
# what somebody starts with parameters of their own names its log there
ON_DEMAND = "on-demand"

Content = dict[str, Any]


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

    def without(self, name: str) -> "Deployed":
        left = {each: digest for each, digest in self.digests.items() if each != name}
        return self.model_copy(update={"digests": left})

    def with_resting(self, resting: dict[str, str]) -> "Deployed":
        return self.model_copy(update={"resting": self.resting | resting})

    def write(self, file: Path) -> None:
        write_whole(file, self.model_dump_json(indent=2))


def content(prefect_file: Path, connected: Sequence[str] = ()) -> Content:
    """What the file declares, and the same engines once more for each connected log.

    Raises:
        BadInput: the file is missing or is no list of deployments.
    """
    found = _content(prefect_file)
    engines = [each for each in found["deployments"] if _serves_every_log(each)]
    more = [_for_log(each, log) for log in connected for each in engines]
    return found | {"deployments": [*found["deployments"], *more]}


def write_content(file: Path, content: Content) -> None:
    write_whole(file, yaml.safe_dump(content, sort_keys=False, width=1000))


def declared(prefect_file: Path, sample: bool, connected: Sequence[str] = ()) -> dict[str, str]:
    """Digest of each deployment; those of the sample workload only where asked.

    Raises BadInput as `content` does.
    """
    found = content(prefect_file, connected)
    # `pull` holds the folder of the project once deployed, so moving it is a change
    around = [str(prefect_file.parent.absolute()), found.get("pull")]
    return {
        _full_name(entry): _digest([around, entry])
        for entry in found["deployments"]
        if sample or SAMPLE_TAG not in (entry.get("tags") or [])
    }


def changed(digests: dict[str, str], deployed: Deployed) -> list[str]:
    return [name for name, digest in digests.items() if deployed.digests.get(name) != digest]


def _serves_every_log(entry: dict[str, Any]) -> bool:
    tags = entry.get("tags") or []
    return GRACE_TAG in tags and SAMPLE_TAG not in tags and entry["name"] != ON_DEMAND


def _for_log(entry: dict[str, Any], log: str) -> dict[str, Any]:
    """The same deployment for another log, under the name by which its runs are started."""
    pool = dict(entry.get("work_pool") or {})
    pool["job_variables"] = {"env": {"GRACE_LOG": log}}
    triggers = [
        each | {"match": (each.get("match") or {}) | {EVENT_LOG: log}}
        for each in entry.get("triggers") or ()
    ]
    return copy.deepcopy(
        entry
        | ({"triggers": triggers} if triggers else {})
        | {
            "name": f"{log}-{entry['name']}",
            "description": f"{entry.get('description', '')} For {log}.".strip(),
            "tags": [*entry["tags"], f"{LOG_TAG}{log}"],
            "work_pool": pool,
        }
    )


def _content(prefect_file: Path) -> Content:
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
