"""Carrying the newest checkpoint to where the log's owner cannot take it back."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from grace.errors import BadInput, Unreachable
from grace.files import read_text, write_whole
from grace.settings import Settings

__all__ = ["publish"]

PATIENCE_SECONDS = 10.0


def publish(settings: Settings, note: str) -> None:
    """Put `note` to `settings.publishing_url`, unless it is there already.

    Raises Unreachable where that fails; the next call tries again.
    """
    url = settings.publishing_url
    if url is None:
        return
    done = settings.checkpoint_file.with_name(settings.checkpoint_file.name + ".published")
    if read_text(done) != f"{url}\n{note}":
        _carry(url, note)
        write_whole(done, f"{url}\n{note}", mode=0o600)  # the address may hold a password


def _carry(url: str, note: str) -> None:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        _put(url, note)
    elif parts.scheme in ("", "file"):
        _write(Path(unquote(parts.path) if parts.scheme else url), note)
    else:
        raise BadInput(f"GRACE_CHECKPOINT_URL is http(s) or a file, not {parts.scheme}")


def _write(path: Path, note: str) -> None:
    try:
        write_whole(path, note)
    except OSError as problem:
        raise _unpublished(str(path), str(problem)) from None


def _put(url: str, note: str) -> None:
    import httpx

    headers = {"Content-Type": "text/plain; charset=utf-8"}
    try:
        answer = httpx.put(url, content=note.encode(), headers=headers, timeout=PATIENCE_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise _unpublished(_bare(url), str(problem) or type(problem).__name__) from None
    if not answer.is_success:
        raise _unpublished(_bare(url), f"the server answered {answer.status_code}")


def _bare(url: str) -> str:
    """The address without user and password: it goes into logs."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _unpublished(place: str, problem: str) -> Unreachable:
    return Unreachable(
        f"the checkpoint is signed and kept, but not published to {place}: {problem}"
    )
