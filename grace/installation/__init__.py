"""The running system of one data folder: Prefect server, worker, signers and sample service.

What belongs here: starting and stopping processes, and telling the rest where they are. What does
not: anything that reads logs or knows what a proposal is. Prefect is a subprocess and a REST API.
"""

from grace.installation.environment import api_url, connect_environment
from grace.installation.reaping import crash_lost_runs
from grace.installation.starting import check_no_other_server, up
from grace.installation.state import Installation
from grace.installation.state import read as read_installation
from grace.installation.stopping import down
from grace.installation.supervising import stay_up

__all__ = [
    "Installation",
    "api_url",
    "check_no_other_server",
    "connect_environment",
    "crash_lost_runs",
    "down",
    "read_installation",
    "stay_up",
    "up",
]
