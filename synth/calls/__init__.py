"""The durable ask: prompts, keys, budget, slots and structure of calls to models."""
