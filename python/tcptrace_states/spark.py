"""The analysis of a fleet's captures on Apache Spark, with the same answer as on one machine.

``python -m tcptrace_states.spark INPUT... --output DIR`` (or ``spark-submit``, see the project's README)::

    1 read     each capture to TCP segments, on the executors          DIR/segments, until the end
    2 shuffle  by connection, sorted by time inside of it              Spark's own
    3 track    the very same tracker over the sorted rows              DIR/tracked, until the end
    4 judge    findings about services, over all their connections     DIR/connections, transitions, findings, quality

Spark does the scheduling, the shuffle, spilling and retries. Memory of a task is bounded by its batches and by the
connections of one 4-tuple, not by the captures.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Iterator, Sequence

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from . import Settings, _native

#: Octets of captures that one task of the first stage reads, about.
TASK_BYTES = 1 << 30
#: Segments that one task of the third stage tracks, about.
TASK_SEGMENTS = 4_000_000
#: A flow with more than this share of an average partition is tracked in one of its own.
ELEPHANT = 0.25
#: So many of them at most.
MOST_ELEPHANTS = 1000

_SCHEMAS = _native.schemas()
_TABLES = ("connection", "transition", "finding")
_KINDS = (*_TABLES, "share", "totals")


@dataclass(frozen=True)
class Input:
    """A capture of the fleet."""

    #: As it is called in results: a path, or an address of another file system than the local one.
    name: str
    #: Octets.
    size: int
    #: It lies in a directory that was named: it need not be a capture.
    in_directory: bool


class _Files:
    """The file systems that Spark reads, through Hadoop's interface."""

    def __init__(self, spark: SparkSession) -> None:
        self._jvm = spark._jvm
        self._conf = spark._jsc.hadoopConfiguration()

    def inputs(self, names: Sequence[str]) -> list[Input]:
        found: list[Input] = []
        for name in names:
            path = self._jvm.org.apache.hadoop.fs.Path(name)
            system = path.getFileSystem(self._conf)
            local = system.getScheme() == "file"
            matches = system.globStatus(path)
            if matches is None or len(matches) == 0:
                found.append(Input(name, 0, False))  # the stage that reads says what is wrong
                continue
            for match in matches:
                if match.isDirectory():
                    entries = [entry for entry in system.listStatus(match.getPath()) if entry.isFile()]
                    found.extend(self._input(entry, local, True) for entry in entries)
                else:
                    found.append(self._input(match, local, False))
        seen: dict[str, Input] = {}
        for one in found:
            seen.setdefault(one.name, one)
        return sorted(seen.values(), key=lambda one: one.name)

    def delete(self, folder: str) -> None:
        path = self._jvm.org.apache.hadoop.fs.Path(folder)
        path.getFileSystem(self._conf).delete(path, True)

    def put_together(self, folder: str, into: str, first: str, last: Sequence[str]) -> None:
        """Writes the parts of a folder into one local file, in the order of their names, with lines before and behind."""
        path = self._jvm.org.apache.hadoop.fs.Path(folder)
        system = path.getFileSystem(self._conf)
        parts = [entry.getPath() for entry in system.listStatus(path) if entry.getPath().getName().startswith("part-")]
        unfinished = f"{into}.unfinished"
        with open(unfinished, "w", encoding="utf-8", newline="\n") as out:
            out.write(first + "\n")
        out = self._jvm.java.io.FileOutputStream(unfinished, True)
        try:
            for part in sorted(parts, key=lambda part: part.getName()):
                # The octets never come to Python.
                content = system.open(part)
                self._jvm.org.apache.hadoop.io.IOUtils.copyBytes(content, out, 1 << 20, False)
                content.close()
        finally:
            out.close()
        with open(unfinished, "a", encoding="utf-8", newline="\n") as out:
            out.writelines(line + "\n" for line in last)
        os.replace(unfinished, into)

    def _input(self, status: Any, local: bool, in_directory: bool) -> Input:
        uri = status.getPath().toUri()
        name = uri.getPath() if local else status.getPath().toString()
        return Input(name, status.getLen(), in_directory)


