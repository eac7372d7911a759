"""What script/bench makes of its figures: verdicts, the file, the table, the pictures, the page."""

import argparse
import json
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from script.benchmark import __main__ as bench
from script.benchmark import options, pages, pictures, report, table, targets
from script.benchmark.calls import END, KEY_PLACE, Call, joined
from script.benchmark.clients import spread_over
from script.benchmark.cluster import plans_in
from script.benchmark.latencies import percentile, uncorrected
from script.benchmark.load import MeasurementFailed, _read
from script.benchmark.workloads.tile import tile_of
from script.machine.console import ScriptError

NUMBER = {"type": "number"}
SIDE = {
    "type": "object",
    "required": ["requests", "seconds", "per_second", "p50_ms", "p95_ms", "p99_ms", "errors"],
    "properties": {"errors": {"const": 0}, "per_second": NUMBER},
}
OURS = {
    "required": ["statements_per_call", "database_ms_per_call", "cpu_seconds", "memory"],
    "properties": {
        "cpu_seconds": {"required": ["web", "postgres", "load_tool"]},
        "memory": {"type": "array", "items": {"required": ["pid", "rss", "pss", "uss"]}},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["format", "measured_at", "machine", "conditions", "fills", "measurements", "memory", "push",
                 "push_at_rest", "not_there_yet", "failures", "growth", "targets", "targets_met"],
    "properties": {
        "format": {"const": 1},
        "targets_met": {"type": "boolean"},
        "measurements": {
            "type": "array",
            "items": {
                "required": ["operation", "size", "concurrency", "ours", "bare", "ratio", "slow_plans"],
                "properties": {"ours": {"allOf": [SIDE, OURS]}, "bare": SIDE},
            },
        },
        "targets": {
            "type": "array",
            "items": {
                "required": ["operation", "figure", "words", "value", "met"],
                "properties": {"met": {"type": ["boolean", "null"]}, "value": {"type": ["number", "null"]}},
                "anyOf": [{"required": ["at_least"]}, {"required": ["at_most"]}],
            },
        },
    },
}  # fmt: skip


def measurement(operation: str, size: int, *, per_second: float = 1000.0, p95: float = 5.0, ratio: float = 0.9) -> Any:
    side = {"requests": 4000, "seconds": 4.0, "per_second": per_second, "p50_ms": 2.0, "p95_ms": p95, "p99_ms": 9.0}
    return {
        "operation": operation,
        "title": operation.replace("_", " & "),
        "size": size,
        "concurrency": 8,
        "ours": {
            **side,
            "errors": 0,
            "statements_per_call": 4.0,
            "database_ms_per_call": 0.5,
            "top_statements": [],
            "statuses": {"200": 4000},
            "cpu_seconds": {"web": 3.0, "postgres": 1.0, "load_tool": 0.2},
            "cpu_ms_per_call": {"web": 0.75, "postgres": 0.25, "load_tool": 0.05},
            "memory": [{"pid": 1, "rss": 150.0, "pss": 100.0, "uss": 90.0}],
            "memory_growth": 1.02,
        },
        "bare": {"words": "bare", **side, "per_second": per_second / ratio, "errors": 0, "cpu_seconds": 1.0},
        "ratio": ratio,
        "slow_plans": [{"ms": 61.0, "statement": "SELECT 1", "seq_scans": ["geo_area"]}],
    }


@pytest.fixture
def results() -> report.Results:
    asked = argparse.Namespace(sizes=(10_000, 1_000_000), concurrency=(1, 8), seconds=4, seed=311)
    found = report.Results(asked)
    for workload in (
        "submit",
        "submit_photo",
        "detail",
        "list_of_50",
        "transition",
        "box_of_100",
        "tile_z14",
        "locate",
    ):
        found.add(measurement(workload, 10_000))
        found.add(measurement(workload, 1_000_000))
    found.memory.append({"size": 1_000_000, "workers": [{"pid": 1, "rss": 150.0, "pss": 100.0, "uss": 90.0}]})
    for begin, end, seconds in ((0, 10_000, 2.0), (10_000, 1_000_000, 170.0)):
        tables = {"a": {"bytes": 1, "with_indexes": 10**7}}
        found.fills.append(
            {"from": begin, "to": end, "copy_seconds": seconds, "seconds": 2 * seconds, "tables": tables}
        )
    sent = {"requests": 9950, "seconds": 20.0, "per_second": 480.0, "errors": 0}
    found.push = {"operation": "push", "title": "Push fan-out to 10,000 devices", "size": 1_000_000, "ours": sent,
                  "bare": {"words": "bare", "per_second": 500.0}, "ratio": 0.96}  # fmt: skip
    found.push_at_rest = {"operation": "push_at_rest", "title": "To the phone", "rounds": 20, "median_seconds": 0.1,
                          "p95_seconds": 0.2, "max_seconds": 0.3}  # fmt: skip
    return found


# --- verdicts ------------------------------------------------------------------------------------------


def test_everything_met(results: report.Results) -> None:
    found = results.as_json()
    assert found["targets_met"] is True, [row for row in found["targets"] if not row["met"]]
    jsonschema.validate(json.loads(json.dumps(found)), SCHEMA)


@pytest.mark.parametrize(
    ("operation", "change"),
    [
        ("submit", {"per_second": 329.0}),
        ("submit", {"ratio": 0.11}),
        ("transition", {"per_second": 249.0}),
        ("detail", {"per_second": 699.0}),
        ("list_of_50", {"per_second": 699.0}),
        ("box_of_100", {"ratio": 0.84}),
        ("tile_z14", {"ratio": 0.84}),
        ("locate", {"per_second": 899.0}),
        ("submit_photo", {"per_second": 79.0}),
        ("detail", {"p95": 6.6}),
    ],
)
def test_one_target_missed(results: report.Results, operation: str, change: dict[str, float]) -> None:
    at = next(n for n, row in enumerate(results.measurements) if (row["operation"], row["size"]) == (operation, 10**6))
    results.measurements[at] = measurement(operation, 1_000_000, **change)
    found = results.as_json()
    assert found["targets_met"] is False
    assert [row["operation"] for row in found["targets"] if not row["met"]] == [operation]


def test_memory_push_and_filling_have_targets_too(results: report.Results) -> None:
    assert results.push is not None
    results.memory[0]["workers"][0]["rss"] = 161.0
    results.push["ratio"] = 0.89
    results.measurements[3]["ours"]["memory_growth"] = 1.2
    results.fills[1]["copy_seconds"] = 181.0
    missed = {row["operation"] for row in results.as_json()["targets"] if not row["met"]}
    assert missed == {"web", "push", "submit_photo", "fill"}


def test_what_was_not_measured_is_not_met(results: report.Results) -> None:
    results.measurements = [row for row in results.measurements if row["operation"] != "locate"]
    found = results.as_json()
    row = next(row for row in found["targets"] if row["operation"] == "locate")
    assert (row["value"], row["met"], found["targets_met"]) == (None, None, False)


def test_every_target_of_the_issue_is_there() -> None:
    bounds = {(t.operation, t.figure): t.at_least or t.at_most for t in targets.TARGETS}
    assert bounds == {
        ("submit", "per_second"): 330, ("submit", "ratio"): 0.12, ("transition", "per_second"): 250,
        ("detail", "per_second"): 700, ("list_of_50", "per_second"): 700, ("box_of_100", "ratio"): 0.85,
        ("tile_z14", "ratio"): 0.85, ("locate", "per_second"): 900, ("submit_photo", "per_second"): 80,
        ("submit_photo", "memory_growth"): 1.1, ("fill", "seconds_a_million"): 180,
        ("*", "p95_growth"): 1.3, ("web", "worker_megabytes"): 160,
        ("push", "ratio"): 0.9, ("push_at_rest", "median_seconds"): 2.0,
    }  # fmt: skip


def test_the_exit_code(results: report.Results) -> None:
    assert bench.verdict(results.as_json(), strict=True) == 0
    results.measurements.pop()
    assert bench.verdict(results.as_json(), strict=False) == 0
    assert bench.verdict(results.as_json(), strict=True) == 1
    results.failed("detail", 10_000, "it broke")
    assert bench.verdict(results.as_json(), strict=False) == 1


# --- table, pictures, page -----------------------------------------------------------------------------


def test_the_table_has_every_measurement(results: report.Results) -> None:
    found = results.as_json()
    rows = list(table.rows(found))
    assert len(rows) == 17
    assert {len(row) for row in rows} == {len(table.HEAD)}
    assert any("Targets met." in line for line in table.console(found))


def test_pictures_are_well_formed(results: report.Results, tmp_path: Path) -> None:
    drawn = pictures.draw(results.as_json(), tmp_path)
    assert [path.name for path in drawn] == ["throughput.svg", "ratio.svg", "growth.svg"]
    for path in drawn:
        root = ElementTree.parse(path).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "list & of & 50" in "".join(root.itertext())


def test_a_run_of_one_size_or_of_nothing_draws_too(results: report.Results, tmp_path: Path) -> None:
    results.measurements = [row for row in results.measurements if row["size"] == 10_000]
    pictures.draw(results.as_json(), tmp_path)
    results.measurements, results.push = [], None
    for path in pictures.draw(results.as_json(), tmp_path):
        ElementTree.parse(path)


def test_the_page_keeps_what_people_wrote(results: report.Results, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{pages.BEGIN}\nold\n{pages.END}\nafter\n")
    pages.write(results.as_json(), page)
    first = page.read_text()
    assert first.startswith("before\n")
    assert first.endswith("\nafter\n")
    assert "old" not in first
    assert "| submit ≥ 330/s (15 × Signalen's best) | 1000 | met |" in first
    pages.write(results.as_json(), page)
    assert page.read_text() == first


def test_a_page_without_markers_is_left_alone(results: report.Results, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("by hand\n")
    with pytest.raises(ScriptError, match="nothing was written"):
        pages.write(results.as_json(), page)
    assert page.read_text() == "by hand\n"


def test_the_committed_page_has_its_markers() -> None:
    text = pages.PAGE.read_text()
    assert text.count(pages.BEGIN) == text.count(pages.END) == 1


# --- clients -------------------------------------------------------------------------------------------


def test_what_wrk_added_is_taken_out_again() -> None:
    """stats_correct of wrk 4.1, in Python, then undone."""
    measured = Counter({900: 50, 1_000: 60, 2_400: 5, 7_777: 2, 31_000: 1})
    requests, connections, microseconds = 118, 1, 118_000
    expected = microseconds // requests
    corrected = Counter(measured)
    for value in range(2 * expected, max(measured) + 1):
        shorter = value - expected
        while corrected[value] and shorter > expected:
            corrected[shorter] += corrected[value]
            shorter -= expected
    assert sum(corrected.values()) > requests
    told = Counter({value: count for value, count in corrected.items() if count})
    assert uncorrected(told, requests=requests, connections=connections, microseconds=microseconds) == measured
    assert uncorrected(measured, requests=118, connections=1, microseconds=118_000) == measured


def test_percentiles() -> None:
    histogram = Counter({1_000: 90, 5_000: 9, 100_000: 1})
    assert [percentile(histogram, share) for share in (0.5, 0.95, 0.99, 1.0)] == [1.0, 5.0, 5.0, 100.0]
    assert percentile(Counter(), 0.5) is None


@pytest.mark.parametrize(
    "change",
    [{"statuses": {"200": 9, "500": 1}}, {"socket_errors": 1}, {"exhausted": True}],
)
def test_an_answer_that_helps_nobody_fails_the_run(change: dict[str, Any]) -> None:
    found = {"requests": 10, "microseconds": 10_000, "socket_errors": 0, "exhausted": False, "refusal": "500 sorry",
             "statuses": {"200": 10}, "latencies": [[1000, 10]]}  # fmt: skip
    good = _read(f"x\nRESULT {json.dumps(found)}\n", 1, frozenset({200}), 0.1)
    assert (good.requests, good.per_second) == (10, 1000.0)
    with pytest.raises(MeasurementFailed):
        _read(f"RESULT {json.dumps(found | change)}\n", 1, frozenset({200}), 0.1)
    with pytest.raises(MeasurementFailed):
        _read("connection refused", 1, frozenset({200}), 0.1)


def test_calls_are_written_as_http() -> None:
    call = Call("POST", "/api/v1/requests", "t", {"a": "é"}, {"If-Match": '"1-00000000"'}, fresh_key=True)
    text = joined([call], "127.0.0.1:1")
    head, _, body = text.removesuffix(END).partition(b"\r\n\r\n")
    assert b"Idempotency-Key: " + KEY_PLACE in head
    assert b"Content-Length: %d" % len(body) in head
    assert json.loads(body) == {"a": "é"}


def test_clients_are_as_many_as_the_servers_threads() -> None:
    assert [spread_over(count) for count in (1, 2, 5, 8)] == [[1], [1, 1], [3, 2], [4, 4]]


def test_tiles_of_places() -> None:
    assert tile_of(0.0, 0.0, 1) == (1, 1)
    assert tile_of(-180.0, 85.0, 3) == (0, 0)
    assert tile_of(179.99, -85.0, 3) == (7, 7)


def test_plans_are_read_from_the_log() -> None:
    plan = {"Query Text": "SELECT 1", "Plan": {"Node Type": "Limit", "Plans": [
        {"Node Type": "Seq Scan", "Relation Name": "requests311_event"}]}}  # fmt: skip
    log = f"2026 [1] LOG:  duration: 61.250 ms  plan:\n\t{json.dumps(plan)}\n2026 [1] LOG:  checkpoint starting\n"
    assert plans_in(log + "2026 [1] LOG:  duration: 3 ms  plan:\n\t{broken") == [
        {"ms": 61.25, "statement": "SELECT 1", "seq_scans": ["requests311_event"]}
    ]


def test_options() -> None:
    assert options.options([]).sizes == (10_000, 100_000, 1_000_000)
    assert options.options(["--big"]).sizes[-1] == 10_000_000
    assert options.options(["--sizes", "20_000,100"]).sizes == (100, 20_000)
    for wrong in (["--sizes", "0"], ["--only", "nothing"], ["--seconds", "0"], ["--devices", "1"]):
        with pytest.raises(SystemExit):
            options.options(wrong)
