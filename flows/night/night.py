"""One night's context: its recipe, lake, ledger, student and models."""

import datetime
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

from filters import find_filter
from filters.base import FilterKind
from filters.benchmarks import Benchmark, BenchmarkManifest
from filters.night.rules import Rules, read_rules
from flows.night.reviewed import reviewed_pairs
from flows.recipe.parts import SourceSpec
from flows.recipe.recipe import Recipe
from flows.report.progress import Progress
from flows.report.write import write_report
from storage.catalog.catalog import catalog_of
from storage.catalog.leases import Lease
from storage.catalog.presence import must_have_catalog
from storage.errors import CheckpointError, RecipeError
from storage.ids import digest
from storage.lake.lake import Lake
from storage.ledger.ledger import Ledger
from storage.models.checkpoints import Checkpoint, checkpoint_digest, current_student, find_checkpoint
from storage.models.hub import hub_folder
from storage.models.registry import STUDENT, current_verifier, resolve
from storage.releases.making import check_condition
from storage.releases.reading import latest_release
from storage.releases.selection import check_selection
from storage.takedown.carry_out import purge_here
from storage.workspace import Workspace
from synth.answers.format import FORMATS
from synth.calls.ask import Asker, Budget, Price
from synth.calls.prompting import Prompts
from synth.engines.base import Engine
from synth.engines.spec import NOT_THE_ENGINE, PROMOTED, VERIFIER, open_engine
from synth.environments import Environment
from synth.methods import Method, get_method
from synth.night.curriculum import frontier
from synth.night.draw import Assignment, Draw, vocabulary_texts
from synth.problems import answer_format_of
from synth.problems.base import Problem
from synth.problems.registry import file_options
from train_stages.models.base import make_base
from train_stages.promotion.text_loss import read_texts

UNLIMITED = 10**9


def code_version() -> str:
    """Return the version of Nightschool that is installed."""
    try:
        return version("nightschool")
    except PackageNotFoundError:
        return "0+uninstalled"


