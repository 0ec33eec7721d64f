
from typing import List, Optional

import mlflow
import pydantic


class Person(pydantic.BaseModel):
    name: str
    age: int
    city: Optional[str] = None


class Greeter(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: List[Person], params=None) -> List[str]:
        return [f"{p.name} {p.age} {p.city}" for p in model_input]


mlflow.models.set_model(Greeter())
