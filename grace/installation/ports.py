"""A port to listen on at 127.0.0.1."""

import socket

from grace.errors import BadInput

__all__ = ["is_free", "next_free"]

_TRIES = 100


def is_free(port: int) -> bool:
    with socket.socket() as listener:
        # as servers do: a port whose last connections linger in TIME_WAIT is free
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def next_free(first: int) -> int:
    """The first free port from `first` on.

    Raises:
        BadInput: a hundred ports in a row are taken.
    """
    for port in range(first, min(first + _TRIES, 65536)):
        if is_free(port):
            return port
    raise BadInput(f"no free port from {first} on: set GRACE_PORT")
