"""The path to the model server, measured beside a bare loop and beside what others use.

    python benchmarks/generation.py [--json] [--quick] [--parts abcd] [--rounds 7] [--prompts 8] [--seconds S]

(a) Real vLLM with a tiny model: 500 chats of 64 tokens, the same prompts and concurrency for all, rounds alternated,
    medians: a raw aiohttp loop, ours with its ledger, the openai client with gather, distilabel; and the nightly flow
    with a method of three turns in several shards beside a raw loop over the very requests it made.
    `ours_vs_raw` = raw seconds / ours, and so on: above 1 is faster than the other. Two settings are measured, as
    what a client costs shows the more, the less the server costs: `full`, 256 open requests (what vLLM allows unless told
    otherwise) and a model as light as one can be; and `few`, 64 open and a heavier model, where the server takes most of
    the time. What is printed first is `full`; both are in `real_server`, ratios and all.
    A flow's time runs from its first request to its last answer (both from its ledger); what the flow does before and
    after (draw, filters, release) asks no model and is given apart as `flow_total_s`.
(b) A mock server that takes 200 ms, 5,000 requests, 1,000 open: CPU seconds per request of the client's process,
    ledger included, beside bare aiohttp: `client_cpu_vs_bare`, below is better.
(c) A mock server that takes 1 ms, 100,000 requests: resident memory at the end less that after the first tenth, in MB.

(d) k samples of a prompt of 500 tokens: one request with `n` against k requests, 64 answers open either way, answers per second:
    `n_in_one_vs_many`, above 1 is faster in one. With real weights where $NIGHTSCHOOL_REAL_MODEL names a folder. Alone, in five
    minutes of a quiet machine: `python benchmarks/generation.py --parts d --rounds 9 --seconds 240`.

Each client is a program of its own (`peers/`). The result goes to `benchmarks/results/generation.json`.
"""

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
PEERS = HERE / "peers"
PEERS_PACKAGES = ("distilabel==1.5.3", "openai", "requests", "aiohttp")
sys.path.insert(0, str(CHECKOUT))
sys.path.insert(0, str(PEERS))

from measure import request_of  # noqa: E402

from benchmarks.generating.samples import samples  # noqa: E402
from benchmarks.shared.peers import peers_python, versions_in  # noqa: E402
from benchmarks.shared.results import circumstances, keep, last  # noqa: E402
from tests.server_program import ServerProgram  # noqa: E402
from tests.tiny_llama import make_tiny  # noqa: E402

MODEL = "tiny"
TURNS = 3
"""Calls of an attempt, one after the other: a draft, its critique, its revision; whatever a random model writes."""
RECIPE = """
name: bench
problems:
  limit: {problems}
  sources: [{{name: arithmetic, kind: arithmetic, options: {{tiers: [3]}}, tier: 3}}]
shard: {shard}
models:
  student: &model {{engine: vllm, endpoint: "{endpoint}", name: {model}, revision: bench, concurrency: {concurrency}}}
  teacher: *model
prompts:
  solve: solve.jinja
  constitutional/principle_critique: critique.jinja
  constitutional/principle_revision: revision.jinja
methods: [{{method: constitutional, params: {{revisions: 1, attempt_tokens: 64, max_tokens: 64}}}}]
alarms: {{share: 1}}  # what a random model writes is rejected, all of it
"""


@dataclass(frozen=True)
class Setting:
    """A server as busy as a client may make it, and how much each answer costs it."""

    layers: int
    width: int
    concurrency: int


SETTINGS = {
    "full": Setting(layers=1, width=64, concurrency=256),
    "few": Setting(layers=2, width=128, concurrency=64),
}


