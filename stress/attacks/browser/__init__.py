"""What a web page in the browser of whoever runs Nightschool tries on its window and on the Prefect server of `up`."""
