"""What was trained and how it did: checkpoints, the student, evaluations, promotion sets."""
