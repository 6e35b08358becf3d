"""Whether a watched server can be reached, and in one line what is wrong where it cannot."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from uuid import uuid4

import httpx

from grace.connection import Connection
from grace.errors import BadInput, Unreachable

__all__ = ["look_at", "telling"]

UNDERSTOOD = "3"  # the major version of Prefect whose API is read
TIMEOUT_SECONDS = 30


def look_at(connection: Connection, name: str) -> str:
    """The version of a server that answers with this credential.

    Raises Unreachable or BadInput with a line that says what to do.
    """
    headers = _authorization(connection)
    with (
        telling(connection, name),
        httpx.Client(base_url=connection.api_url, headers=headers, timeout=TIMEOUT_SECONDS) as http,
    ):
        version = _version(http, connection)
        # the version may be open to all; what is read is not
        asking = _against_forgery(http)
        http.post("/flow_runs/count", json={}, headers=asking).raise_for_status()
    if version.split(".")[0] not in (UNDERSTOOD, "cloud"):
        raise BadInput(
            f"{connection.api_url} is Prefect {version}; Grace understands Prefect {UNDERSTOOD}"
        )
    return version


@contextmanager
def telling(connection: Connection, name: str) -> Iterator[None]:
    """Every way in which a server can fail to answer, as Unreachable with one line."""
    where = f"{name} ({connection.api_url})"
    try:
        yield
    except httpx.TimeoutException:
        raise Unreachable(f"{where} does not answer in time; what was read stays") from None
    except httpx.TransportError as problem:
        raise Unreachable(f"{where} does not answer: {problem or type(problem).__name__}") from None
    except httpx.HTTPStatusError as problem:
        raise Unreachable(f"{where} {_refusal(problem.response)}") from None
    except httpx.InvalidURL as problem:
        raise BadInput(f"{where} is no address: {problem}") from None
    except JSONDecodeError:
        raise Unreachable(f"{where} answers with something that is no JSON") from None


def _version(http: httpx.Client, connection: Connection) -> str:
    answer = http.get("/admin/version")
    if connection.is_cloud and answer.status_code == httpx.codes.NOT_FOUND:
        return "cloud"
    try:
        version = answer.raise_for_status().json()
    except ValueError:
        version = None
    if not isinstance(version, str):
        raise BadInput(f"{connection.api_url} is no Prefect server")
    return version


def _against_forgery(http: httpx.Client) -> dict[str, str]:
    """Where the server asks for it, a question by POST needs a token; elsewhere it has none."""
    client = str(uuid4())
    answer = http.get("/csrf-token", params={"client": client})
    if not answer.is_success:
        return {}
    return {"Prefect-Csrf-Token": answer.json()["token"], "Prefect-Csrf-Client": client}


def _authorization(connection: Connection) -> dict[str, str]:
    secret = connection.secret.get_secret_value()
    match connection.credential:
        case "basic":
            return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
        case "key":
            return {"Authorization": f"Bearer {secret}"}
    return {}


def _refusal(answer: httpx.Response) -> str:
    match answer.status_code:
        case httpx.codes.UNAUTHORIZED | httpx.codes.FORBIDDEN:
            code = answer.status_code
            return f"refuses the credential ({code}): connect again with --credential"
        case httpx.codes.TOO_MANY_REQUESTS:
            return "asks to be asked more slowly (429); the next cycle goes on from here"
        case httpx.codes.NOT_FOUND:
            return f"has no {answer.url.path}: is it the address of a Prefect API?"
    return f"answers {answer.status_code} to {answer.url.path}"
