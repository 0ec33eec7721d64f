"""Scoring by a provider's own batch jobs: rows go through object storage, and answers come back from there.

A run has a folder, and works in rounds. In each, rows are put into the folder as requests, one job of the provider answers them,
and what it could not answer is cut smaller for the next round, until each row is answered or was refused alone. Requests and
answers are those of the version's codec. All state is in the folder, by names that follow from the run: whoever opens it again,
on any machine, goes on; a job that was started is found by its name, and is not started, or paid, twice.
"""

from __future__ import annotations

from collections.abc import Mapping

SERVICES: Mapping[str, str] = {
    "sagemaker": "muster.predictors.external.batch.sagemaker:TransformJobs",
    "vertex": "muster.predictors.external.batch.vertex:PredictionJobs",
}
"""Kinds of connections whose provider has such jobs: name → where its Service lives."""
