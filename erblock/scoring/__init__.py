"""What candidate pairs are worth: seeds, calibration, competition, support, and the estimate of recall."""
