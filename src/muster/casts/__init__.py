"""Which Arrow types are taken as which, and how. One rule per pair of families: `table.py` lists them."""

from muster.casts.rule import Cast, Mask, Rule, dtype, either, is_list, nulled, type_name
from muster.casts.table import cast, castable, plain_type, rule
from muster.casts.tensors import tensor_rule

__all__ = [
    "Cast",
    "Mask",
    "Rule",
    "cast",
    "castable",
    "dtype",
    "either",
    "is_list",
    "nulled",
    "plain_type",
    "rule",
    "tensor_rule",
    "type_name",
]
