"""Reinforcement learning: problems as prompts, rollouts, pass rates, and the trainer with its advantages (`grpo.py`)."""
