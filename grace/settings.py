"""Where Grace keeps its things and how it is reached: `GRACE_*` variables or a file."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["PROJECT", "Settings"]

PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """One log with its database, key and checkpoint.

    The sample workload has a log of its own (`sample=True`), so that nothing of it ever enters a
    real one; both may live beside each other under one `data_dir`.
    """

    model_config = SettingsConfigDict(
        env_prefix="GRACE_", env_file="grace.env", extra="ignore", frozen=True
    )

    data_dir: Path = PROJECT / "data"
    sample: bool = False
    database_url: str | None = None
    policy_file: Path | None = None
    governance_file: Path | None = None
    checkpoint_url: str | None = None
    port: int = Field(default=4200, ge=1, le=65535)
    notify_block: str | None = None

    @property
    def log_name(self) -> str:
        return "sample" if self.sample else "main"

    @property
    def log_dir(self) -> Path:
        """Database, signing key, outside checkpoint and spool of this log."""
        return self.data_dir / self.log_name

    @property
    def url(self) -> str:
        return self.database_url or f"sqlite:///{self.log_dir / 'grace.db'}"

    @property
    def key_file(self) -> Path:
        return self.log_dir / "signing.key"

    @property
    def checkpoint_file(self) -> Path:
        """The last signed checkpoint, kept outside the database."""
        return self.log_dir / "checkpoint"

    @property
    def earned_file(self) -> Path:
        """Permits that a record earned, in Cedar; written by machine, read with the policy."""
        return self.log_dir / "earned.cedar"

    @property
    def run_dir(self) -> Path:
        """State of the processes that `grace up` started, shared by both logs."""
        return self.data_dir / "run"

    @property
    def prefect_home(self) -> Path:
        return self.data_dir / "prefect"

    @property
    def installation_file(self) -> Path:
        """What `grace up` brought up: API address and process ids."""
        return self.run_dir / "installation.json"

    def for_sample(self, sample: bool) -> "Settings":
        return self.model_copy(update={"sample": sample})
