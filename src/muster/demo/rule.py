"""A rule of thumb for delays, as a plain Python file: evenings are late, and so are some carriers."""

import pyarrow as pa
import pyarrow.compute as pc

INPUT = "arrow"
OFTEN_LATE = pa.array(["EV", "F9", "FL", "YV"])


class Model:
    """The chance of a delay grows through the day."""

    classes = ("no", "yes")

    def predict_proba(self, data: pa.Table) -> pa.Table:
        through_the_day = pc.divide(pc.cast(data["hour"], pa.float64()), 48.0)
        carrier = pc.cast(pc.is_in(data["carrier"], OFTEN_LATE), pa.float64())
        late = pc.min_element_wise(pc.add(through_the_day, pc.multiply(carrier, 0.15)), 1.0)
        return pa.table({"no": pc.subtract(1.0, late), "yes": late})

    def predict(self, data: pa.Table) -> pa.Array:
        return pc.if_else(pc.greater(self.predict_proba(data)["yes"], 0.5), "yes", "no")
