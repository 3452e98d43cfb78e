"""The tables of the lake, one file per group; `storage.schema` puts them together."""