def client(program: str, job: dict[str, Any], python: Path | None = None) -> dict[str, Any]:
    """Run one client to its end and return its figures."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(job, file)
        file.flush()
        path = str(PEERS) if python else f"{CHECKOUT}{os.pathsep}{PEERS}"
        environment = os.environ | {"PYTHONPATH": path, "DISTILABEL_LOG_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(
            [str(python or sys.executable), str(PEERS / f"{program}.py"), file.name],
            capture_output=True,
            text=True,
            env=environment,
            timeout=1800,
            cwd=tempfile.gettempdir(),
        )
    if done.returncode != 0:
        raise SystemExit(f"{program} failed:\n{done.stderr[-3000:]}")
    if program == "raw" and done.stderr:
        say(done.stderr.strip())
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    wanted = len(job["requests"]) if "requests" in job else job["count"]
    if figures["answers"] != wanted:
        raise SystemExit(f"{program}: {figures['answers']} answers to {wanted} requests")
    return figures


def flow(
    endpoint: str, folder: Path, problems: int, shard: int, number: int, concurrency: int
) -> tuple[float, list[dict[str, Any]], float]:
    """Run the nightly flow; seconds from its first request to its last answer, its requests, and its whole time."""
    (folder / "solve.jinja").write_text("{{ problem.prompt }}")
    (folder / "critique.jinja").write_text("{{ problem.prompt }} Check: {{ solution }}")
    (folder / "revision.jinja").write_text("{{ problem.prompt }} Again: {{ critique }}")
    recipe = folder / "bench.yaml"
    recipe.write_text(
        RECIPE.format(problems=problems, shard=shard, endpoint=endpoint, model=MODEL, concurrency=concurrency)
    )
    workspace = folder / f"workspace{number}"
    command = [sys.executable, "-m", "flows.cli", "run", str(recipe), "-w", str(workspace)]
    began = datetime.now(UTC)
    done = subprocess.run(
        [*command, "--date", f"2026-01-{number + 1:02d}", "--json", "--quiet"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        cwd=CHECKOUT,
        timeout=1800,
    )
    total = (datetime.now(UTC) - began).total_seconds()
    if done.returncode != 0:
        raise SystemExit(f"the flow failed:\n{done.stderr[-3000:]}")
    (ledger,) = workspace.rglob("ledger.sqlite")
    with sqlite3.connect(ledger) as connection:
        rows = connection.execute(
            "select messages, sampling, created_at, seconds from calls order by created_at"
        ).fetchall()
    ends = [datetime.fromisoformat(created).timestamp() for *_, created, _ in rows]
    starts = [end - seconds for end, (*_, seconds) in zip(ends, rows, strict=True)]
    requests = [
        {"messages": json.loads(messages), "seed": json.loads(sampling)["seed"]} for messages, sampling, *_ in rows
    ]
    if len(requests) != TURNS * problems:
        raise SystemExit(f"the flow made {len(requests)} calls for {problems} problems of {TURNS} turns")
    return max(ends) - min(starts), requests, total


def real_server(rounds: int, count: int) -> dict[str, Any]:
    """Part (a)."""
    from synth.engines.vllm_command import vllm_python

    python = peers_python("generation", PEERS_PACKAGES)
    measured = {name: one_setting(setting, python, rounds, count) for name, setting in SETTINGS.items()}
    return {
        **measured["full"]["ratios"],
        "real_server": measured,
        "versions": {
            **versions_in(python, ("distilabel", "openai")),
            **versions_in(Path(sys.executable), ("aiohttp", "prefect")),
            **versions_in(vllm_python(), ("vllm",)),
        },
    }


def one_setting(setting: Setting, python: Path, rounds: int, count: int) -> dict[str, Any]:
    """Every client in alternation against a server of its own, and the flow."""
    from synth.engines.vllm_command import ServerOptions
    from synth.engines.vllm_server import VllmServer

    requests = [request_of(number) for number in range(count)]
    clients = {"raw": None, "ours": None, "openai_gather": python, "distilabel": python}
    programs = {"distilabel": "distilabel_run"}
    seconds: dict[str, list[float]] = {name: [] for name in (*clients, "flow", "flow_raw", "flow_total")}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = make_tiny(folder / "tiny", layers=setting.layers, width=setting.width, length=1024, endless=True)
        options = ServerOptions(max_model_len=1024, max_num_seqs=setting.concurrency, start_limit_s=400)
        say(f"starting vLLM: {setting}")
        with VllmServer(checkpoint, MODEL, folder / "served", options) as server, telling(server):
            job = {"endpoint": server.endpoint, "model": MODEL, "concurrency": setting.concurrency}
            client("raw", job | {"requests": requests[:100]})  # warm
            for number in range(rounds):
                order = list(clients) if number % 2 == 0 else list(reversed(clients))
                for each in order:
                    figures = client(programs.get(each, each), job | {"requests": requests}, clients[each])
                    seconds[each].append(figures["seconds"])
                    say(f"round {number + 1}: {each} {seconds[each][-1]:.1f} s")
                busy, asked, total = flow(
                    server.endpoint, folder, count // TURNS, max(20, count // 10), number, setting.concurrency
                )
                seconds["flow"].append(busy)
                seconds["flow_total"].append(total)
                seconds["flow_raw"].append(client("raw", job | {"requests": asked})["seconds"])
                say(f"round {number + 1}: flow {busy:.1f} s of {total:.1f}, raw {seconds['flow_raw'][-1]:.1f} s")
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    ratios = {f"ours_vs_{name}": middle[name] / middle["ours"] for name in ("raw", "openai_gather", "distilabel")}
    ratios["flow_vs_raw"] = middle["flow_raw"] / middle["flow"]
    return {
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
        **asdict(setting),
        "rounds": rounds,
        "requests": count,
        "median_s": {name: round(value, 2) for name, value in middle.items()},
        "seconds": {name: [round(value, 2) for value in values] for name, values in seconds.items()},
    }


@contextmanager
def telling(server: Any) -> Iterator[None]:
    """When a client fails because the server has ended, say what the server's log says."""
    try:
        yield
    except SystemExit:
        server.check()
        raise


