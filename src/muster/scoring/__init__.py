"""Scoring: a version's predictions for every row of a dataset, as a dataset."""