@dataclass
class Night:
    """A night at work. Make one with `open_night`.

    Attributes:
        recipe: The recipe.
        date: Logical date.
        workspace: Where everything is.
        lake: Its lake.
        ledger: Its ledger.
        progress: Where people look.
        student: The model that `promoted` means tonight; None when the recipe asks for none.
        deadline: When it must be through with asking, from its first start.
        offline: Whether nothing is downloaded: a model of the Hub that is not here counts as one of which nothing is known.
        lease: That of the one training of a lake, which must still be held when the student is decided about.
        verifier: The model that `verifier` means tonight; None takes the newest that may be used.
    """

    recipe: Recipe
    date: str
    workspace: Workspace
    lake: Lake
    ledger: Ledger
    progress: Progress
    student: Checkpoint | None = None
    deadline: datetime.datetime | None = None
    lease: Lease | None = None
    verifier: Checkpoint | None = None
    offline: bool = False
    _given: dict[str, Checkpoint | None] = field(default_factory=dict, init=False, repr=False)

    @property
    def id(self) -> str:
        """The night in rows: date and recipe."""
        return f"{self.date}/{self.recipe.name}"

    @cached_property
    def prompts(self) -> Prompts:
        """The night's prompts: the built-in ones, those of its methods and filters, some of them replaced by the recipe.

        Raises:
            RecipeError: The recipe replaces a prompt that there is not, or a file is missing or no valid template.
        """
        owners: list[Method | FilterKind] = [item.method for item in self.assignments]
        owners += [find_filter(name) for name in self.recipe.filters]
        folders = {owner.name: owner.prompts for owner in owners if owner.prompts is not None}
        prompts = Prompts(self.recipe.prompts, folders, self.recipe.path, FORMATS[self.recipe.answer_format])
        for item in self.assignments:
            prompts.of(item.method.name, item.prompts)
        return prompts

    @cached_property
    def benchmarks(self) -> BenchmarkManifest:
        """What tonight's rows must not hold: the recipe's benchmarks, and what models are evaluated on."""
        train = self.recipe.train
        parts: list[Benchmark] = []
        for general in train.evaluate.general if train else ():
            parts.append(Benchmark(general.name, "local", "test", self.items_of(general)))
        for spec in (*self.recipe.benchmarks, *(train.evaluate.benchmarks if train else ())):
            if spec.name in [part.name for part in parts]:
                continue  # the recipe may name one set for both
            problems = self.draw_of(spec).open().draw(UNLIMITED, seed=0)
            revision, split = (
                str(spec.options.get(name, other)) for name, other in (("revision", "local"), ("split", "test"))
            )
            parts.append(Benchmark(spec.name, revision, split, problems))
        if texts := self.texts:
            items = [Problem("text", "texts", text, "", digest(text)) for text in texts]
            parts.append(Benchmark("heldout-texts", "local", "test", items))
        return BenchmarkManifest(parts)

    @cached_property
    def texts(self) -> list[str]:
        """The held-out text that a candidate must not forget."""
        spec = self.recipe.train.evaluate.texts if self.recipe.train else None
        return read_texts(self.recipe.path(spec.path), spec) if spec else []

    @property
    def draws(self) -> list[Draw]:
        """What to draw from each source, the frontier's tier decided from the student's evaluations."""
        return [self.draw_of(spec) for spec in self.recipe.problems.sources]

    def items_of(self, spec: SourceSpec) -> list[Problem]:
        """Return the items of a benchmark that models are asked, always the same ones."""
        return self.draw_of(spec).draw(spec.limit or UNLIMITED, seed=0, tier=None, exclude=frozenset())

    def draw_of(self, spec: SourceSpec) -> Draw:
        """Return what to draw from one source."""
        files = file_options(spec.kind)
        options = {
            name: str(self.recipe.path(value)) if name in files and isinstance(value, str) else value
            for name, value in spec.options.items()
        }
        tier = spec.tier
        if tier == "frontier":
            tier = frontier(self.lake, self.student, spec.kind, spec.tiers)
        return Draw(
            spec.name,
            spec.kind,
            options,
            spec.limit or self.recipe.problems.limit,
            tier,
            spec.heldout,
            spec.validation,
            spec.tiers,
        )

    @property
    def assignments(self) -> list[Assignment]:
        """The recipe's methods with what they work on."""
        assigned = []
        for spec in self.recipe.methods:
            method = get_method(spec.method)
            params = method.params.model_validate(spec.params)
            assigned.append(Assignment(method, params, spec.sources, spec.limit, spec.repetitions, spec.prompts))
        return assigned

    @cached_property
    def rules(self) -> Rules:
        """How the night's rows are judged.

        Raises:
            RecipeError: The recipe's `filters`, `policy` or `alarms` cannot be used.
        """
        observes = {item.method.name: item.method.observes(item.params) for item in self.assignments}
        return read_rules(self.recipe.filters, self.recipe.policy, self.recipe.alarms, observes=observes)

    def check(self) -> None:
        """Refuse what only the installed filters and the lake can tell of a recipe, before anything is asked.

        Raises:
            NightschoolError: The recipe's `filters`, `policy`, `alarms`, `where` or a `where` of its plan cannot be used, or an
                environment of a method cannot be played here.
        """
        _ = self.rules
        for item in self.assignments:
            for part in item.method.uses(item.params):
                if isinstance(part, Environment):
                    part.check()
        check_condition(self.lake, self.recipe.condition)
        for step in self.recipe.train.steps if self.recipe.train else ():
            check_selection(self.lake, step.selection, step.key, problems=step.drawn)

    def check_formats(self, tasks: Collection[str]) -> None:
        """Refuse to ask for answers in another format than the rows have that the next release will hold too.

        Args:
            tasks: Tasks of the night's problems.

        Raises:
            RecipeError: The latest release has other formats of one of these tasks.
        """
        latest = latest_release(self.lake, self.recipe.dataset)
        if self.recipe.mixed_formats or latest is None or latest.manifest.get("condition") != self.recipe.condition:
            return
        for task, rows in latest.manifest.get("answer_formats", {}).items():
            tonight = answer_format_of(task) or self.recipe.answer_format
            others = sorted(set(rows) - {tonight})
            if task in tasks and others and tonight != "own":
                raise RecipeError(
                    f"answer: release {latest.id} has rows of task {task!r} in the format {others[0]}, and tonight's would be "
                    f"{tonight}: say `answer: {others[0]}` to go on with it, leave the old rows out with `where`, or let both "
                    "into a release with `mixed_formats: true`"
                )

    def checkpoint_of(self, name: str | None) -> Checkpoint | None:
        """Return what `models.<role>.checkpoint` stands for."""
        if name is None:
            return None
        if name == PROMOTED:
            return self.student
        if name == VERIFIER:
            return self.verifier or current_verifier(self.lake)
        if name not in self._given:
            hub = self.recipe.on_hub(name)
            path = (
                hub_folder(self.recipe.checkpoint(name), download=not self.offline) if hub else self.recipe.path(name)
            )
            self._given[name] = None if path is None else Checkpoint(checkpoint_digest(path), path, "given")
        return self._given[name]

    def identity_of(self, role: str) -> str | None:
        """Return the identity of the model that answers in a role; None for a solver, and where the recipe names none."""
        spec = self.recipe.models.get(role)
        if spec is None or spec.engine == "solver":
            return None
        return spec.identity(self.checkpoint_of(spec.checkpoint))

    def asker(self) -> Asker:
        """Make the night's asker: engines by role (roles of one and the same model share one), budget, ledger."""
        engines: dict[str, Engine] = {}
        shared: dict[str, Engine] = {}
        for role, spec in self.recipe.models.items():
            same = digest(spec.model_dump(mode="json", exclude=NOT_THE_ENGINE))
            if same in shared:
                engines[role] = shared[same]
                continue
            folder = self.workspace.folder("servers", role)

            def starting(seconds: float, line: str, role: str = role) -> None:
                if int(seconds) % 10 == 0:
                    self.progress.say(f"vLLM for {role}: starting, {seconds:.0f} s")

            checkpoint = self.checkpoint_of(spec.checkpoint)
            engines[role] = shared[same] = open_engine(spec, checkpoint, folder, starting)
        prices = {role: spec.price for role, spec in self.recipe.models.items()}
        budget = self.recipe.budget
        return Asker(
            self.ledger,
            engines,
            self.prompts,
            night=self.id,
            draw=self.id if self.recipe.draw == "new" else None,
            budget=Budget(budget.calls, budget.tokens, budget.cost, self.deadline),
            prices={role: Price(price.prompt, price.completion, price.cached) for role, price in prices.items()},
            profiles={
                role: spec.profile(self.checkpoint_of(spec.checkpoint)) for role, spec in self.recipe.models.items()
            },
            reviewed=reviewed_pairs(self.lake),
        )

    def start_of(self, name: str) -> Checkpoint:
        """Return the checkpoint that a stage of the plan is trained from: one of the workspace, or a folder or a Hub model.

        Raises:
            CheckpointError: There is none of that name, or it cannot be loaded.
        """
        try:
            return find_checkpoint(self.lake, resolve(self.lake, name))
        except CheckpointError:
            if name == STUDENT or not self.recipe.path(name).is_dir():
                raise
        return make_base(
            self.lake,
            checkpoint=self.recipe.checkpoint(name),
            texts=(),
            options={},
            night=self.id,
            code_version=code_version(),
        )

    def incumbent(self) -> Checkpoint:
        """Return the model that was promoted last; before the first promotion, the untrained base (made if missing)."""
        student = current_student(self.lake)
        if student is not None:
            return student
        spec = self.recipe.base
        with self.progress.stage("base model"):
            texts = vocabulary_texts(self.draws, self.prompts)
            return make_base(
                self.lake,
                checkpoint=self.recipe.checkpoint(spec.checkpoint) if spec.checkpoint else None,
                texts=texts,
                options=spec.tiny,
                night=self.id,
                code_version=code_version(),
                template=spec.template,
            )


