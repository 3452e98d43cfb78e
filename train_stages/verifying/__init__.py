"""What the stage `verifier` stands on: judged answers as rows, their tokens, the trainer, and how good a verifier is."""
