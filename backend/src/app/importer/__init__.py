"""Import of deals from CSV files, and the generator of such files. `types` and `generator` are cheap to import."""
