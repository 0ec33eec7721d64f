"""Models of MLflow's tracking servers and of Databricks, by their REST API: what they are called, what is known of them, their files."""
