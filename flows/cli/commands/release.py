"""`nightschool release`: data sets by name and version."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.shared import JsonOption, WorkspaceOption, open_lake, open_workspace, print_json, sentences

app = typer.Typer(help="Data sets by name and version.", no_args_is_help=True)

ReleaseArgument = Annotated[str, typer.Argument(help="A release, reasoning@2, or the latest of a data set, reasoning.")]


@app.command("create")
def release_create(
    name: Annotated[str, typer.Argument(help="Name of the data set.")],
    where: Annotated[
        str,
        typer.Option(help="SQL condition over the columns of `accepted` and of the problem (prompt, gold, license)."),
    ] = "true",
    mixture: Annotated[
        list[str] | None,
        typer.Option(
            help="Rows or a share of a method, a source or a task; may be given several times: tutorship=30%, "
            "source:gsm8k=5000. Chosen by a hash of the ids, the same for everybody."
        ),
    ] = None,
    mixed_formats: Annotated[
        bool, typer.Option("--mixed-formats", help="Let the answers of one task have several formats.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that the condition may take.")] = 600.0,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the accepted rows as they are now, with a manifest and an immutable Parquet export."""
    with sentences():
        from flows.night.night import code_version
        from storage.errors import LakeError
        from storage.releases.making import create_release
        from storage.releases.mixture import read_mixture

        wanted = read_mixture(mixture) if mixture else None
        with open_lake(root, read_only=False) as lake:
            before = lake.last_seq()
            release = create_release(
                lake,
                name,
                night=None,
                condition=where,
                mixture=wanted,
                extra={"code": code_version()},
                mixed_formats=mixed_formats,
                timeout=timeout,
            )
            if release is None:
                raise LakeError(
                    f"release {name}: no accepted row fits {where!r}; see `nightschool sql --example yield-by-method`"
                )
            new = lake.last_seq() > before
        if as_json:
            print_json({"release": release.id, "new": new, "rows": release.rows, "path": str(release.path)})
        else:
            line = f"{release.id}: {release.rows:,} rows in {release.path}"
            typer.echo(line if new else f"{line} (it holds these rows already; nothing was made)")


@app.command("list")
def release_list(root: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the releases with rows, commit and folder."""
    with sentences():
        from flows.report.summary import print_table
        from storage.releases.reading import list_releases

        rows = list_releases(open_workspace(root))
        if as_json:
            print_json(rows)
        else:
            for row in rows:
                row["redacted"] = row["takedown_id"] and (row["successor"] or "no row is left")
            columns = ["release_id", "rows", "at_seq", "night", "path"]
            print_table([*columns, "redacted"] if any(row["redacted"] for row in rows) else columns, rows)


@app.command("show")
def release_show(release: ReleaseArgument, root: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show a release's manifest: query, counts, words, models, stages, benchmarks, versions, hashes."""
    with sentences():
        from storage.releases.reading import get_release

        with open_lake(root) as lake:
            named = get_release(lake, release)
        manifest = dict(named.manifest)
        if named.redaction is not None:
            manifest["redacted"] = {"takedown": named.redaction.takedown, "successor": named.redaction.successor}
        if as_json:
            return print_json(manifest)
        import yaml

        typer.echo(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=120).rstrip())


