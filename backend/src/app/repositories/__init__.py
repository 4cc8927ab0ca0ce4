"""Questions to the catalogue and the few ways to change it: the only place that writes SQL."""
