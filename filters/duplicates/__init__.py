"""What finding duplicates stands on: normal forms, sketches, banding, history, texts as tokens."""
