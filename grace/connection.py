"""A Prefect installation that Grace watches and does not own.

Each has a log of its own; in its folder `connection.json` (mode 0600) says where it is and holds
the credential, which stands nowhere else: not in the log, not in Prefect, not on a command line.
"""

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_serializer

from grace.errors import BadInput, NotOurs
from grace.settings import LOG_NAME, Settings

__all__ = [
    "Connection",
    "api_address",
    "connected_logs",
    "forget_connection",
    "read_connection",
    "write_connection",
]

CLOUD = "https://api.prefect.cloud/"
CLOUD_PAGE = re.compile(
    r"https://app\.prefect\.cloud/account/([0-9a-f-]{36})/workspace/([0-9a-f-]{36})"
)


class Connection(BaseModel):
    """`api_url` ends without a slash; `version` is what the server called itself then."""

    model_config = ConfigDict(frozen=True)

    api_url: str
    version: str
    connected_at: datetime
    credential: Literal["none", "basic", "key"] = "none"
    secret: SecretStr = Field(default=SecretStr(""), repr=False)

    @property
    def is_cloud(self) -> bool:
        return self.api_url.startswith(CLOUD)

    @property
    def ui_url(self) -> str:
        """The page that the installation's people know."""
        if self.is_cloud:
            _, _, place = self.api_url.partition("/accounts/")
            account, _, workspace = place.partition("/workspaces/")
            return f"https://app.prefect.cloud/account/{account}/workspace/{workspace}"
        return self.api_url.removesuffix("/api")

    @field_serializer("secret", when_used="json")
    def _in_the_file(self, secret: SecretStr) -> str:
        return secret.get_secret_value()


def api_address(given: str) -> str:
    """The address of the API, from that or from a page of the UI as people copy it.

    Raises BadInput for what is no address, and for one with a password in it.
    """
    address = re.split(r"[?#]", given.strip())[0].rstrip("/")
    if "://" not in address:
        address = f"http://{address}"
    if not re.fullmatch(r"https?://[^/\s]+(?:/\S*)?", address):
        raise BadInput(f"{given!r} is no address; write http://HOST:4200 or https://HOST/api")
    if "@" in address.split("/")[2]:
        raise BadInput("write the address without name and password; Grace asks for them")
    if page := CLOUD_PAGE.match(address):
        return f"{CLOUD}api/accounts/{page[1]}/workspaces/{page[2]}"
    if address.startswith(CLOUD):
        return address
    before, found, _ = f"{address}/".partition("/api/")
    return f"{before if found else _without_page(address)}/api"


def _without_page(address: str) -> str:
    """Prefect's UI lies under one of these, whatever a proxy puts before it."""
    return re.split(r"/(?:v2|dashboard|runs|flows|deployments|work-pools)(?:/|$)", address)[0]


def connection_file(settings: Settings) -> Path:
    return settings.log_dir / "connection.json"


def read_connection(settings: Settings) -> Connection | None:
    """None for a log that is of this installation itself.

    Raises NotOurs for a file that Grace did not write.
    """
    file = connection_file(settings)
    try:
        return Connection.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as problem:
        raise NotOurs(f"{file} is no connection of Grace: connect again") from problem


def write_connection(settings: Settings, connection: Connection) -> None:
    """Whole or not at all, and readable by its owner alone from the first byte on."""
    file = connection_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(f".{os.getpid()}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as writing:
        writing.write(connection.model_dump_json(indent=2))
        writing.flush()
        os.fsync(writing.fileno())
    new.replace(file)


def forget_connection(settings: Settings) -> None:
    connection_file(settings).unlink(missing_ok=True)


def connected_logs(settings: Settings) -> list[str]:
    """Names of the logs in this data folder that watch another installation."""
    found = settings.data_dir.glob("*/connection.json")
    return sorted(one.parent.name for one in found if LOG_NAME.fullmatch(one.parent.name))
