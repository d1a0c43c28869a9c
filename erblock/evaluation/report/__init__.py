"""One page about a run: figures, charts and samples in a single HTML file."""
