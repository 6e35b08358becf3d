"""Code that fails, as Python and libraries fail: a statement a line, with values drawn each time."""

# ruff: noqa: E501 - a statement a line reads best
import ast
import asyncio
import decimal
import io
import json
import random
import socket
import sqlite3
import ssl
import subprocess
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pydantic
import sqlalchemy as sa

__all__ = ["STATEMENTS", "Values"]

USERS = [
    "alice",
    "bob",
    "carol",
    "dave",
    "erin",
    "frank",
    "grace",
    "heidi",
    "ivan",
    "judy",
    "mallory",
    "niaj",
]
TABLES = [
    "orders",
    "invoices",
    "customers",
    "shipments",
    "refunds",
    "stock",
    "prices",
    "carts",
    "events",
    "users",
]
QUEUES = ["billing", "mail", "thumbnails", "exports", "imports", "search", "audit"]
HOSTS = [
    "db-{}.prod.internal",
    "cache{}.eu-west-1.example.com",
    "kafka-{}.svc.cluster.local",
    "api{}.partner.io",
]


class Values:
    """What differs from one failure to the next."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def number(self, digits: int = 5) -> int:
        return self.rng.randrange(1, 10 ** self.rng.randint(1, digits))

    @property
    def seconds(self) -> float:
        return round(self.rng.uniform(0.1, 300), self.rng.randrange(4))

    @property
    def host(self) -> str:
        return self.rng.choice(HOSTS).format(self.rng.randrange(20))

    @property
    def ip(self) -> str:
        return ".".join(str(self.rng.randrange(256)) for _ in range(4))

    @property
    def uuid(self) -> str:
        digits = f"{self.rng.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    @property
    def hexes(self) -> str:
        return f"{self.rng.getrandbits(48):012x}"

    @property
    def path(self) -> str:
        return f"/srv/{self.table}/{self.rng.randrange(2019, 2026)}/part-{self.number()}.parquet"

    @property
    def user(self) -> str:
        return self.rng.choice(USERS)

    @property
    def table(self) -> str:
        return self.rng.choice(TABLES)

    @property
    def queue(self) -> str:
        return self.rng.choice(QUEUES)

    @property
    def when(self) -> datetime:
        return datetime.fromtimestamp(1.6e9 + self.rng.random() * 1e8)  # noqa: DTZ006 - any time


class RateLimited(Exception):
    """The program's own, whose name does not say that it is an error."""


class StepFailed(Exception):
    def __init__(self, step: str, code: int) -> None:
        super().__init__(step, code)


class Order(pydantic.BaseModel):
    number: int
    price: float


def _raise(make: Callable[[Values], BaseException]) -> Callable[[Values], object]:
    def statement(v: Values) -> object:
        raise make(v)

    return statement


def _status(code: int) -> Callable[[Values], object]:
    def statement(v: Values) -> object:
        url = f"https://{v.host}/v1/{v.table}/{v.number()}"
        return httpx.Response(code, request=httpx.Request("GET", url)).raise_for_status()

    return statement


def _sql(text: str) -> Callable[[Values], object]:
    def statement(v: Values) -> object:
        with sa.create_engine("sqlite://").connect() as connection:
            connection.execute(sa.text("CREATE TABLE kept (id INTEGER PRIMARY KEY)"))
            connection.execute(sa.text("INSERT INTO kept VALUES (1)"))
            return connection.execute(sa.text(text.format(v=v)))

    return statement


