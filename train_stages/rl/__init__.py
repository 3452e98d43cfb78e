"""Reinforcement learning: problems as prompts, rollouts, pass rates, the advantage (`advantage.py`), the trainer (`grpo.py`)."""
