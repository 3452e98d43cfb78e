"""Answers paid for elsewhere enter the ledger."""
