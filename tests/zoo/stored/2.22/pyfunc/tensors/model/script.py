
import mlflow


class Tensors(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["image"].sum(axis=(1, 2)) + model_input["bias"][:, 0]


mlflow.models.set_model(Tensors())