def is_local(name: str) -> bool:
    """Whether every executor opens it by its path: it is no address with a scheme."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", name) is None


def bins(inputs: Sequence[Input], most: int = TASK_BYTES) -> list[list[int]]:
    """Places of inputs, put together to tasks of about as many octets: the largest first."""
    tasks: list[tuple[int, list[int]]] = []
    order = sorted(range(len(inputs)), key=lambda place: (-inputs[place].size, place))
    for place in order:
        size = inputs[place].size
        if tasks and tasks[-1][0] + size <= most:
            octets, places = tasks[-1]
            places.append(place)
            tasks[-1] = (octets + size, places)
        else:
            tasks.append((size, [place]))
    return [places for _, places in tasks]


def read_segments(spark: SparkSession, inputs: Sequence[Input], config: str) -> DataFrame:
    """Segments and reports of captures, in the schema ``read``: the first stage."""
    frames = []
    local = [place for place, one in enumerate(inputs) if is_local(one.name)]
    if local:
        tasks = bins([inputs[place] for place in local])
        rows = [
            (task, local[place], inputs[local[place]].name) for task, places in enumerate(tasks) for place in places
        ]
        files = spark.createDataFrame(rows, "task int, given long, name string")
        # One partition for each task, and none for two.
        keyed = files.rdd.map(lambda row: (row["task"], row)).partitionBy(len(tasks), int).values()
        files = spark.createDataFrame(keyed, files.schema)

        def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for given, name in zip(batch["given"].to_pylist(), batch["name"].to_pylist()):
                    yield from _native.SegmentReader(name, given, config)

        frames.append(files.mapInArrow(read, from_arrow_schema(_SCHEMAS["read"])))
    remote = [place for place, one in enumerate(inputs) if not is_local(one.name)]
    if remote:
        # Whatever file system it is: Spark reads the file, and a task has its content.
        given = {inputs[place].name: place for place in remote}

        def unpack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for name, content in zip(batch["path"].to_pylist(), batch["content"]):
                    octets = content.as_buffer()
                    yield from _native.SegmentReader(name, given[name], config, pa.BufferReader(octets))

        files = spark.read.format("binaryFile").load(list(given)).select("path", "content")
        frames.append(files.mapInArrow(unpack, from_arrow_schema(_SCHEMAS["read"])))
    frame = frames[0]
    for other in frames[1:]:
        frame = frame.unionByName(other)
    return frame


@lru_cache(maxsize=1)
def _plan(plan_json: str, config: str) -> _native.Plan:
    """What all tasks of a process share: with many files it takes its time to read."""
    return _native.Plan.from_json(plan_json, config)


def elephants(segments: DataFrame, total: int, partitions: int, share: float = ELEPHANT) -> list[bytes]:
    """Flows with so many segments that each has a partition of its own: more than ``share`` of what a partition has on
    average, the largest first. What a connection's segments prove is proven in their order, so they cannot be divided; but
    nothing else has to wait behind them."""
    least = max(1, int(total / partitions * share))
    counts = segments.groupBy("flow").count().where(F.col("count") > least)
    return [bytes(row["flow"]) for row in counts.orderBy(F.desc("count"), "flow").limit(MOST_ELEPHANTS).collect()]


def track(
    segments: DataFrame,
    plan_json: str,
    config: str,
    partitions: int,
    alone: Sequence[bytes] = (),
    lines: bool = False,
) -> DataFrame:
    """Segments (with the rank of their file) to what is told of them, in the schema ``tracked``: stages two and three.
    Flows of ``alone`` have partitions of their own, behind the others. With ``lines`` connections have their canonical
    lines."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        tracker = _native.PartitionTracker(_plan(plan_json, config), lines)
        for batch in batches:
            yield from tracker.take(batch)
        yield from tracker.finish()

    columns = segments.columns
    if alone:
        own = [(bytearray(flow), partitions + place) for place, flow in enumerate(alone)]
        known = segments.sparkSession.createDataFrame(own, "flow binary, own int")
        marked = segments.join(F.broadcast(known), "flow", "left")
        place = F.coalesce(F.col("own"), F.expr(f"cast(pmod(hash(flow), {partitions}) as int)"))
        rows = marked.repartitionById(partitions + len(alone), place).select(columns)
    else:
        rows = segments.repartition(partitions, "flow")
    rows = rows.sortWithinPartitions("flow", "time_ns", "file", "number")
    return rows.mapInArrow(run, from_arrow_schema(_SCHEMAS["tracked"]))


