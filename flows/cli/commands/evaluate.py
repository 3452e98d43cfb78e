"""`nightschool evaluate`: a checkpoint on held-out problems and benchmarks."""

from typing import Annotated

import typer

from flows.cli.shared import (
    JsonOption,
    QuietOption,
    SetOption,
    WorkspaceOption,
    create_workspace,
    print_json,
    sentences,
    today,
)

app = typer.Typer()


@app.command()
def evaluate(
    checkpoint: Annotated[str, typer.Argument(help="`student`, an id, the name of a checkpoint, or a folder.")],
    recipe: Annotated[str, typer.Option("--recipe", help="Whose problems, prompts and `train.evaluate` are used.")],
    split: Annotated[
        str, typer.Option(help="validation, or heldout (promotion looks at that one; leave it alone).")
    ] = "validation",
    logs: Annotated[
        str | None,
        typer.Option("--inspect", help="Folder for logs in inspect's format; `inspect view --log-dir` opens it."),
    ] = None,
    settings: SetOption = None,
    root: WorkspaceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Evaluate a checkpoint greedily and sampled, on the recipe's held-out problems and benchmarks.

    `recipes/benchmarks/` has GSM8K, SVAMP, MATH-500, Knights and Knaves and verifiable instructions as recipes for this.
    Each row names the prompt by its digest, and how many worked examples (shots) it shows.
    Of several samples: avg@k, pass@k, maj@k by a vote, and best@k where the recipe has a role `verifier` of that engine.
    Every response is kept in the lake (table evaluations); the same evaluation again is only looked up.
    """
    with sentences():
        from pathlib import Path

        from flows.night.evaluation import evaluate_checkpoint
        from flows.night.night import open_night
        from flows.recipe.recipe import load_recipe
        from flows.report.progress import Progress
        from flows.report.summary import print_table

        loaded = load_recipe(Path(recipe), settings or [])
        workspace = create_workspace(root)
        with open_night(loaded, today(None), workspace, Progress(quiet=quiet), "evaluation") as night:
            rows = evaluate_checkpoint(night, checkpoint, split, Path(logs) if logs else None)
        if as_json:
            print_json(rows)
        else:
            print_table(
                ["set", "task", "tier", "items", "shots", "greedy", "sampled", "pass", "vote", "verifier", "prompt"],
                rows,
            )
