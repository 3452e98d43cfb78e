"""What a response earns in reinforcement learning."""
