"""The two specifications of a codec, which are stored with a version: what is sent, and how an answer is read."""

from muster.predictors.external.codecs.request import RequestSpec
from muster.predictors.external.codecs.response import Meaning, ResponseSpec, Scores

__all__ = ["Meaning", "RequestSpec", "ResponseSpec", "Scores"]
