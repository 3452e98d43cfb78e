"""A sandboxed interpreter as a tool: what a program prints is the next turn, and no reply takes anything from the host."""

import pytest

from synth.environments import get_environment
from synth.methods import get_method
from synth.problems import get_task, open_source
from synth.sandbox import SandboxError, bubblewrap, check_sandbox
from tests.synth.conftest import Scripted
from tests.synth.methods.dialogue import run

PYTHON = get_environment("python")
PROBLEM = open_source("arithmetic", {"tiers": [1]}).draw(1, seed=1, tier=1)[0]


def block(program):
    return f"Let me see.\n```python\n{program}\n```"


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("print(2 ** 100)", str(2**100)),
        ("import math\nprint(math.comb(10, 3))\n1 / 0", "120\nZeroDivisionError: division by zero"),
        ("x = 1", "[no output; use print]"),
        ("print(", "SyntaxError: '(' was never closed (program.py, line 1)"),
        ("print(open('/etc/passwd').read())", "FileNotFoundError: [Errno 2] No such file or directory: '/etc/passwd'"),
        ("print('x' * 3000)", "x" * 2000),
        ("while True: print('x' * 1000)", None),
    ],
)
def test_a_program_is_answered_with_what_it_prints(program, told):
    turn = PYTHON.step(PYTHON.start(PROBLEM, 0), {"role": "assistant", "content": block(program)})
    [message] = turn.messages
    assert not turn.done and turn.state["calls"] == 1 and message["role"] == "user"
    assert message["content"] == told if told is not None else message["content"].endswith("[too much output]")


async def test_a_user_of_the_interpreter_is_one_row_and_a_replay_makes_no_call(ledger):
    asked = []

    def user(request):
        asked.append(request)
        turns = [message for message in request.messages if message["role"] == "assistant"]
        return block("print(2 + 3)") if not turns else get_task(PROBLEM.task).solve(PROBLEM)

    params = get_method("tool_dialogue").params(environment="python", form="text")
    rows = [
        (await run(ledger, get_method("tool_dialogue"), [PROBLEM], params, teacher=Scripted(user)))[0] for _ in range(2)
    ]
    assert len(asked) == 2 and rows[0] == rows[1]
    [row] = rows[0]
    assert [message["role"] for message in row["messages"]] == ["user", "assistant", "user"]
    assert row["messages"][2]["content"] == "5" and row["attrs"]["reward"] == 1.0 and row["answer"] == PROBLEM.gold


def test_without_a_sandbox_it_is_refused_before_anything_begins(monkeypatch):
    """A training would else find out after hours, when it comes to evaluate."""
    from flows.night.exam import make_examiner
    from flows.recipe.train import TrainSpec

    check_sandbox.cache_clear()
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda _: None)
    with pytest.raises(SandboxError, match="apt-get install bubblewrap"):
        make_examiner(None, TrainSpec.model_validate({"evaluate": {"environment": "python"}}))
    with pytest.raises(SandboxError):
        PYTHON.start(PROBLEM, 0)
    check_sandbox.cache_clear()
    get_environment("calculator").check()
