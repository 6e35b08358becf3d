"""The wished port, or the next one that nobody listens on."""

import socket
from collections.abc import Iterator

import pytest

from grace.errors import BadInput
from grace.installation.ports import is_free, next_free
from tests.serving import own_ports


@pytest.fixture
def taken() -> Iterator[int]:
    """A port with a listener, and a free one behind it."""
    for port in own_ports():
        with socket.socket() as listener:
            if not is_free(port) or not is_free(port + 1):
                continue
            listener.bind(("127.0.0.1", port))
            listener.listen()
            yield port
            return


def test_a_port_with_a_listener_is_taken_and_the_next_one_is_found(taken: int) -> None:
    assert not is_free(taken)
    assert next_free(taken) == taken + 1


def test_a_port_is_free_again_when_only_old_connections_linger(taken: int) -> None:
    """A server restarted at once gets its port back."""
    port = taken + 1
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        with socket.create_connection(("127.0.0.1", port)):
            served, _ = listener.accept()
            served.close()  # who closes first keeps the port in TIME_WAIT
    assert is_free(port)


def test_no_port_is_left_above_the_highest() -> None:
    with pytest.raises(BadInput, match="GRACE_PORT"):
        next_free(65536)
