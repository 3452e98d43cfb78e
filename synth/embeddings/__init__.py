"""Vectors of texts whose products say how near the texts are: static embeddings, or TF-IDF where there are no weights."""
