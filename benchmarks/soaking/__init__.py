"""A soak: simulated nights on one machine, under the faults that real ones meet, and the books at the end.

    model_server.py   an OpenAI-compatible server that knows arithmetic and keeps book of every answer
    machine.py        `nightschool up` with its processes, asked over Prefect's API
    faults.py         what goes wrong, at which moment
    books.py          rows, calls, processes and leases at the end
    soak.py           so many nights, faults drawn from a seed

The benchmark (`benchmarks/soak.py`), the long run (`stress/test_soak.py`) and two nights of the suite (`tests/flows/test_soak.py`)
share it.
"""
