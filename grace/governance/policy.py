"""The policy in force: the rules, written in Cedar, and the numbers and people beside them.

Forbid wins over permit, and what no rule names is asked.
"""

import errno
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ConfigDict, Field

from grace.errors import BadInput
from grace.governance.cedar import Rules, Ruling
from grace.governance.earned import earned_source
from grace.governance.governing import Governing, read_governing
from grace.governance.reading import Source, read_rules
from grace.governance.request import Request
from grace.identity.roster import read_roster
from grace.settings import Settings

__all__ = [
    "DEFAULT_GOVERNANCE",
    "DEFAULT_POLICY",
    "Policy",
    "check_earned",
    "check_names_no_reviewers",
    "digest_of",
    "load_policy",
    "policy_texts",
    "read_earned",
]

DEFAULT_POLICY = Path(__file__).parent.parent / "default_policy.cedar"
DEFAULT_GOVERNANCE = Path(__file__).parent.parent / "default_governance.toml"


def _no_rules() -> Rules:
    return read_rules(())


class Policy(Governing):
    """Without rules everything is asked. The digest binds every file that was read."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    rules: Rules = Field(default_factory=_no_rules)
    digest: str = ""

    def rule(self, request: Request) -> Ruling:
        """Forbid, permit or ask; what cannot be evaluated is forbidden."""
        return self.rules.rule(request)


def load_policy(settings: Settings) -> Policy:
    """The policy in force. Raises BadInput naming file, line and what is wrong."""
    return _load(settings, read_earned(settings))


def read_earned(settings: Settings) -> str | None:
    """The text of `earned.cedar`, None where there is none. Raises BadInput."""
    return _read_if_there(settings.earned_file)


def check_earned(settings: Settings, text: str | None) -> None:
    """Raises BadInput where the policy could not be read with this text for `earned.cedar`."""
    _load(settings, text)


def policy_texts(settings: Settings) -> dict[str, str]:
    """What the digest in force is of: each file's text by the name that goes into the digest."""
    return _texts(*_files(settings), read_earned(settings))


def _files(settings: Settings) -> tuple[Path, Path]:
    policy = settings.policy_file or _own(settings.log_dir / "policy.cedar", DEFAULT_POLICY)
    governance = settings.governance_file or _own(
        settings.log_dir / "governance.toml", DEFAULT_GOVERNANCE
    )
    return policy, governance


def _texts(policy: Path, governance: Path, earned: str | None) -> dict[str, str]:
    read = {"policy.cedar": _read(policy), "governance.toml": _read(governance)}
    return read if earned is None else read | {"earned.cedar": earned}


def _load(settings: Settings, earned: str | None) -> Policy:
    _check_not_old(settings)
    policy, governance = _files(settings)
    read = _texts(policy, governance, earned)
    sources = [Source(policy, read["policy.cedar"])]
    if earned is not None:
        sources.append(earned_source(settings.earned_file, earned))
    rules = read_rules(tuple(sources))
    governing = read_governing(governance, read["governance.toml"])
    loaded = Policy(**dict(governing), rules=rules, digest=digest_of(read))
    if (roster := read_roster(settings)) is None:
        return loaded
    check_names_no_reviewers(settings)
    return loaded.model_copy(update={"reviewers": roster.names})


def check_names_no_reviewers(settings: Settings) -> None:
    """Raises BadInput where governance.toml names reviewers: one list of them is in force."""
    _, governance = _files(settings)
    if "reviewers" in read_governing(governance, _read(governance)).model_fields_set:
        raise BadInput(
            f"{governance}: reviewers: `grace reviewers` keeps them in {settings.reviewers_file}; "
            "take this line away, and add each of them there"
        )


def digest_of(read: Mapping[str, str]) -> str:
    """SHA-256 over what `sha256sum earned.cedar governance.toml policy.cedar` prints.

    The names are always these, whatever the files are called; a missing one has no line.
    """
    lines = (
        f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n"
        for name, text in sorted(read.items())
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _own(path: Path, shipped: Path) -> Path:
    return path if path.exists() else shipped


def _read(path: Path) -> str:
    text = _read_if_there(path)
    if text is None:
        raise BadInput(f"{path}: {os.strerror(errno.ENOENT)}")
    return text


def _read_if_there(path: Path) -> str | None:
    """The text as it is, line ends and all, so that its digest is that of the file."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise BadInput(f"{path}: {problem.strerror}") from None
    except UnicodeDecodeError as problem:
        raise BadInput(f"{path}: {problem}") from None


def _check_not_old(settings: Settings) -> None:
    """Rules that were in force must never be passed over in silence."""
    named, left = settings.policy_file, settings.log_dir / "policy.toml"
    old = named if named and named.suffix == ".toml" else left
    if old is named or left.exists():
        raise BadInput(
            f"{old}: policies are written in Cedar now: write its rules into policy.cedar and the "
            "rest into governance.toml, as docs/policy.md shows, and take this file away"
        )
