"""The stages in order: `fit` tables to a model, `block` tables and a model to candidate pairs."""
