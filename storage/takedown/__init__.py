"""Takedown: rows leave the lake for good, with every copy of their text.

Why each step of the purge is there: left out alone, a search of every byte of a workspace (`tests/storage/secrets_lake.py`)
found the text again, measured on 2026-11-29 with a SQLite catalogue, in

    flush, rewriting of files, expiry   Parquet files of the lake, the catalogue, the back-up made after the takedown
    clean-up of replaced files          the Parquet files
    scrub of the catalogue              the catalogue, the back-up made after the takedown
    ledger                              ledger.sqlite
    releases                            exports, their mapped copies, what a killed export left
    reports                             the morning reports
    back-ups                            every earlier back-up

The removal of orphans found nothing there: it is for the files of writers that were killed.
"""