def judge(shares: DataFrame, plan_json: str, config: str, partitions: int) -> list[str]:
    """Findings about services (JSON each), of what the rules kept of connections: the fourth stage."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        judge = _native.ServiceJudge(_plan(plan_json, config))
        for batch in batches:
            judge.take(batch)
        yield pa.RecordBatch.from_pydict({"finding": pa.array(judge.finish(), pa.string())})

    rows = shares.repartition(partitions, "rule", "group").sortWithinPartitions("rule", "group", "id")
    return [row["finding"] for row in rows.mapInArrow(run, "finding string").collect()]


@dataclass(frozen=True)
class Result:
    """What a run says in the end."""

    #: The first line of the canonical JSON Lines: the capture.
    capture: dict[str, Any]
    #: The last one: the totals.
    summary: dict[str, Any]


def run(
    spark: SparkSession,
    names: Sequence[str],
    output: str,
    *,
    settings: Settings = Settings(),
    partitions: int | None = None,
    canonical: str | None = None,
    isolate_from: int = 2 * TASK_SEGMENTS,
    keep: bool = False,
) -> Result:
    """Reads captures and writes the tables below ``output``, which must not exist.

    ``partitions`` is how many tasks track connections; None: as many as the segments need. ``canonical`` is a local file for
    the canonical JSON Lines: octet by octet those of ``tcptrace-states export --to canonical``. From so many segments on as
    ``isolate_from``, connections that are much larger than others get tasks of their own. What lies between two stages
    is deleted at the end, unless ``keep`` is set. Raises :class:`~tcptrace_states.CaptureError` if nothing could be read.
    """
    config = settings.to_json()
    files = _Files(spark)
    inputs = files.inputs(names)
    folder = output.rstrip("/")
    spark.sparkContext.setJobDescription("tcptrace-states 1/4: captures to segments")
    read_segments(spark, inputs, config).write.parquet(f"{folder}/segments")
    read = spark.read.parquet(f"{folder}/segments")
    reports: list[str | None] = [None] * len(inputs)
    for row in read.where(F.col("report").isNotNull()).select("given", "report").collect():
        reports[row["given"]] = row["report"]
    complete = [
        report if report is not None else _native.unreadable_report(one.name, "no task has read it")
        for report, one in zip(reports, inputs)
    ]
    plan = _native.Plan(complete, [one.in_directory for one in inputs], config)
    if plan.readable() == 0 and plan.problems():
        raise _native.CaptureError("; ".join(plan.problems()))
    plan_json = plan.to_json()
    spark.sparkContext.setJobDescription("tcptrace-states 2-3/4: segments to connections")
    ranks = zip(range(len(inputs)), plan.ranks(len(inputs)), plan.ahead_ns(len(inputs)))
    ranked = [(given, rank, ahead) for given, rank, ahead in ranks if rank is not None]
    known = spark.createDataFrame(ranked, "given long, rank int, ahead long")
    segments = read.where(F.col("report").isNull()).join(F.broadcast(known), "given")
    time = F.col("time_ns") - F.col("ahead")
    segments = segments.select("flow", time.alias("time_ns"), F.col("rank").alias("file"), "number", "segment")
    count = sum(json.loads(report)["capture"]["tcp_segments"] for report in complete)
    if partitions is None:
        partitions = max(1, -(-count // TASK_SEGMENTS), spark.sparkContext.defaultParallelism)
    # One pass over one column; where all segments are the work of a few tasks, nobody waits long.
    alone = elephants(segments, count, partitions) if count >= isolate_from else []
    tracked = track(segments, plan_json, config, partitions, alone, canonical is not None)
    with _one_writer_for_each(spark, len(_KINDS)):
        tracked.write.partitionBy("kind").parquet(f"{folder}/tracked")
    told = spark.read.schema(from_arrow_schema(_SCHEMAS["tracked"])).parquet(f"{folder}/tracked")
    spark.sparkContext.setJobDescription("tcptrace-states 4/4: services and tables")
    totals = [row["totals"] for row in told.where("kind = 'totals'").select("totals").collect()]
    shares = told.where("kind = 'share'").select("rule", "group", "id", "kept")
    findings = judge(shares, plan_json, config, min(partitions, 200))
    first, last, of_services = plan.finish(totals, findings)
    for table in _TABLES:
        rows = told.where(F.col("kind") == table).select(f"{table}.*")
        if table == "finding":
            rows = rows.unionByName(_frame(spark, of_services))
        rows.write.parquet(f"{folder}/{table}s")
    _frame(spark, plan.quality()).coalesce(1).write.parquet(f"{folder}/quality")
    if canonical is not None:
        spark.sparkContext.setJobDescription("tcptrace-states: canonical lines")
        lines = told.where("kind = 'connection'").select("time_ns", "id", "line")
        lines.orderBy("time_ns", "id").select("line").write.text(f"{folder}/lines")
        files.put_together(f"{folder}/lines", canonical, first, last)
    if not keep:
        for between in ("segments", "tracked", "lines"):
            files.delete(f"{folder}/{between}")
    spark.sparkContext.setJobDescription(None)
    return Result(json.loads(first), json.loads(last[-1]))


@contextmanager
def _one_writer_for_each(spark: SparkSession, kinds: int) -> Iterator[None]:
    """A task writes files of so many kinds at once, which else needs its rows to be sorted by them."""
    name = "spark.sql.maxConcurrentOutputFileWriters"
    before = spark.conf.get(name)
    spark.conf.set(name, str(kinds))
    try:
        yield
    finally:
        spark.conf.set(name, before)


def _frame(spark: SparkSession, batch: pa.RecordBatch) -> DataFrame:
    return spark.createDataFrame(batch.to_pylist(), from_arrow_schema(batch.schema))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit code: 0 done (what was damaged is told), 2 nothing could be read."""
    parser = argparse.ArgumentParser(
        prog="python -m tcptrace_states.spark",
        description="TCP states of a fleet's captures, on Apache Spark, with the same answer as on one machine",
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="captures, folders of them, patterns; any file system that Spark reads")
    parser.add_argument("--output", required=True, metavar="DIR", help="a new folder for the tables, as Parquet")
    parser.add_argument("--canonical", metavar="FILE", help="the canonical JSON Lines, too: a local file of the driver")
    parser.add_argument("--partitions", type=int, metavar="N", help="tasks that track connections [default: by the number of segments]")
    parser.add_argument("--msl", default="linux", help="maximum segment lifetime: a duration, or linux, bsd, windows, rfc [default: linux]")
    parser.add_argument("--severity", default="note", choices=["info", "note", "warning", "error"], help="findings from this severity on")
    parser.add_argument("--no-dedup", action="store_true", help="keep copies of segments in other files")
    parser.add_argument("--align-clocks", action="store_true", help="set the clocks of captures with the same segments by one another")
    parser.add_argument("--verify-checksums", action="store_true", help="verify checksums")
    args = parser.parse_args(arguments)
    settings = Settings(
        msl=args.msl,
        severity=args.severity,
        dedup=not args.no_dedup,
        align_clocks=args.align_clocks,
        verify_checksums=args.verify_checksums,
    )
    spark = SparkSession.builder.appName("tcptrace-states").getOrCreate()
    try:
        result = run(
            spark, args.inputs, args.output, settings=settings, partitions=args.partitions, canonical=args.canonical
        )
    except _native.CaptureError as error:
        print(f"tcptrace-states: {error}", file=sys.stderr)
        return 2
    finally:
        spark.stop()
    for damage in result.capture["damage"]:
        print(f"tcptrace-states: {damage}", file=sys.stderr)
    print(
        f"{args.output}: {result.summary['connections']} connections of {result.capture['packets']} packets",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    # By its name: executors find by it what tasks call.
    from tcptrace_states.spark import main as by_name

    sys.exit(by_name())
