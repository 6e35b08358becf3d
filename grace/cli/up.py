"""`grace up` and `grace down`."""

import sys
from typing import Annotated

import typer

from grace.cli.options import command, settings
from grace.cli.output import emit, progress

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)


def up(
    foreground: Annotated[
        bool,
        typer.Option(
            "--foreground",
            help="Stay until SIGTERM or Ctrl-C, then end it all; fail when a part of it ends.",
        ),
    ] = False,
) -> None:
    """Start server, worker and signer, and deploy what prefect.yaml declares.

    Again, it restarts what has died and changes nothing else. With --sample the sample workload
    and its own log run beside the main one. With --foreground it stays, for systemd or a container.

    Example: grace up --sample
    """
    from grace import installation

    if foreground:
        return _stay_up()
    _report(installation.up(settings(), tell=progress))
    return None


def _stay_up() -> None:
    from grace import installation
    from grace.notary.waiting import Interruptible

    with Interruptible() as wait:
        installation.stay_up(settings(), wait=wait, tell=progress, on_up=lambda: _report(True))


def _report(changed: bool) -> None:
    from grace import installation

    running = installation.read_installation(settings())
    assert running is not None
    url = running.api_url.removesuffix("/api")
    told = {"url": url, "api_url": running.api_url, "sample": running.sample, "changed": changed}
    emit(told | {"processes": running.processes}, lambda: _next_step(url, running.sample, changed))
    sys.stdout.flush()


def _next_step(url: str, sample: bool, changed: bool) -> str:
    begin = f"Grace is up at {url}" if changed else f"Nothing to do: Grace is up at {url}"
    if not sample:
        return (
            f"{begin}\nIt reads this Prefect's runs every ten minutes; watch `{command()} status`."
        )
    return (
        f"{begin}\nA proposal from the sample workload appears within about ten minutes under\n"
        f"{url}/runs?state=Suspended; watch `{command()} --sample status`."
    )


def down() -> None:
    """Stop everything that `grace up` started. Waiting approvals are kept.

    Example: grace down
    """
    from grace import installation

    stopped = installation.down(settings(), tell=progress)
    emit({"stopped": stopped}, "Grace is down." if stopped else "Nothing is running.")
