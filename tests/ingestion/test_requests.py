"""The forms of the ingestion flows: bounded, and without a place for passwords."""

from typing import get_args

import pytest
from pydantic import ValidationError

from grace.ingestion.loose import INGESTIBLE
from grace.ingestion.requests import FileIngestion, SqlIngestion, TableName


def test_the_form_offers_every_table_that_can_be_filled():
    """And no other."""
    assert get_args(TableName) == INGESTIBLE
    choices = FileIngestion.model_json_schema()["properties"]["table"]["anyOf"][0]["enum"]
    assert choices == list(INGESTIBLE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"paths": []},
        {"paths": [""]},
        {"paths": ["x.csv"] * 101},
        {"paths": ["x.csv"], "table": "decisions"},
        {"paths": ["x.csv"], "timezone": "Mars/Olympus"},
        {"paths": ["x.csv"], "colour": "red"},
    ],
)
def test_what_cannot_be_is_refused_by_the_form(wrong):
    """Before a run is made of it."""
    with pytest.raises(ValidationError):
        FileIngestion(**wrong)


def test_the_zone_none_refuses_times_without_one():
    """UTC is the default."""
    assert FileIngestion(paths=["x.csv"]).zone == "UTC"
    assert FileIngestion(paths=["x.csv"], timezone="None").zone is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://user:hush@host/name",
        "postgresql+psycopg://user:hu/sh@host/name",
        "postgresql+psycopg://host/name?user=x&password=hush",
        "mssql+pyodbc://host/name?driver=x&PWD=hush",
        "snowflake://user@host/name?token=hush",
    ],
)
def test_a_password_is_refused_and_not_repeated(url):
    """The message names the Secret block, and the form's answer would stand in every page."""
    with pytest.raises(ValidationError) as refused:
        SqlIngestion(url=url)
    assert "keep it in a Secret block" in str(refused.value)
    assert "hush" not in str(refused.value)
    assert "hu/sh" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["sqlite:////srv/old.db", "postgresql+psycopg://user@host:5432/name?sslmode=require"]
)
def test_an_address_without_a_password_is_taken(url):
    """User, port and options may stand in it."""
    assert SqlIngestion(url=url).url == url
