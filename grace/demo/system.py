"""What the demo's system consists of: services, jobs on schedules, and the errors they meet."""

from dataclasses import dataclass

__all__ = ["SHOP", "Job", "Service", "System", "Trouble"]


@dataclass(frozen=True)
class Service:
    """What task runs with the tag `name` share: `limit` of them at once, by a tag limit.

    Beyond `knee` at once everything in it becomes (n / knee) ** steepness times as slow; with a
    steepness above 1 more at once means less done.
    """

    name: str
    limit: int
    knee: int
    steepness: float


@dataclass(frozen=True)
class Trouble:
    """An error that a task run meets at its first attempt, with a chance of `share`.

    `heals` is the chance that one more attempt is spared; 0 is an error that stays. It ends
    attempts after `seconds`. `which` is the place of the only task run of a flow run that meets it,
    None for all. In `message` {number} and {id} are others each time.
    """

    type: str
    message: str
    share: float
    heals: float
    seconds: float
    which: int | None = None


@dataclass(frozen=True)
class Job:
    """A flow of `tasks` equal task runs, begun every so many minutes, `first_minute` past zero."""

    flow: str
    deployment: str
    task: str
    tasks: int
    seconds: float
    service: str | None
    every_minutes: float
    first_minute: float
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True)
class System:
    services: tuple[Service, ...]
    jobs: tuple[Job, ...]


_SLOW_PAGE = Trouble(
    "ReadTimeout",
    "page {number} was not answered within 30 s (trace {id})",
    share=0.002,
    heals=0.9,
    seconds=30.0,
)
_BUSY_ORDERS = Trouble(
    "HTTPStatusError",
    "Server error '503 Service Unavailable' for url "
    "'https://orders.example.com/v2/batches/{number}?trace={id}'",
    share=0.15,
    heals=0.85,
    seconds=2.0,
)
# a partner has closed its account; asking again cannot help
_PARTNER_GONE = Trouble(
    "HTTPStatusError",
    "Client error '410 Gone' for url 'https://partners.example.com/feeds/{number}?trace={id}'",
    share=1.0,
    heals=0.0,
    seconds=0.5,
    which=0,
)

SHOP = System(
    services=(
        # set too low: the catalog answers eight at once as fast as one
        Service("catalog-api", limit=2, knee=8, steepness=1.5),
        # set right, though its runs queue: beyond three, queries wait for each other's locks
        Service("warehouse", limit=3, knee=3, steepness=2.0),
    ),
    jobs=(
        Job(
            flow="refresh-catalog",
            deployment="hourly",
            task="fetch_page",
            tasks=12,
            seconds=4.0,
            service="catalog-api",
            every_minutes=60,
            first_minute=3,
            troubles=(_SLOW_PAGE,),
        ),
        Job(
            flow="build-reports",
            deployment="hourly",
            task="run_query",
            tasks=18,
            seconds=3.0,
            service="warehouse",
            every_minutes=60,
            first_minute=10,
        ),
        Job(
            flow="import-orders",
            deployment="every-30-minutes",
            task="load_batch",
            tasks=6,
            seconds=5.0,
            service=None,
            every_minutes=30,
            first_minute=7,
            troubles=(_BUSY_ORDERS,),
        ),
        Job(
            flow="sync-partner",
            deployment="every-20-minutes",
            task="fetch_feed",
            tasks=1,
            seconds=3.0,
            service=None,
            every_minutes=20,
            first_minute=24 * 60 + 18,  # it is new on the second day
            troubles=(_PARTNER_GONE,),
        ),
    ),
)
