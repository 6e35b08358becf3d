"""Where Grace keeps its things and how it is reached: `GRACE_*` variables or a file."""

import os
import re
from functools import lru_cache
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["DEMO", "PROJECT", "Settings", "current_settings"]

LOG_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
DEMO = "demo"
# what is configured for a real log and never holds for the demo's
_REAL = ("database_url", "policy_file", "governance_file", "checkpoint_url", "notify_block")
# folders beside those of the logs
RESERVED = frozenset({"prefect", "run", "samples"})
PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """One log with its database, key and checkpoint.

    `main` is the log of this installation, `sample` that of its sample workload, so that nothing of
    it ever enters a real one; every connected installation has one too, by the name it was
    connected as. All live beside each other under one `data_dir`.
    """

    model_config = SettingsConfigDict(
        env_prefix="GRACE_", env_file="grace.env", extra="ignore", frozen=True
    )

    data_dir: Path = PROJECT / "data"
    log: str = "main"
    database_url: str | None = None
    policy_file: Path | None = None
    governance_file: Path | None = None
    checkpoint_url: str | None = None
    # where Prefect's server listens; it asks nobody who they are
    host: str = "127.0.0.1"
    port: int = Field(default=4200, ge=1, le=65535)
    notify_block: str | None = None
    # the version of Prefect that may migrate a database which only a person can dump
    prefect_dumped_for: str | None = None

    @field_validator("log")
    @classmethod
    def _names_a_folder(cls, name: str) -> str:
        if name in RESERVED or not LOG_NAME.fullmatch(name):
            raise ValueError(
                "a log's name has lower-case letters, digits and hyphens, and is none of "
                f"{', '.join(sorted(RESERVED))}"
            )
        return name

    @property
    def sample(self) -> bool:
        return self.log == "sample"

    @property
    def is_own(self) -> bool:
        """Whether the log is of this installation itself, and of none that is connected."""
        return self.log in ("main", "sample")

    @property
    def log_dir(self) -> Path:
        """Database, signing key, outside checkpoint and spool of this log."""
        return self.data_dir / self.log

    @property
    def url(self) -> str:
        return self._of_this_log(self.database_url) or f"sqlite:///{self.log_dir / 'grace.db'}"

    @property
    def publishing_url(self) -> str | None:
        return self._of_this_log(self.checkpoint_url)

    def _of_this_log(self, address: str | None) -> str | None:
        """One address is the main log's; one with `{log}` in it is each real log's own."""
        if address is None or self.log == DEMO:
            return None
        if "{log}" in address:
            return address.replace("{log}", self.log)
        return address if self.log == "main" else None

    @property
    def key_file(self) -> Path:
        return self.log_dir / "signing.key"

    @property
    def public_key_file(self) -> Path:
        """Beside the signing key: what a verifier needs, and may be given to anyone."""
        return self.key_file.with_name(self.key_file.name + ".pub")

    @property
    def checkpoint_file(self) -> Path:
        """The last signed checkpoint, kept outside the database."""
        return self.log_dir / "checkpoint"

    @property
    def earned_file(self) -> Path:
        """Permits that a record earned, in Cedar; written by machine, read with the policy."""
        return self.log_dir / "earned.cedar"

    @property
    def reviewers_file(self) -> Path:
        """Who may answer, and how each proves who he is; readable by its owner alone."""
        return self.log_dir / "reviewers.json"

    @property
    def run_dir(self) -> Path:
        """State of the processes that `grace up` started, shared by both logs."""
        return self.data_dir / "run"

    @property
    def sign_in_key_file(self) -> Path:
        """With which the server of this installation vouches for those who signed in."""
        return self.run_dir / "sign-in.key"

    @property
    def service_file(self) -> Path:
        """By which the server knows Grace's own processes."""
        return self.run_dir / "service.secret"

    @property
    def prefect_home(self) -> Path:
        return self.data_dir / "prefect"

    @property
    def installation_file(self) -> Path:
        """What `grace up` brought up: API address and process ids."""
        return self.run_dir / "installation.json"

    def for_log(self, name: str) -> "Settings":
        """Raises ValidationError for a name that no log can have."""
        own = dict.fromkeys(_REAL) if name == DEMO else {}
        return self.model_copy(update={"log": self._names_a_folder(name), **own})


def current_settings() -> Settings:
    """As `Settings()`; read again only once a variable or the file is another one."""
    ours = (name for name in os.environ if name.upper().startswith("GRACE_"))
    variables = tuple((name, os.environ.get(name)) for name in ours)
    return _read(variables, _stamp(Settings.model_config.get("env_file")))


@lru_cache(maxsize=8)
def _read(variables: tuple[tuple[str, str | None], ...], stamp: tuple[int, ...]) -> Settings:
    return Settings()


def _stamp(file: object) -> tuple[int, ...]:
    """Which state of which file it is; empty where there is none."""
    try:
        found = os.stat(str(file)) if file is not None else None
    except FileNotFoundError:
        found = None
    return () if found is None else (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
