"""Behind nginx and TLS, as docs/operations.md says: one signs in, and answers in one's own name.

Nothing is downloaded: where the system has no nginx this is skipped, and says so.
"""

import json
import re
import shutil
import ssl
import warnings
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets import Subprotocol
from websockets.sync.client import connect

from grace.settings import PROJECT, Settings
from tests.browser import Visitor
from tests.children import child
from tests.journeys.conftest import PASSWORD, give_passwords
from tests.running import System, rest_the_engines, until
from tests.serving import free_port

pytestmark = pytest.mark.slow

NGINX = shutil.which("nginx")
MISSING = "no nginx was found: install Debian's by `apt-get install nginx-light`"
OPERATIONS = (PROJECT / "docs" / "operations.md").read_text()
FILE = """
daemon off;
master_process off;  # its workers would outlive it
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {map}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/proxy.pem;
        ssl_certificate_key {folder}/proxy.pem;
        {location}
    }}
}}
"""


def documented(grace_port: int, **places: object) -> str:
    """The configuration of the documents, within the least that nginx needs around it."""
    (location,) = re.findall(r"```nginx\n(.*?)```", OPERATIONS, re.DOTALL)
    (mapped,) = re.findall(r"`(map [^`]*)`", OPERATIONS)
    assert "127.0.0.1:4200" in location
    location = location.replace("127.0.0.1:4200", f"127.0.0.1:{grace_port}")
    return FILE.format(location=location, map=mapped, **places)


def certified(path: Path) -> None:
    """A certificate of its own for localhost, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(certificate.public_bytes(pem) + key.private_bytes(pem, *plain))


@pytest.fixture(scope="module")
def address() -> str:
    """Where people reach the page."""
    if NGINX is None:
        warnings.warn(f"the proxy was NOT tested: {MISSING}", stacklevel=1)
        pytest.skip(MISSING)
    return f"https://localhost:{free_port()}"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory, address: str) -> Iterator[System]:
    """Grace behind the proxy, told under which address it is reached."""
    folder = tmp_path_factory.mktemp("behind")
    system = System(Settings(data_dir=folder / "data", port=25300))
    with pytest.MonkeyPatch.context() as told:
        told.setenv("PREFECT_UI_URL", address)
        told.setenv("PREFECT_SERVER_UI_API_URL", f"{address}/api")
        try:
            system.grace("up", "--sample")
            rest_the_engines(system)
            with proxied(folder, system.installation.port, address):
                yield system
        finally:
            system.grace("down")


def proxied(folder: Path, grace_port: int, address: str):
    certified(folder / "proxy.pem")
    conf = folder / "nginx.conf"
    port = address.rpartition(":")[2]
    conf.write_text(documented(grace_port, folder=folder, port=port))
    assert NGINX is not None
    return child([NGINX, "-p", str(folder), "-c", str(conf), "-e", str(folder / "error.log")])


def event_socket(address: str) -> str:
    """How a page's websocket is greeted through the proxy, with ann's password in its handshake."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    basic = "Basic " + b64encode(f"ann:{PASSWORD}".encode()).decode()

    with connect(
        address.replace("https://", "wss://") + "/api/events/out",
        subprotocols=[Subprotocol("prefect")],
        additional_headers={"Authorization": basic, "Origin": address},
        ssl=trusting,
        open_timeout=60,
    ) as socket:
        socket.send(json.dumps({"type": "auth", "token": None}))
        return str(json.loads(socket.recv(60))["type"])


def test_one_answers_through_the_proxy_in_ones_own_name(
    system: System, address: str, browser
) -> None:
    """The page, its API, its websockets and its links are all at the proxy's address."""
    told = system.grace(
        "--sample", "propose", "variable:greeting", "hello", "--as", "alice", "--why", "friendly"
    )
    until(lambda: system.state(told["run_id"]) == "Suspended")
    give_passwords(system, "ann")
    with httpx.Client(verify=False) as anybody:
        until(lambda: anybody.get(f"{address}/api/health").is_success)
        assert anybody.get(f"{address}/api/admin/version").status_code == 401
    assert event_socket(address) == "auth_success"

    ann = Visitor(browser, address, "ann", PASSWORD, ignore_https_errors=True)
    ann.open(f"/runs/flow-run/{told['run_id']}")
    ann.click("Resume")
    ann.answer("approve", "ann", "through the proxy")
    ann.close()

    def decided() -> list[dict]:
        found = system.grace("--sample", "show", told["id"])
        return found["decisions"] if found["state"] == "kept" else []

    until(decided)
    (answer,) = [one for one in decided() if one["question"] == "a person's answer"]
    assert (answer["reviewer"], answer["assurance"]) == ("ann", "signed in")
