"""The recipe: a night described in YAML, validated before anything is paid."""
