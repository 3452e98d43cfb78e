"""Tasksets of verifiers (https://github.com/primeintellect-ai/verifiers) as problems: installed packages, scored here."""