STATEMENTS: dict[str, Callable[[Values], object]] = {
    "http 503 by hand": _raise(lambda v: RuntimeError(f"HTTP 503 from {v.host}: request {v.hexes}")),
    "http 429 by hand": _raise(lambda v: RuntimeError(f"HTTP 429 from {v.host}: request {v.hexes}")),
    "http 404": _status(404),
    "http 429": _status(429),
    "http 500": _status(500),
    "http 503": _status(503),
    "read timeout": _raise(lambda v: httpx.ReadTimeout(f"timed out after {v.seconds} s")),
    "connect timeout": _raise(lambda v: httpx.ConnectTimeout("")),
    "all attempts": _raise(lambda v: httpx.ConnectError("All connection attempts failed")),
    "refused": _raise(lambda v: ConnectionRefusedError(111, f"Connect call failed ('{v.ip}', {v.number()})")),
    "reset": _raise(lambda v: ConnectionResetError(104, "Connection reset by peer")),
    "broken pipe": _raise(lambda v: BrokenPipeError(32, "Broken pipe")),
    "no host": _raise(lambda v: socket.gaierror(-2, "Name or service not known")),
    "host gone": _raise(lambda v: OSError(113, "No route to host")),
    "no file": lambda v: Path(v.path).read_text(),
    "is a folder": lambda v: Path("/usr").write_text(v.user),
    "disk full": _raise(lambda v: OSError(28, "No space left on device", v.path)),
    "denied": _raise(lambda v: PermissionError(13, "Permission denied", v.path)),
    "quota": _raise(lambda v: OSError(f"quota of {v.user} exceeded by {v.number()} bytes on {v.path}")),
    "certificate": _raise(lambda v: ssl.SSLCertVerificationError(1,
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, "
        f"certificate is not valid for '{v.host}'. (_ssl.c:1006)")),
    "task timeout": _raise(lambda v: TimeoutError(f"no answer from {v.host} within {v.seconds}s")),
    "lock timeout": _raise(lambda v: TimeoutError(f"lock {v.table}:{v.number()} is held by {v.user}")),
    "bare timeout": _raise(lambda v: asyncio.TimeoutError()),  # noqa: UP041 - as programs write it
    "missing key": lambda v: dict[str, int]()[v.table],
    "missing number": lambda v: dict[int, int]()[v.number()],
    "missing column": lambda v: pd.DataFrame({"a": [1]}).loc[:, [v.table]],
    "not a number": lambda v: float(v.user),
    "not a whole number": lambda v: int(v.table),
    "bad date": lambda v: datetime.strptime(f"{v.when:%d.%m.%Y}", "%Y-%m-%d"),  # noqa: DTZ007
    "not iso": lambda v: datetime.fromisoformat(v.user),
    "columns": _raise(lambda v: ValueError(f"row {v.number()}: expected {v.number(2)} columns, got {v.number(2)}")),
    "unknown column": _raise(lambda v: ValueError(f"column {v.table} is not known to {v.path}")),
    "length": lambda v: pd.Series([1, 2, 3]).set_axis(range(3 + v.number(3))),
    "shapes": lambda v: np.zeros(v.number(3) + 1) + np.zeros(v.number(3) + 1001),
    "allocation": _raise(lambda v: MemoryError(
        f"Unable to allocate {v.seconds} GiB for an array with shape ({v.number()}, {v.number(2)}) and data type float64")),
    "unpack": _raise(lambda v: ValueError(f"not enough values to unpack (expected {v.number(1) + 1}, got 1)")),
    "no attribute": lambda v: None.upper(),  # type: ignore[attr-defined]
    "operands": lambda v: v.number() + v.user,  # type: ignore[operator]
    "comparison": lambda v: v.number() < v.user,  # type: ignore[operator]
    "not callable": lambda v: v.number()(),  # type: ignore[operator]
    "argument": _raise(lambda v: TypeError(f"load() missing {v.number(1)} required positional arguments: '{v.table}' and '{v.user}'")),
    "zero": lambda v: v.number() / 0,
    "index": lambda v: [][v.number()],
    "decimal": lambda v: decimal.Decimal(v.user),
    "json": lambda v: json.loads(" " * v.number(2) + "{'x': 1}"),
    "json ends": lambda v: json.loads('{"a": ' + " " * v.number(2)),
    "utf-8": lambda v: (b"x" * v.number(2) + bytes([v.rng.randrange(0xC2, 0xF4)])).decode(),
    "validation": lambda v: Order.model_validate({"number": v.user, "price": v.seconds}),
    "zip": lambda v: zipfile.ZipFile(io.BytesIO(v.user.encode())),
    "no table": _sql("SELECT * FROM {v.table}_{v.hexes}"),
    "unique": _sql("INSERT INTO kept VALUES (1)"),
    "syntax": _sql("SELEC {v.user}"),
    "locked": _raise(lambda v: sqlite3.OperationalError("database is locked")),
    "deadlock": _raise(lambda v: sa.exc.DBAPIError(
        None, None, Exception(f"deadlock detected: process {v.number()} waits for ShareLock on transaction {v.number(6)}"))),
    "command": lambda v: subprocess.run(["false", v.path], check=True),
    "command killed": _raise(lambda v: subprocess.CalledProcessError(-9, ["dbt", "run", "--select", v.table])),
    "no user": _raise(lambda v: LookupError(f"user {v.user} was not found in tenant {v.number()}")),
    "no grant": _raise(lambda v: PermissionError(f"user {v.user} may not read table {v.table}")),
    "no leader": _raise(lambda v: RuntimeError(f"partition {v.number(2)} of topic {v.queue} has no leader")),
    "queue full": _raise(lambda v: RuntimeError(f"queue {v.queue} is full: {v.number()} of {v.number()} messages")),
    "pool": _raise(lambda v: RuntimeError(f"QueuePool limit of size {v.number(2)} overflow {v.number(2)} reached, connection timed out, timeout {v.seconds}")),
    "stale": _raise(lambda v: RuntimeError(f"snapshot {v.uuid} of {v.when.isoformat()} is older than {v.number(2)} days")),
    "checksum": _raise(lambda v: RuntimeError(f"checksum of {v.path} is {v.hexes}, expected {v.hexes}")),
    "worker": _raise(lambda v: RuntimeError(f"worker {v.uuid} did not answer for {v.seconds}s")),
    "plain text": _raise(lambda v: Exception(f"could not hand over {v.number()} rows to {v.host}:{v.number()}")),
    "rate": _raise(lambda v: RateLimited(f"{v.user} sent {v.number()} requests in {v.seconds} s")),
    "step": _raise(lambda v: StepFailed("transform", v.number())),
    "empty": _raise(lambda v: NotImplementedError()),
    "assertion": _raise(lambda v: AssertionError(f"{v.number()} rows in, {v.number()} rows out")),
    "unknown fields": _raise(lambda v: ValueError(f"unknown fields {sorted(v.rng.sample(TABLES, v.rng.randint(1, 5)))} in {v.uuid}")),
    "settings": _raise(lambda v: ValueError(f"settings of {v.host} are {dict.fromkeys(v.rng.sample(USERS, v.rng.randint(1, 4)), v.number())}")),
    "email": _raise(lambda v: ValueError(f"mail to {v.user}@{v.host} bounced: mailbox {v.number()} is unavailable")),
    "literal": lambda v: ast.literal_eval(f"{v.table}()"),
}  # fmt: skip
