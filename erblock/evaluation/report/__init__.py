"""The report of a run: figures, charts and samples in one HTML file."""