@contextmanager
def mock(seconds: float) -> Iterator[str]:
    """A mock server in a process of its own; its address."""
    server = ServerProgram("benchmarks.peers.mock", (seconds,))
    server.start()
    try:
        yield server.endpoint
    finally:
        server.kill()


def client_cpu(rounds: int, count: int) -> dict[str, Any]:
    """Part (b)."""
    used: dict[str, list[float]] = {"raw": [], "ours": []}
    with mock(0.2) as endpoint:
        job = {"endpoint": endpoint, "model": MODEL, "concurrency": 1000, "count": count}
        for number in range(rounds):
            for name in list(used) if number % 2 == 0 else list(reversed(used)):
                used[name].append(1e3 * client(name, job)["cpu_s"] / count)
            say(f"cpu round {number + 1}: bare {used['raw'][-1]:.3f} ms, ours {used['ours'][-1]:.3f} ms")
    middle = {name: statistics.median(values) for name, values in used.items()}
    return {
        "client_cpu_vs_bare": round(middle["ours"] / middle["raw"], 3),
        "client_cpu": {
            "rounds": rounds,
            "requests": count,
            "concurrency": 1000,
            "ms_per_request": {name: round(value, 3) for name, value in middle.items()},
        },
    }


def client_memory(count: int) -> dict[str, Any]:
    """Part (c)."""
    with mock(0.001) as endpoint:
        figures = client("ours", {"endpoint": endpoint, "model": MODEL, "concurrency": 64, "count": count})
    samples = figures["rss_mb"]
    early, late = samples[max(0, len(samples) // 10 - 1)], samples[-1]
    say(f"memory: {early:.0f} MB after a tenth, {late:.0f} MB at the end")
    return {
        "rss_growth_mb": round(max(0.0, late - early), 1),
        "client_memory": {"requests": count, "early_mb": round(early, 1), "late_mb": round(late, 1)},
    }


def real_model() -> Path | None:
    """Return the folder of real weights that the environment names; None without."""
    folder = os.environ.get("NIGHTSCHOOL_REAL_MODEL")
    return Path(folder) if folder and (Path(folder) / "config.json").is_file() else None


def keep_parts(result: dict[str, Any]) -> None:
    """Keep what has been measured beside what is kept of the other parts."""
    kept = last("generation")
    keep("generation", kept | result | {"measured": kept.get("measured", {}) | result["measured"]})


def say(line: str) -> None:
    """Tell how far it is, beside the result."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure what is asked for, keep it and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="small counts, one round; nothing is kept")
    parser.add_argument("--parts", default="abcd")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--prompts", type=int, default=8, help="prompts of a round of part d, each with 8 answers")
    parser.add_argument(
        "--seconds",
        type=float,
        default=float("inf"),
        help="part d begins no round after so long; three are made in any case",
    )
    options = parser.parse_args()
    quick = options.quick
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "b": lambda: client_cpu(1 if quick else max(3, options.rounds), 2000 if quick else 5000),
        "c": lambda: client_memory(10_000 if quick else 100_000),
        "d": lambda: samples(
            1 if quick else options.rounds, options.prompts, real_model(), client, say, options.seconds
        ),
        "a": lambda: real_server(1 if quick else options.rounds, 100 if quick else 500),
    }
    result: dict[str, Any] = {"measured": {}}
    for part, measure in parts.items():
        if part not in options.parts:
            continue
        load = os.getloadavg()[0]
        result |= measure()
        result["measured"][part] = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "load_before": round(load, 1),
            "load_after": round(os.getloadavg()[0], 1),
        }
        result |= circumstances()
        if not quick:
            keep_parts(result)
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
