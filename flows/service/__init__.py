"""`nightschool up` and Prefect: the service and its parts, deployments, events, and what kills leave behind."""
