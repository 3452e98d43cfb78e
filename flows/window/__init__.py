"""The window: a local web application to look at rows, nights, releases and models, and to judge rows (`nightschool ui`)."""
