
import mlflow
from mlflow.models import ModelConfig

config = ModelConfig(development_config={"limit": 0.0})


class Scripted(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input["rate"].astype("float64") > config.get("limit")).tolist()


mlflow.models.set_model(Scripted())
