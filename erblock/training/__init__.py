"""Training: triplets in, a fitted encoder out."""