@app.command("diff")
def release_diff(
    old: Annotated[str, typer.Argument(help="A release, reasoning@1.")],
    new: Annotated[str, typer.Argument(help="Another one, reasoning@2.")],
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which rows came in and went out between two releases, by method and source, and why."""
    with sentences():
        from flows.report.summary import print_table
        from storage.releases.checks import diff_releases

        with open_lake(root) as lake:
            changes = diff_releases(lake, old, new)
        if as_json:
            return print_json(changes)
        typer.echo(
            f"{changes['old']} -> {changes['new']}: "
            f"{changes['rows_in']:,} rows in, {changes['rows_out']:,} out, {changes['kept']:,} kept"
        )
        columns = ["method", "source", "rows_in", "rows_out", "kept", "words_in", "words_out"]
        print_table(columns, changes["by_method"])
        if changes["reasons"]:
            print_table(["reason", "rows"], changes["reasons"], title="rows that went out")


@app.command("verify")
def release_verify(
    release: Annotated[
        str | None, typer.Argument(help="A release, or the latest of a data set [default: every release]")
    ] = None,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the hash of every file, the manifest and the content of a release; exit code 1 when something is wrong."""
    with sentences():
        from storage.releases.checks import verify_release
        from storage.releases.reading import get_release, release_ids

        results: list[dict[str, Any]] = []
        with open_lake(root) as lake:
            names = [release] if release else release_ids(lake)
            for name in names:
                verified = get_release(lake, name)
                results.append({
                    "release": verified.id, "rows": verified.rows, "problems": verify_release(lake, verified),
                    "redacted": verified.redaction and asdict(verified.redaction),
                })  # fmt: skip
        if as_json:
            print_json(results)
        for line in [] if as_json else results:
            typer.echo("\n".join(line["problems"]) or _verified(line))
        if any(line["problems"] for line in results):
            raise typer.Exit(1)


def _verified(line: dict[str, Any]) -> str:
    if line["redacted"] is None:
        return f"{line['release']}: {line['rows']:,} rows, every hash is right"
    instead = line["redacted"]["successor"] or "nothing, no row is left"
    return f"{line['release']}: redacted by takedown {line['redacted']['takedown']}, its files are gone; in its place: {instead}"


@app.command("export")
def release_export(
    release: ReleaseArgument,
    target: Annotated[Path, typer.Argument(help="File to write, .parquet or .jsonl; for verifiers a folder.")],
    shape: Annotated[
        str,
        typer.Option(
            help="messages, prompt_completion, preference, prompt, stepwise, text (TRL's formats), verl, or verifiers: a package "
            "with the problems and our judge."
        ),
    ] = "messages",
    recipe: Annotated[
        Path | None, typer.Option(help="verifiers: whose prompt and form of answers ask [default: the built-in ones]")
    ] = None,
    root: WorkspaceOption = None,
) -> None:
    """Write the rows of a release in a shape that trainers read as they are."""
    with sentences():
        from storage.releases.reading import get_release
        from storage.releases.shapes import export, known_shape

        with open_lake(root) as lake:
            named = get_release(lake, release)
            if shape == "verifiers":
                from flows.night.exporting import export_package

                problems = export_package(named, target, recipe)
                typer.echo(f"{problems:,} problems written to {target}; install it beside verifiers and Nightschool")
                return
            count = export(named, known_shape(shape), target)
        typer.echo(f"{count:,} rows written to {target}")


@app.command("publish")
def release_publish(
    release: ReleaseArgument,
    folder: Annotated[Path, typer.Argument(help="A new folder, or one that an earlier release was published to.")],
    shape: Annotated[
        list[str] | None,
        typer.Option(help="Also write this shape, as a configuration of its own; may be given several times."),
    ] = None,
    test: Annotated[float, typer.Option(help="Share of the problems in the test split.")] = 0.05,
    push: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Send the folder to the Hugging Face Hub; needs $HF_TOKEN.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Make the repository public; without it, private.")] = False,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a release as a Hugging Face data set: shards, a card from the manifest, splits that share no problem.

    A later release adds the rows that are new; shards are never rewritten.
    """
    with sentences():
        from storage.modes import users_umask
        from storage.releases.publish import publish
        from storage.releases.reading import get_release

        with open_lake(root) as lake, users_umask():
            done = publish(get_release(lake, release), folder, shapes=shape or (), test=test)
        address = None
        if push is not None:
            from storage.releases.push import push as send

            address = send(folder, push, private=not public)
        if as_json:
            return print_json({**vars(done), "folder": str(folder), "pushed": address})
        rows = ", ".join(f"{split} {count:,}" for split, count in done.rows().items())
        typer.echo(f"{', '.join(done.releases)} in {folder}: {rows} rows" + (f"; pushed: {address}" if address else ""))
