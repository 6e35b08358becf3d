"""The analysis of a window, loaded from the log and shown where a person looks."""

from datetime import datetime

from prefect import task
from prefect.artifacts import create_markdown_artifact

from grace.analysis.page import analysis_page
from grace.analysis.window import Analysis, analyse
from grace.analysis.wording import health_words
from grace.settings import Settings
from grace.store import open_store

__all__ = ["load_analysis", "publish_analysis"]


@task
def load_analysis(settings: Settings, since: datetime, until: datetime, now: datetime) -> Analysis:
    """Everything that the log says about a window that has passed by `now`."""
    return analyse(open_store(settings.url), since, until, now=now)


@task
def publish_analysis(settings: Settings, analysis: Analysis) -> None:
    """Tables and charts under one key a log: the newest version is the present."""
    name = "sample workload's" if settings.sample else "main"
    create_markdown_artifact(
        analysis_page(analysis, log=name),
        key=f"analysis-{settings.log_name}",
        description=health_words(analysis.health),
    )
