"""The service that knows models, versions, aliases, registered datasets and runs."""
