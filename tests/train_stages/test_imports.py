import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import train_stages


def test_importing_the_package_and_its_decisions_is_cheap():
    program = (
        "import sys, train_stages.config, train_stages.promote, train_stages.evaluate, train_stages.tiny\n"
        "import train_stages.cpt, train_stages.sft, train_stages.rl, synth.engines.sampler, synth.problems.arithmetic\n"
        "print([name for name in ('torch', 'transformers', 'trl', 'datasets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_stage_module_imports_itself_in_a_circle():
    """Late imports count too: they hide a circle, they do not mend it."""
    folder = Path(train_stages.__file__).parent
    graph = {}
    for path in folder.glob("*.py"):
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        named = {
            node.module.removeprefix("train_stages.")
            for node in nodes
            if (node.module or "").startswith("train_stages.")
        }
        named |= {alias.name for node in nodes if node.module == "train_stages" for alias in node.names}
        graph[path.stem] = named
    assert {"pipeline", "rl"} <= set(TopologicalSorter(graph).static_order())