@contextmanager
def open_night(
    recipe: Recipe, date: str, workspace: Workspace, progress: Progress, purpose: str = "night"
) -> Iterator[Night]:
    """Open a night for a purpose (`night`, `training`); only one process at a time may hold it for that.

    Raises:
        WorkspaceError: Another process runs this night.
    """
    with (
        workspace.lock(f"{purpose}-{date}-{recipe.name}", wait=False),
        Lake(workspace) as lake,
    ):
        for takedown in purge_here(lake, rewrite=write_report):
            progress.say(f"takedown {takedown} was done on another machine; this one's files are purged of it")
        with Ledger(workspace.ledger) as ledger:
            yield Night(recipe, date, workspace, lake, ledger, progress)


@contextmanager
def planning_night(recipe: Recipe, date: str, root: Path) -> Iterator[Night]:
    """Open a night to look at only: nothing in the workspace is written, and it need not exist yet."""
    with TemporaryDirectory() as temporary:
        workspace = Workspace.open(root) if (root / "workspace.json").exists() else None
        exists = workspace is not None and catalog_of(workspace).exists()
        if workspace is not None:
            must_have_catalog(workspace, catalog_of(workspace), new=True)
        if workspace is None or not exists:
            workspace = Workspace.scratch(Path(temporary) / "workspace")
        with Lake(workspace, read_only=exists) as lake, Ledger(Path(temporary) / "ledger.sqlite") as ledger:
            student = current_student(lake)
            yield Night(recipe, date, workspace, lake, ledger, Progress(quiet=True), student, offline=True)
