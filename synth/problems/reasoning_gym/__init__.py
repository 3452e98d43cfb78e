"""Procedural tasks of the library reasoning-gym (arXiv:2505.24760), each with its own scorer as the judge.

The library is an extra: `pip install 'nightschool[reasoning-gym]'`. `table.json` says which of its tasks are offered and why the
others are not; `python -m synth.problems.reasoning_gym.survey` makes it anew.
"""
