
from typing import List

import mlflow


class Shouter(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: List[str], params=None) -> List[str]:
        return [text.upper() for text in model_input]


mlflow.models.set_model(Shouter())
