"""How far a long task has come, as it stands in the Prefect UI."""

from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

__all__ = ["Progress"]

STEP = 5.0  # percent


class Progress:
    """A progress artifact that moves in steps: each one is a request to the server."""

    def __init__(self, key: str) -> None:
        self.shown = 0.0
        made = create_progress_artifact(0.0, key=key, description="begun")
        assert isinstance(made, UUID)
        self.artifact = made

    def __call__(self, text: str, share: float) -> None:
        percent = round(100 * share, 1)
        if percent >= self.shown + STEP or percent >= 100 > self.shown:
            self.shown = percent
            update_progress_artifact(self.artifact, progress=percent, description=text)
