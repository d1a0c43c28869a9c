"""Trains an encoder on triplets."""
