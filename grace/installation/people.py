"""Who signs in to the server: reviewers by their passwords, and Grace's own processes.

The lists of reviewers are read again whenever one of them has changed, so that a password that was
set or taken away counts at once.
"""

import hashlib
import hmac
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grace.files import read_text, write_whole
from grace.identity.passwords import hash_password
from grace.identity.roster import Roster, read_roster
from grace.settings import LOG_NAME, Settings

__all__ = ["SERVICE", "People", "Person", "make_service_credential", "service_credential"]

# no reviewer can have this name
SERVICE = "grace"


@dataclass(frozen=True)
class Person:
    """`logs` are those where the password is this person's; Grace itself has none."""

    name: str
    logs: frozenset[str] = frozenset()

    @property
    def is_service(self) -> bool:
        return self.name == SERVICE


def make_service_credential(settings: Settings) -> None:
    """Once an installation; delete the file while it is down, and the next start makes another."""
    if not settings.service_file.exists():
        text = f"{SERVICE}:{secrets.token_urlsafe(32)}\n"
        write_whole(settings.service_file, text, mode=0o600)


def service_credential(settings: Settings) -> str | None:
    """`NAME:SECRET` of Grace's own processes; None where `grace up` never made one."""
    text = read_text(settings.service_file)
    return text.strip() if text else None


class People:
    """Everybody whom one installation knows, over the lists of all its logs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rosters: Mapping[str, Roster] = {}
        self._seen: object = None
        self._known: dict[bytes, Person] = {}
        # of what was let in only this is remembered, and no longer than the process lives
        self._pepper = secrets.token_bytes(32)
        self._nobody = hash_password(secrets.token_urlsafe(16), os.urandom)
        self._lock = threading.Lock()

    @property
    def sign_in(self) -> bool:
        """Whether people must say who they are: as soon as one reviewer has a password.

        Raises GraceError where a list cannot be read.
        """
        return any(roster.has_passwords for roster in self._read().values())

    def who(self, credential: str) -> Person | None:
        """Whose `NAME:PASSWORD` this is. Takes some tenths of a second the first time."""
        own = service_credential(self._settings)
        if own and hmac.compare_digest(own.encode(), credential.encode()):
            return Person(SERVICE)
        self._read()
        digest = hmac.new(self._pepper, credential.encode(), hashlib.sha256).digest()
        # one at a time: whoever tries passwords waits for himself
        with self._lock:
            if digest not in self._known:
                name, _, password = credential.partition(":")
                logs = frozenset(self._logs_of(name, password))
                if not logs:
                    return None
                self._known[digest] = Person(name, logs)
            return self._known[digest]

    def _logs_of(self, name: str, password: str) -> Iterator[str]:
        hashes = {
            log: reviewer.password
            for log, roster in self._rosters.items()
            if (reviewer := roster.active(name)) and reviewer.password
        }
        if not hashes:  # a name that nobody has takes as long as one that somebody has
            self._nobody.is_of(password)
        yield from (log for log, kept in hashes.items() if kept.is_of(password))

    def _read(self) -> Mapping[str, Roster]:
        files = sorted(self._settings.data_dir.glob("*/reviewers.json"))
        seen = [(str(file), *_stamp(file)) for file in files]
        if seen != self._seen:
            logs = [file.parent.name for file in files if LOG_NAME.fullmatch(file.parent.name)]
            rosters = {log: read_roster(self._settings.for_log(log)) for log in logs}
            with self._lock:
                self._rosters = {log: roster for log, roster in rosters.items() if roster}
                self._known = {}
                self._seen = seen
        return self._rosters


def _stamp(file: Path) -> tuple[int, int]:
    """Changes with every list that is written: each is a new file."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns
