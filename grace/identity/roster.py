"""The reviewers of a log: `reviewers.json` beside it, readable by its owner alone.

It is the one list of who may answer once it is there. It holds no password, only what tells whether
one is right, and it is changed by `grace.governance.reviewing`, which records each change.
"""

import hashlib
import re
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from grace.errors import BadInput, NotOurs
from grace.files import read_text, write_whole
from grace.identity.passwords import PasswordHash
from grace.ledger.note import VerifierKey
from grace.settings import Settings

__all__ = ["Reviewer", "Roster", "read_roster", "write_roster"]

# what can name a key and stand before the colon of a sign-in; no slash: those name machines
NAME = re.compile(r"\w[\w.@-]{0,63}")


class Reviewer(BaseModel):
    """`keys` are the public halves as `NAME+ID+BASE64`; one who was removed is not active."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    active: bool = True
    password: PasswordHash | None = Field(default=None, repr=False)
    keys: tuple[str, ...] = ()

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(VerifierKey.parse(key)) for key in keys)


class Roster(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reviewers: tuple[Reviewer, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of those who may answer."""
        return tuple(each.name for each in self.reviewers if each.active)

    @property
    def text(self) -> str:
        return self.model_dump_json(indent=1) + "\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the file, in hex. Salts are in it: nobody can try passwords with it."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def active(self, name: str) -> Reviewer | None:
        return next((each for each in self.reviewers if each.active and each.name == name), None)

    def get(self, name: str) -> Reviewer:
        """Raises BadInput where there is no such reviewer, or no longer."""
        if (found := self.active(name)) is None:
            known = ", ".join(self.names) or "nobody"
            raise BadInput(f"{name!r} is no reviewer; reviewers: {known}")
        return found

    def keys_of(self, name: str) -> Iterator[VerifierKey]:
        reviewer = self.active(name)
        return map(VerifierKey.parse, reviewer.keys if reviewer else ())

    @property
    def has_passwords(self) -> bool:
        return any(each.active and each.password for each in self.reviewers)

    def with_new(self, name: str) -> "Roster":
        """Somebody who was removed comes back without password and keys. Raises BadInput."""
        if not NAME.fullmatch(name) or name.casefold() == "grace":
            raise BadInput(
                f"{name!r} cannot be a reviewer's name: letters, digits and . _ @ - inside, "
                "at most 64, and not grace, which is the engine"
            )
        for known in self.reviewers:
            if known.active and known.name.casefold() == name.casefold():
                raise BadInput(f"{known.name!r} is a reviewer already")
        kept = (each for each in self.reviewers if each.name.casefold() != name.casefold())
        return Roster(reviewers=(*kept, Reviewer(name=name)))

    def without(self, name: str) -> "Roster":
        """The name stays as that of somebody who was a reviewer; password and keys go."""
        return self._with(Reviewer(name=self.get(name).name, active=False))

    def with_password(self, name: str, password: PasswordHash) -> "Roster":
        return self._with(self.get(name).model_copy(update={"password": password}))

    def with_key(self, name: str, key: VerifierKey) -> "Roster":
        """Raises BadInput for the key of another name, and for one that somebody has already."""
        reviewer = self.get(name)
        if key.name != name:
            raise BadInput(f"the key is of {key.name!r}, not of {name!r}")
        if any(VerifierKey.parse(k).public == key.public for r in self.reviewers for k in r.keys):
            raise BadInput(f"the key {key.key_id} is on the list already")
        return self._with(reviewer.model_copy(update={"keys": (*reviewer.keys, str(key))}))

    def without_key(self, name: str, key_id: str) -> "Roster":
        """Raises BadInput where the reviewer has no key of this id."""
        reviewer = self.get(name)
        kept = tuple(key for key in reviewer.keys if VerifierKey.parse(key).key_id != key_id)
        if kept == reviewer.keys:
            raise BadInput(f"{name} has no key {key_id!r}")
        return self._with(reviewer.model_copy(update={"keys": kept}))

    def _with(self, changed: Reviewer) -> "Roster":
        every = (changed if each.name == changed.name else each for each in self.reviewers)
        return Roster(reviewers=tuple(every))


def read_roster(settings: Settings) -> Roster | None:
    """None where the log has none: then `governance.toml` says who may answer.

    Raises NotOurs where the file is not as Grace writes it, BadInput where others can read it.
    """
    file = settings.reviewers_file
    text = read_text(file)
    if text is None:
        return None
    if file.stat().st_mode & 0o077:
        raise BadInput(f"{file} is open to others: chmod 600 {file}")
    try:
        return Roster.model_validate_json(text)
    except ValidationError:
        # what pydantic says quotes the text, and that may be a hash
        raise NotOurs(f"{file} is no list of reviewers of Grace: put it back") from None


def write_roster(settings: Settings, roster: Roster) -> None:
    write_whole(settings.reviewers_file, roster.text, mode=0o600)
