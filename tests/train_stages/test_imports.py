import subprocess
import sys


def test_importing_the_package_and_its_decisions_is_cheap():
    program = (
        "import sys, train_stages.config, train_stages.promotion.promote, train_stages.promotion.evaluate\n"
        "import train_stages.models.tiny, train_stages.stages.cpt, train_stages.stages.sft, train_stages.stages.rl\n"
        "import synth.engines.sampler, synth.problems.arithmetic\n"
        "import train_stages.reference; train_stages.reference.reference()\n"  # which looks at every part
        "print([name for name in ('torch', 'transformers', 'trl', 'datasets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
