"""Problems and answers that mean harm to whoever reads, renders, judges or shows them."""
