"""The analysis of a window, shown where a person looks."""

from datetime import datetime

from prefect import task
from prefect.artifacts import create_markdown_artifact

from grace.analysis.page import analysis_page
from grace.analysis.window import analyse
from grace.analysis.wording import health_words
from grace.opportunities.page import findings_table
from grace.settings import Settings
from grace.store import open_store
from grace.summary import last_findings

__all__ = ["publish_analysis"]


@task
def publish_analysis(settings: Settings, since: datetime, until: datetime) -> None:
    """Tables and charts of a window that has passed: the newest version is the present.

    The rollups are advanced by what is new in the log; nothing else of it is read again. Below
    them stands what the newest cycle of each engine looked at, and why it did not propose it.
    """
    store = open_store(settings.url)
    analysis, looked_at = analyse(store, since, until, now=until), last_findings(store)
    name = "sample workload's" if settings.sample else settings.log
    create_markdown_artifact(
        f"{analysis_page(analysis, log=name)}\n## What could be better\n\n"
        f"{findings_table(looked_at)}",
        key=f"analysis-{settings.log}",
        description=health_words(analysis.health),
    )
