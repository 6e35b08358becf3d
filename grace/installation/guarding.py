"""What may be done to a run that waits for a person's answer, where people sign in.

An answer comes by *Resume* alone. It must be in the name of whoever signed in, and then carries the
server's statement of that; Grace's own credential answers nothing unless the reviewer's signature
comes with it. A run believes none of this: it checks the proof, wherever the answer came from.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from grace.errors import NotAllowed
from grace.governance.consent import Answer
from grace.identity.signing_in import load_server_key, log_origin
from grace.identity.statement import Statement, asking_id
from grace.installation.people import Person
from grace.settings import Settings

__all__ = ["Guard", "Waiting"]

# asks the server behind the guard: method, path, body; None where it has no such thing
Ask = Callable[[str, str, object], Awaitable[Any]]

APPROVAL = "approval"
DEPLOYMENT = "on-proposal"
# questions that Prefect's API puts by POST
READS = ("filter", "count", "paginate", "history", "lateness", "next")
ONLY_BY_RESUME = "a run that waits for an answer is answered by Resume, and changed by Grace alone"
ANSWERING = ("resume", "input")
BULK = "/api/flow_runs/bulk_"


@dataclass(frozen=True)
class Waiting:
    """An approval run, as far as it must be known: `question` is None where it asks none now."""

    id: str
    log: str
    proposal: str
    content: str
    question: str | None


@dataclass(frozen=True)
class Guard:
    settings: Settings
    ask: Ask
    now: Callable[[], datetime]

    async def check(self, person: Person, method: str, path: str, body: bytes) -> bytes:
        """The body that goes on to the server. Raises NotAllowed with the reason."""
        words = [word for word in path.split("/") if word]
        if "flow_runs" not in words or (method == "POST" and words[-1] in READS):
            return body
        # runs report their states as Grace does, many times a minute
        if person.is_service and words[-1] not in ANSWERING:
            return body
        if path.startswith(BULK) and await self._hits_waiting(body):
            raise NotAllowed(f"some of these runs wait for an answer: {ONLY_BY_RESUME}")
        for run_id in filter(None, map(_uuid, words)):
            if waiting := await self._waiting(run_id):
                return self._checked(person, waiting, words, body)
        return body

    def _checked(self, person: Person, waiting: Waiting, words: list[str], body: bytes) -> bytes:
        if words[-1] == "resume":
            return self._answered(person, waiting, body)
        if not person.is_service:
            raise NotAllowed(ONLY_BY_RESUME)
        if str(_object(body).get("key", "")).endswith("-response"):
            raise NotAllowed(f"an answer is no input: {ONLY_BY_RESUME}")
        return body

    def _answered(self, person: Person, waiting: Waiting, body: bytes) -> bytes:
        given = _object(body)
        answer = _answer(given.get("run_input"))
        if answer is None:
            return body  # which Prefect refuses: the form is not filled in
        if person.is_service:
            if answer.proof is None:
                raise NotAllowed(
                    "this server asks reviewers to sign in: answer on its page, or by "
                    "`grace approve` with your password or --key"
                )
            return body
        if answer.reviewer != person.name:
            raise NotAllowed(
                f"you are signed in as {person.name!r}, and the form says {answer.reviewer!r}: "
                "answer in your own name"
            )
        if waiting.log not in person.logs:
            raise NotAllowed(f"{person.name!r} is no reviewer of the log {waiting.log!r}")
        proof = answer.proof or self._vouched(person, waiting, answer)
        run_input = answer.model_dump(exclude_none=True) | {"proof": proof}
        return json.dumps(given | {"run_input": run_input}).encode()

    def _vouched(self, person: Person, waiting: Waiting, answer: Answer) -> str:
        """The server's own statement that this person gave this answer to this question."""
        key, origin = load_server_key(self.settings), self._origin(waiting.log)
        if key is None or origin is None or waiting.question is None:
            raise NotAllowed("nothing is asked yet, or the log was never signed: try again soon")
        return Statement(
            log=origin,
            proposal=waiting.proposal,
            content=waiting.content,
            asking=asking_id(waiting.proposal, waiting.id, waiting.question),
            answer=answer.answer,
            reviewer=person.name,
            reason=answer.reason,
            assurance="signed in",
            at=self.now(),
        ).signed(key)

    def _origin(self, log: str) -> str | None:
        return log_origin(self.settings.for_log(log))

    async def _waiting(self, run_id: str) -> Waiting | None:
        """The approval run of this id; None for every other."""
        run = await self.ask("GET", f"/flow_runs/{run_id}", None)
        if run is None:
            return None
        flow = await self.ask("GET", f"/flows/{run['flow_id']}", None)
        if flow is None or flow["name"] != APPROVAL:
            return None
        details = (run.get("state") or {}).get("state_details") or {}
        paused = (run.get("state") or {}).get("type") == "PAUSED"
        parameters = run.get("parameters") or {}
        return Waiting(
            id=run["id"],
            log=await self._log_of(run.get("deployment_id")),
            proposal=str(parameters.get("proposal_id", "")),
            content=str(parameters.get("content_hash", "")),
            question=details.get("pause_key") if paused else None,
        )

    async def _log_of(self, deployment_id: str | None) -> str:
        """By the name of its deployment, as `grace.installation.deployments` gives it."""
        found = deployment_id and await self.ask("GET", f"/deployments/{deployment_id}", None)
        name = found["name"] if found else DEPLOYMENT
        return name.removesuffix(DEPLOYMENT).rstrip("-") or "main"

    async def _hits_waiting(self, body: bytes) -> bool:
        """Whether a filter takes in an approval run."""
        wanted = {"flow_runs": _object(body).get("flow_runs"), "limit": 1}
        of_approvals = {"flows": {"name": {"any_": [APPROVAL]}}}
        return bool(await self.ask("POST", "/flow_runs/filter", wanted | of_approvals))


def _uuid(word: str) -> str | None:
    try:
        return str(UUID(word))
    except ValueError:
        return None


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is; Prefect refuses every other."""
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _answer(run_input: object) -> Answer | None:
    """None for what is no whole answer.

    Raises NotAllowed for an answer in other shapes: Prefect evaluates templates in them
    (`__prefect_kind`), so what was compared here would not be what arrives.
    """
    if not isinstance(run_input, dict):
        return None
    plain = all(isinstance(value, str) for value in run_input.values())
    if not plain or not run_input.keys() <= Answer.model_fields.keys():
        raise NotAllowed("an answer is plain text in each field of the form, and no other field")
    try:
        return Answer.model_validate(run_input)
    except ValidationError:
        return None
