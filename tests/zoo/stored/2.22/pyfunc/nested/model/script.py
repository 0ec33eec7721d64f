
import mlflow


class Nested(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        rows = model_input.to_dict(orient="records")
        return [float(sum(r["list"]) + r["map"]["k"] + r["object"]["x"]) for r in rows]


mlflow.models.set_model(Nested())
