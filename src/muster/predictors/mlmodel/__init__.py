"""MLflow's format for models, of MLflow 1, 2 and 3, read as data: nothing of MLflow or of the model is imported."""
