"""Where model text is executed: bubblewrap, with no network, no file of the host's but Python's own, and limits."""

from synth.sandbox.bubblewrap import Limits, Run, SandboxError, check_sandbox, run_python

__all__ = ["Limits", "Run", "SandboxError", "check_sandbox", "run_python"]
