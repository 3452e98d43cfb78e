"""The card of a published release: YAML front matter and tables, all of it from the manifest; no model's text stands in it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from storage.releases.reading import Release

_LICENSES = {
    "mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "gpl-3.0", "odc-by", "odbl", "unlicense", "unknown",
}  # fmt: skip
"""Identifiers that the Hub knows; anything else becomes `other`."""
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)


def card(release: Release, releases: Sequence[str], configs: Mapping[str, Mapping[str, int]]) -> str:
    """Write the card of a release.

    Args:
        release: The release published last; the card describes it.
        releases: Ids of all releases in the folder, in order.
        configs: Rows by split, by configuration; `default` holds every column.
    """
    return f"---\n{front_matter(release, configs)}---\n\n{_body(release, releases, configs)}"


def front_matter(release: Release, configs: Mapping[str, Mapping[str, int]]) -> str:
    """Return the YAML that the Hub and `datasets` read."""
    from huggingface_hub import DatasetCardData

    licenses = sorted({name.lower() if name.lower() in _LICENSES else "other" for name in release.manifest["licenses"]})
    data = DatasetCardData(
        pretty_name=release.name,
        license=licenses[0] if len(licenses) == 1 else licenses,
        task_categories=["text-generation"],
        size_categories=[next((size for most, size in _SIZES if release.rows < most), "n>10M")],
        tags=["synthetic", "reasoning", "nightschool", *sorted(release.manifest["by_method"])],
        configs=[
            {
                "config_name": config,
                "data_files": [{"split": split, "path": f"{_folder(config)}/{split}-*"} for split in splits],
                **({"default": True} if config == "default" else {}),
            }
            for config, splits in configs.items()
        ],
    )
    return str(data.to_yaml(line_break="\n")).rstrip("\n") + "\n"


def _body(release: Release, releases: Sequence[str], configs: Mapping[str, Mapping[str, int]]) -> str:
    manifest = release.manifest
    splits = [
        {"configuration": config, "split": split, "rows": rows}
        for config, counts in configs.items()
        for split, rows in counts.items()
    ]
    origins = _said(manifest["by_origin"])
    rows = [{"words": row.get("tokens"), **row} for row in manifest.get("by_method_and_source", ())]
    parts = [
        f"# {release.name}",
        f"{release.rows:,} rows, {release.words:,} words, release `{release.id}` (published so far: "
        f"{', '.join(f'`{name}`' for name in releases)}). Written, checked and released by Nightschool "
        f"{_plain(str(manifest.get('code', '')))}. Problems are split by their canonical structure: none is in two splits.",
        _table("Configurations", splits, "configuration", "split", "rows"),
        _table("Rows", rows, "method", "source", "rows", "words"),
        _table("Who wrote them", manifest.get("models", ()), "model", "role", "sampling", "calls"),
        f"Rows by origin: {origins} (model: a model's answer; rule: a solver's; gold: the data set's own).",
        _table("Rows made and kept", manifest.get("stages", ()), "method", "made", "accepted", "rejected"),
        _table("Why rows were rejected", manifest.get("rejections", ()), "reason", "rows"),
        _decontamination(manifest.get("decontaminated_against", ())),
        f"## Licences of the problems\n\n{_said(manifest['licenses'])}",
        _made(release),
    ]
    return "\n\n".join(parts) + "\n"


def _decontamination(benchmarks: Sequence[Mapping[str, Any]]) -> str:
    if not benchmarks:
        return "## Decontamination\n\nNo benchmark was named by the recipes, so none was looked for."
    title = "Decontamination: no row holds an item of these"
    return _table(title, benchmarks, "name", "revision", "split", "rows", "sha256")


def _made(release: Release) -> str:
    manifest = release.manifest
    recipes = [f"`{_plain(recipe['name'])}` ({recipe['digest']})" for recipe in manifest.get("recipes", ())]
    lines = {
        "condition": f"`{_plain(manifest['condition'])}` at commit {manifest['at_seq']}",
        "mixture": _said(manifest.get("mixture", {})) or "every row",
        "nights": _said(manifest.get("nights", {})),
        "recipes": ", ".join(recipes) or "not recorded",
        "content hash": f"`{release.content_hash}`",
    }
    return "## How it was made\n\n" + "\n".join(f"- {name}: {text}" for name, text in lines.items())


def _table(title: str, rows: Sequence[Mapping[str, Any]], *columns: str) -> str:
    if not rows:
        return f"## {title}\n\nNone."
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(_cell(row[column]) for column in columns)} |" for row in rows]
    return f"## {title}\n\n" + "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    text = json.dumps(value, sort_keys=True) if isinstance(value, dict) else str(value)
    return _plain(text).replace("|", "\\|")


def _plain(text: str) -> str:
    """Names come from recipes and data sets: one line, no markup."""
    return " ".join(text.split()).replace("`", "'").replace("<", "&lt;")


def _said(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{_plain(name)} {_cell(rows)}" for name, rows in counts.items())


def _folder(config: str) -> str:
    return "data" if config == "default" else f"data-{config}"
