"""A real Prefect server on SQLite, in a folder and on a port of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from grace.settings import PROJECT

__all__ = ["forget_servers", "free_port", "own_ports", "serving_prefect"]

GRACES = "grace.installation.prefect_server"
_START_SECONDS = 120
_STOP_SECONDS = 20


@contextmanager
def serving_prefect(home: Path, **environment: str) -> Iterator[str]:
    """The address of its API; the server ends with the block. Variables are for it alone.

    It is started as `grace up` starts it; plain `prefect` stands still for a minute now and then.
    """
    port = free_port()
    command = [sys.executable, "-m", GRACES, "--no-prompt", "server", "start"]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env=os.environ
            | {"PREFECT_HOME": str(home), "PREFECT_SERVER_UI_ENABLED": "false"}
            # its automations make links of it
            | {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
            | environment,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}/api"
    try:
        _wait_until_healthy(url, server, home / "server.log")
        forget_servers()
        yield url
    finally:
        forget_servers()
        server.terminate()
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def forget_servers() -> None:
    """Have all be sent that this process has to tell a server; the next is told by a new sender.

    Prefect has one sender of events a process, and it stays with the server that it met first: what
    a later one should hear, task runs above all, would go to one that is gone.
    """
    from prefect.events.worker import EventsWorker

    # bounded: what has no server any more is tried again and again
    EventsWorker.drain_all(timeout=_STOP_SECONDS)


def own_ports() -> range:
    """Below those that a kernel gives to whoever asks for any, each process from another one on."""
    return range(11000 + os.getpid() % 1000 * 10, 32768)


def free_port() -> int:
    for port in own_ports():
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port below 32768")


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(trust_env=False, timeout=2) as client:
        while time.monotonic() < deadline and server.poll() is None:
            try:
                if client.get(f"{url}/health").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    raise RuntimeError(f"the Prefect server did not start:\n{log.read_text()}")
