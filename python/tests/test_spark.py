"""The distributed run: on real Spark, with the same answer as the program, octet by octet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pyspark = pytest.importorskip("pyspark")

import tcptrace_states
from conftest import LAB, Pcap, canonical, digest, in_three, lab, shuffled
from pyspark.sql import SparkSession
from tcptrace_states import Settings, _native, spark as fleet

INFO = Settings(severity="info")


def session(master: str, **more: str) -> SparkSession:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(master).appName("tests")
    options = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.executor.memory": "700m",
        "spark.sql.shuffle.partitions": "4",
        "spark.python.worker.reuse": "true",
        **more,
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


@pytest.fixture(scope="module")
def local() -> SparkSession:
    spark = session("local[2]")
    yield spark
    spark.stop()


def by_spark(spark: SparkSession, files: list[Path], output: Path, partitions: int, settings: Settings = INFO) -> bytes:
    names = [str(file) for file in files]
    lines = output.with_suffix(".jsonl")
    fleet.run(spark, names, str(output), settings=settings, partitions=partitions, canonical=str(lines))
    assert sorted(entry.name for entry in output.iterdir()) == ["connections", "findings", "quality", "transitions"]
    return lines.read_bytes()


def same(found: bytes, expected: bytes) -> None:
    for line, wanted in zip(found.decode().splitlines(), expected.decode().splitlines()):
        assert line == wanted
    assert digest(found) == digest(expected)


@pytest.mark.parametrize("partitions", [1, 3, 7])
def test_all_lab_captures_as_one_fleet(local, program, tmp_path, partitions):
    files = shuffled(lab(), partitions)
    expected = canonical(program, lab(), "--severity", "info")
    assert digest(expected) == digest(canonical(program, files, "--severity", "info", "--threads", str(partitions)))
    same(by_spark(local, files, tmp_path / "out", partitions), expected)
    # The tables say the same.
    connections = pq.read_table(tmp_path / "out" / "connections")
    told = [json.loads(line) for line in expected.splitlines()]
    ids = sorted(line["id"] for line in told if line["type"] == "connection")
    assert sorted(connections["id"].to_pylist()) == ids
    findings = sum(len(line.get("findings", [])) for line in told if line["type"] == "connection")
    findings += sum(line["type"] == "finding" for line in told)
    assert pq.read_table(tmp_path / "out" / "findings").num_rows == findings
    assert pq.read_table(tmp_path / "out" / "quality").num_rows == len(files)


def test_a_connection_that_lies_in_three_files(local, program, tmp_path):
    whole = Pcap(LAB / "half_close_stream.server.pcap")
    parts = in_three(whole, tmp_path)
    found = by_spark(local, shuffled(parts, 1), tmp_path / "out", 3)
    same(found, canonical(program, parts, "--severity", "info"))
    alone = canonical(program, [LAB / "half_close_stream.server.pcap"], "--severity", "info")
    assert found.splitlines()[1:] == alone.splitlines()[1:]


def test_a_file_that_is_there_twice(local, program, tmp_path):
    whole = Pcap(LAB / "churn.client.pcap")
    twice = [whole.write(tmp_path / f"{name}.pcap", whole.records) for name in ("a", "b")]
    found = by_spark(local, twice, tmp_path / "out", 3)
    same(found, canonical(program, twice, "--severity", "info"))
    capture = json.loads(found.splitlines()[0])
    assert capture["skipped"]["duplicate-of-another-file"] == capture["tcp_segments"] > 0


def test_two_taps_with_clocks_apart(local, program, tmp_path):
    whole = Pcap(LAB / "churn.client.pcap")
    taps = [
        whole.write(tmp_path / "early.pcap", whole.records),
        whole.write(tmp_path / "late.pcap", whole.records, shift_us=300_000),
    ]
    found = by_spark(local, taps, tmp_path / "out", 3, Settings(severity="info", align_clocks=True))
    same(found, canonical(program, taps, "--severity", "info", "--align-clocks"))
    capture = json.loads(found.splitlines()[0])
    assert capture["skipped"]["duplicate-of-another-file"] == capture["tcp_segments"] > 0
    (early, late) = pq.read_table(tmp_path / "out" / "quality").sort_by("rank").to_pylist()
    assert (early["clock_ahead_ns"], late["clock_ahead_ns"]) == (0, 300_000_000)
    # Without that they are two captures with copies that come too late.
    apart = by_spark(local, taps, tmp_path / "apart", 3)
    same(apart, canonical(program, taps, "--severity", "info"))
    assert "duplicate-of-another-file" not in json.loads(apart.splitlines()[0])["skipped"]


def test_empty_and_damaged_files_among_good_ones(local, program, tmp_path):
    octets = (LAB / "churn.client.pcap").read_bytes()
    contents = {
        "good.pcap": octets,
        "no packets.pcap": octets[:24],
        "empty.pcap": b"",
        "cut.pcap": octets[: len(octets) // 2],
        "text.pcap": b"this is a text and no capture at all",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files = [tmp_path / name for name in contents]
    found = by_spark(local, files, tmp_path / "out", 3)
    same(found, canonical(program, files, "--severity", "info"))
    capture = json.loads(found.splitlines()[0])
    assert not capture["complete"] and len(capture["damage"]) == 3
    quality = pq.read_table(tmp_path / "out" / "quality").to_pylist()
    assert sum(row["problems"] is not None for row in quality) == 3


def test_elephants_have_partitions_of_their_own(local, program, tmp_path):
    files = lab("bulk_*") + lab("churn*")
    (names, output, lines) = ([str(file) for file in files], str(tmp_path / "out"), tmp_path / "lines")
    fleet.run(local, names, output, settings=INFO, partitions=3, canonical=str(lines), isolate_from=0, keep=True)
    same(lines.read_bytes(), canonical(program, files, "--severity", "info"))
    parts = list((tmp_path / "out" / "tracked" / "kind=totals").glob("*.parquet"))
    segments = [json.loads(row["totals"])["segments"] for part in parts for row in pq.read_table(part).to_pylist()]
    assert len(segments) > 3 and max(segments) > sum(segments) / 12


def test_files_that_spark_reads_itself(local, tmp_path):
    """As those of other file systems: by their content, under the name that Spark gives them."""
    config = INFO.to_json()
    copy = tmp_path / "a name with spaces.pcap"
    copy.write_bytes((LAB / "churn.client.pcap").read_bytes())
    files = [copy, LAB / "close_wait_leak.server.pcapng"]
    by_path = fleet.read_segments(local, [fleet.Input(str(file), 1, False) for file in files], config)
    by_content = fleet.read_segments(local, [fleet.Input(f"file:{file}", 1, False) for file in files], config)
    assert fleet.is_local("/a/b:/c") and not fleet.is_local("s3a://bucket/key") and not fleet.is_local("file:/a")

    def rows(frame):
        table = frame.where("report is null").drop("report").orderBy("given", "number")
        return [tuple(row) for row in table.collect()]

    assert rows(by_content) == rows(by_path) != []
    reports = by_content.where("report is not null").collect()
    names = {json.loads(row["report"])["name"] for row in reports}
    assert names == {f"file:{file}" for file in files}


def test_a_folder_may_hold_other_files(local, program, tmp_path):
    folder = tmp_path / "captures"
    folder.mkdir()
    for name in ("churn.client.pcap", "close_client.client.pcap"):
        (folder / name).write_bytes((LAB / name).read_bytes())
    (folder / "notes.txt").write_text("what was done, when and by whom, in enough words to be a file")
    same(by_spark(local, [folder], tmp_path / "out", 2), canonical(program, [folder], "--severity", "info"))


def test_nothing_to_read_is_an_error(local, tmp_path):
    with pytest.raises(tcptrace_states.CaptureError, match="missing.pcap"):
        fleet.run(local, [str(tmp_path / "missing.pcap")], str(tmp_path / "out"))


def test_rows_out_of_order_fail_loudly():
    name = str(LAB / "churn.client.pcap")
    config = INFO.to_json()
    batches = list(_native.SegmentReader(name, 0, config, batch_rows=100_000))
    report = batches[-1]["report"].to_pylist()[0]
    plan = _native.Plan([report], [False], config)
    import pyarrow as pa

    table = pa.Table.from_batches(batches[:1])
    table = table.append_column("file", pa.array([0] * table.num_rows, pa.int32()))
    table = table.sort_by([(key, "ascending") for key in ("flow", "time_ns", "number")])
    (batch,) = table.combine_chunks().to_batches()
    tracker = _native.PartitionTracker(plan)
    told = tracker.take(batch) + tracker.finish()
    assert sum(part.num_rows for part in told) > 10
    for wrong in (table.take([1, 0]), table.take([0, 0]), table.take(list(reversed(range(table.num_rows))))):
        (batch,) = wrong.combine_chunks().to_batches()
        with pytest.raises(tcptrace_states.OrderError, match="out of order"):
            tracker = _native.PartitionTracker(plan)
            tracker.take(batch)
            tracker.finish()


def command(master: str, files: list[Path], output: Path, partitions: int, *more: str) -> list[str]:
    """As a user starts it, in a process of its own: the session has the master that this one says."""
    start = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import test_spark;"
        f"test_spark.session({master!r});"
        "from tcptrace_states.spark import main; sys.exit(main(sys.argv[1:]))"
    )
    here = str(Path(__file__).parent)
    options = ["--output", str(output), "--canonical", f"{output}.jsonl", "--partitions", str(partitions)]
    return [sys.executable, "-c", start, here, *map(str, files), *options, "--severity", "info", *more]


@pytest.mark.parametrize("partitions", [1, 3, 7])
def test_executors_in_processes_of_their_own(program, tmp_path, partitions):
    files = shuffled(lab(), 10 + partitions)
    done = subprocess.run(
        command("local-cluster[2,1,1024]", files, tmp_path / "out", partitions), capture_output=True, timeout=600
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    same(Path(f"{tmp_path}/out.jsonl").read_bytes(), canonical(program, lab(), "--severity", "info"))


def executors() -> list[int]:
    """Process ids of all executors on this machine."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"org.apache.spark.executor.CoarseGrainedExecutorBackend" in words:
            found.append(int(entry.name))
    return found


def test_an_executor_that_is_killed(program, tmp_path):
    files = lab()
    before = set(executors())
    running = subprocess.Popen(
        command("local-cluster[2,1,1024]", files, tmp_path / "out", 7), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    killed = []

    def kill() -> None:
        # In the middle: once the first stage has written segments, while the others are at work.
        while running.poll() is None and not (tmp_path / "out" / "segments" / "_SUCCESS").exists():
            time.sleep(0.02)
        for one in sorted(set(executors()) - before)[:1]:
            os.kill(one, signal.SIGKILL)
            killed.append(one)

    killer = threading.Thread(target=kill)
    killer.start()
    _, errors = running.communicate(timeout=600)
    killer.join()
    assert killed, errors.decode()[-4000:]
    assert running.returncode == 0, errors.decode()[-4000:]
    same(Path(f"{tmp_path}/out.jsonl").read_bytes(), canonical(program, lab(), "--severity", "info"))
