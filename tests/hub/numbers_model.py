"""Predicts from one number; misbehaves on request, by the number it is given."""

import os
import time

import pyarrow as pa
import pyarrow.compute as pc

INPUT = "arrow"


class Model:
    classes = ("no", "yes")

    def predict_proba(self, data: pa.Table) -> pa.Table:
        numbers = data["n"].to_pylist()
        if -1 in numbers:
            raise ValueError("minus one is no number of mine")
        if -2 in numbers:
            os._exit(7)
        time.sleep(len(numbers) * 2e-6)
        yes = pc.divide(pc.cast(pc.bit_wise_and(data["n"], 1023), pa.float64()), 1023.0)
        return pa.table({"no": pc.subtract(1.0, yes), "yes": yes})

    def predict(self, data: pa.Table) -> pa.Array:
        return pc.if_else(pc.greater(self.predict_proba(data)["yes"], 0.5), "yes", "no")
