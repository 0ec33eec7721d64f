import mlflow.pyfunc


class Far(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input):
        from farther import far

        return far(model_input['rate'].astype('float64'))
