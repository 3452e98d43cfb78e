"""What reinforcement learning stands on: its problems, rollouts and trainer."""
