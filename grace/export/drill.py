"""The last restore drill of a log: what shows that its newest backup can be restored."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from grace.files import read_text, write_whole
from grace.settings import Settings
from grace.store import Store

__all__ = ["Drill", "last_drill", "record_drill"]


class Drill(BaseModel):
    """`reason` is why it failed, in a sentence; None where it did not."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    path: str
    rows: int
    seconds: float
    reason: str | None = None

    @property
    def ok(self) -> bool:
        return self.reason is None


def record_drill(settings: Settings, store: Store, drill: Drill) -> None:
    """Into the log that was backed up, and beside it for the status page."""
    what = "restore.drilled" if drill.ok else "restore.drill_failed"
    with store.writing(drill.at) as writer:
        writer.event(what, f"backup/{drill.path}", drill.model_dump(mode="json"))
    write_whole(settings.log_dir / "drill.json", drill.model_dump_json() + "\n", mode=0o600)


def last_drill(settings: Settings) -> Drill | None:
    text = read_text(settings.log_dir / "drill.json")
    try:
        return None if text is None else Drill.model_validate_json(text)
    except ValidationError:
        return None
