"""What benchmarks on a real model share: where the weights and GSM8K are, and the reason where they are not."""

import argparse
import json
import os
from pathlib import Path


def add_places(parser: argparse.ArgumentParser) -> None:
    """Add `--model` and `--data`, with the environment's as defaults."""
    for name, variable, about in (
        ("model", "NIGHTSCHOOL_REAL_MODEL", "folder of the weights"),
        ("data", "NIGHTSCHOOL_DATA", "folder that holds gsm8k/"),
    ):
        default = os.environ.get(variable)
        parser.add_argument(f"--{name}", type=Path, default=Path(default) if default else None, help=about)


def skipped(arguments: argparse.Namespace) -> bool:
    """Say why nothing can be measured, as JSON where that is wanted, and return whether it is so."""
    missing = _missing(arguments.model, arguments.data)
    if missing:
        print(json.dumps({"skipped": missing}) if arguments.json else f"skipped: {missing}")
    return bool(missing)


def _missing(model: Path | None, data: Path | None) -> str | None:
    if model is None or not (model / "config.json").is_file():
        return f"no weights: --model or NIGHTSCHOOL_REAL_MODEL names a Hugging Face folder (got {model})"
    if data is None or not (data / "gsm8k" / "test.jsonl").is_file():
        return f"no GSM8K: --data or NIGHTSCHOOL_DATA names a folder with gsm8k/test.jsonl (got {data})"
    return None
