import subprocess
import sys


def test_importing_the_package_and_its_decisions_is_cheap():
    program = (
        "import sys, train_stages.config, train_stages.promote, train_stages.evaluate, train_stages.tiny\n"
        "import train_stages.cpt, train_stages.sft, train_stages.rl, synth.engines.sampler, synth.problems.arithmetic\n"
        "print([name for name in ('torch', 'transformers', 'trl', 'datasets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
